"""Write-once containers: time-based policies, legal holds and migration, through ARM."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError
from azure.mgmt.storage import StorageManagementClient
from azure.mgmt.storage.models import ImmutabilityPolicy, ImmutabilityPolicyState, LegalHold
from azure.storage.blob import BlobBlock, ContainerClient

from support.lab import Azure
from support.storage import Account, code, made_account, storage_client

MATCH = MatchConditions.IfNotModified


@pytest.fixture(scope="module")
def account(azure: Azure) -> Iterator[Account]:
    with made_account(azure) as made:
        yield made


class Policy:
    """The policy of one container, driven by the management SDK."""

    def __init__(self, account: Account, container: str) -> None:
        client: StorageManagementClient = storage_client(account.azure, account.subscription_id)
        self.containers = client.blob_containers
        self.place = (account.group, account.name, container)

    def get(self) -> tuple[int | None, str, str]:
        """Days, state, ETag."""
        found = self.containers.get_immutability_policy(*self.place)
        properties = found.properties
        days = properties.immutability_period_since_creation_in_days
        return days, ImmutabilityPolicyState(properties.state).value, found.etag or ""

    def put(self, days: int, etag: str | None = None) -> str:
        made = self.containers.create_or_update_immutability_policy(
            *self.place,
            parameters=ImmutabilityPolicy(_days(days)),
            etag=etag,
            match_condition=MATCH if etag else None,
        )
        return made.etag or ""

    def lock(self, etag: str) -> str:
        locked = self.containers.lock_immutability_policy(
            *self.place, etag=etag, match_condition=MATCH
        )
        return locked.etag or ""

    def extend(self, days: int, etag: str) -> str:
        longer = self.containers.extend_immutability_policy(
            *self.place,
            parameters=ImmutabilityPolicy(_days(days)),
            etag=etag,
            match_condition=MATCH,
        )
        return longer.etag or ""

    def delete(self, etag: str) -> None:
        self.containers.delete_immutability_policy(*self.place, etag=etag, match_condition=MATCH)

    def hold(self, *tags: str) -> list[str]:
        held = self.containers.set_legal_hold(*self.place, LegalHold({"tags": list(tags)}))
        return list(held.tags)

    def release(self, *tags: str) -> list[str]:
        held = self.containers.clear_legal_hold(*self.place, LegalHold({"tags": list(tags)}))
        return list(held.tags)


def _days(days: int) -> dict[str, object]:
    return {"properties": {"immutabilityPeriodSinceCreationInDays": days}}


@pytest.fixture
def container(account: Account) -> ContainerClient:
    """Left behind: it goes with the group of its account, whatever is locked in it."""
    return account.client(account.key).create_container(f"box-{uuid.uuid4().hex[:12]}")


@pytest.fixture
def policy(account: Account, container: ContainerClient) -> Policy:
    """The policy of `container`."""
    return Policy(account, container.container_name)


def refused(act: object, *arguments: object, **named: object) -> str:
    assert callable(act)
    with pytest.raises(HttpResponseError) as refusal:
        act(*arguments, **named)
    arm = getattr(refusal.value.error, "code", None)
    return f"{refusal.value.status_code} {arm or code(refusal.value)}"


WRONG_STATE = "409 ContainerImmutabilityPolicyFailure"
WRONG_ETAG = "412 ContainerImmutabilityPolicyFailure"


def test_a_policy_forbids_to_overwrite_and_to_delete(
    container: ContainerClient, policy: Policy
) -> None:
    assert policy.get() == (0, "Unlocked", "")
    blob = container.upload_blob("b", b"one")
    etag = policy.put(2)
    assert policy.get() == (2, "Unlocked", etag)
    container.upload_blob("new", b"1")
    immutable = "409 BlobImmutableDueToPolicy"
    assert refused(blob.delete_blob) == immutable
    assert refused(blob.upload_blob, b"2", overwrite=True) == immutable
    assert refused(blob.set_blob_metadata, {"a": "1"}) == immutable
    assert refused(blob.set_http_headers) == immutable
    blob.stage_block("a", b"2")
    assert refused(blob.commit_block_list, [BlobBlock("a")]) == immutable
    assert blob.download_blob().readall() == b"one"
    policy.delete(etag)
    blob.delete_blob()


def test_changing_a_policy_needs_the_etag_it_has_now(policy: Policy) -> None:
    first = policy.put(2)
    second = policy.put(3, first)
    assert first != second
    for act in (policy.lock, policy.delete):
        assert refused(act, first) == WRONG_ETAG
    assert refused(policy.put, 4, first) == WRONG_ETAG
    assert refused(policy.extend, 4, second) == WRONG_STATE
    assert policy.get() == (3, "Unlocked", second)


def test_a_locked_policy_can_only_be_extended_and_five_times(policy: Policy) -> None:
    etag = policy.lock(policy.put(2))
    assert policy.get() == (2, "Locked", etag)
    assert refused(policy.lock, etag) == WRONG_STATE
    assert refused(policy.delete, etag) == WRONG_STATE
    assert refused(policy.put, 9, etag) == WRONG_STATE
    assert refused(policy.extend, 2, etag) == WRONG_STATE
    for days in range(3, 8):
        etag = policy.extend(days, etag)
    assert refused(policy.extend, 8, etag) == WRONG_STATE
    assert policy.get() == (7, "Locked", etag)
    shown = policy.containers.get(*policy.place).container_properties
    assert shown is not None
    assert shown.has_immutability_policy
    assert shown.immutability_policy is not None
    history = [one.update_property for one in shown.immutability_policy.update_history or []]
    assert history == ["put", "lock", *["extend"] * 5]


def test_a_container_with_a_policy_is_deleted_through_arm_and_empty(
    container: ContainerClient, policy: Policy
) -> None:
    policy.lock(policy.put(1))
    assert refused(container.delete_container) == "409 ContainerImmutabilityPolicyLocked"
    policy.containers.delete(*policy.place)
    assert not container.exists()


def test_a_container_with_blobs_under_a_policy_stays(
    container: ContainerClient, policy: Policy
) -> None:
    container.upload_blob("b", b"one")
    etag = policy.put(1)
    gone = refused(policy.containers.delete, *policy.place)
    assert gone == "409 ContainerProtectedFromDeletion"
    policy.delete(etag)
    policy.containers.delete(*policy.place)


def test_a_legal_hold_lasts_until_its_last_tag_is_gone(
    container: ContainerClient, policy: Policy
) -> None:
    blob = container.upload_blob("b", b"one")
    assert policy.hold("tax", "Audit7") == ["tax", "audit7"]
    assert policy.hold("tax", "third") == ["tax", "audit7", "third"]
    assert container.get_container_properties().has_legal_hold
    assert refused(blob.delete_blob) == "409 BlobImmutableDueToLegalHold"
    assert refused(blob.upload_blob, b"2", overwrite=True) == "409 BlobImmutableDueToLegalHold"
    assert refused(container.delete_container) == "409 ContainerHasLegalHold"
    gone = refused(policy.containers.delete, *policy.place)
    assert gone == "409 ContainerProtectedFromDeletion"
    assert policy.release("tax", "audit7") == ["third"]
    assert refused(blob.delete_blob) == "409 BlobImmutableDueToLegalHold"
    assert policy.release("third") == []
    blob.delete_blob()
    assert refused(policy.hold, "no") == "400 InvalidParameter"


def test_a_container_is_migrated_to_immutable_versions(azure: Azure) -> None:
    with made_account(azure, versioning=True) as account:
        container = account.client(account.key).create_container("box")
        policy = Policy(account, "box")
        blob = container.upload_blob("b", b"one")
        assert refused(policy.containers.begin_object_level_worm, *policy.place).startswith("409")
        policy.put(2)
        policy.containers.begin_object_level_worm(*policy.place).result()
        shown = policy.containers.get(*policy.place).container_properties
        assert shown is not None
        assert shown.immutable_storage_with_versioning is not None
        assert shown.immutable_storage_with_versioning.enabled
        assert shown.immutable_storage_with_versioning.migration_state == "Completed"
        assert refused(blob.delete_blob) == "409 BlobImmutableDueToPolicy"
        blob.upload_blob(b"two", overwrite=True)
        kept = blob.get_blob_properties().immutability_policy
        assert kept.policy_mode == "unlocked"
