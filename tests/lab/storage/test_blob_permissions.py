"""Who may do what: every letter of a SAS told apart, terms of a SAS, roles, keys."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.storage.blob import (
    AccessPolicy,
    BlobBlock,
    BlobServiceClient,
    ContainerClient,
    ResourceTypes,
    Services,
    UserDelegationKey,
    generate_blob_sas,
    generate_container_sas,
)

from support.lab import Azure, Control
from support.storage import Account, code, storage_client

LETTERS = "racwdxyltmei"
READER, CONTRIBUTOR = "Storage Blob Data Reader", "Storage Blob Data Contributor"


def tag_on_upload(box: ContainerClient) -> None:
    box.upload_blob("old", b"2", overwrite=True, tags={"a": "1"})


def set_tags(box: ContainerClient) -> None:
    box.get_blob_client("old").set_blob_tags({"a": "1"})


def stage(box: ContainerClient) -> None:
    box.get_blob_client("new").stage_block("a", b"1")


def commit_new(box: ContainerClient) -> None:
    box.get_blob_client("staged").commit_block_list([BlobBlock("a")])


def commit_over_old(box: ContainerClient) -> None:
    box.get_blob_client("old").commit_block_list([])


# What is done, and the letters of a container SAS any one of which allows it. Two letters side by
# side must both be there.
ACTS: dict[str, tuple[Callable[[ContainerClient], object], tuple[str, ...]]] = {
    "get": (lambda box: box.get_blob_client("old").download_blob(), ("r",)),
    "properties": (lambda box: box.get_blob_client("old").get_blob_properties(), ("r",)),
    "block list": (lambda box: box.get_blob_client("old").get_block_list(), ("r",)),
    "list": (lambda box: list(box.list_blobs()), ("l",)),
    "create": (lambda box: box.upload_blob("new", b"1", overwrite=True), ("c", "w")),
    "overwrite": (lambda box: box.upload_blob("old", b"2", overwrite=True), ("w",)),
    "put block": (stage, ("c", "w")),
    "commit a new blob": (commit_new, ("c", "w")),
    "commit over a blob": (commit_over_old, ("w",)),
    "set metadata": (lambda box: box.get_blob_client("old").set_blob_metadata({"a": "1"}), ("w",)),
    "set tier": (lambda box: box.get_blob_client("old").set_standard_blob_tier("Cool"), ("w",)),
    "delete": (lambda box: box.get_blob_client("old").delete_blob(), ("d",)),
    "lease": (lambda box: box.get_blob_client("old").acquire_lease(15), ("w", "d")),
    "get tags": (lambda box: box.get_blob_client("old").get_blob_tags(), ("t",)),
    "set tags": (set_tags, ("t",)),
    "overwrite with tags": (tag_on_upload, ("wt",)),
    "get container": (lambda box: box.get_container_properties(), ()),
    "delete container": (lambda box: box.delete_container(), ()),
}
CREATES_ONLY = {"overwrite", "commit over a blob", "overwrite with tags"}


def prepare(container: ContainerClient) -> None:
    container.upload_blob("old", b"1", overwrite=True)
    container.get_blob_client("staged").stage_block("a", b"1")


def refused(run: Callable[[], object]) -> str | None:
    """The code with which `run` is refused (403), None when it is not."""
    try:
        run()
    except HttpResponseError as error:
        return f"{'' if error.status_code == 403 else error.status_code}{code(error)}"
    return None


def expected_refusal(act: str, letters: str) -> str:
    if act.endswith("container"):
        return "AuthorizationFailure"
    # Where tags are set as well, their missing letter is noticed first.
    if letters == "c" and act in CREATES_ONLY and act != "overwrite with tags":
        return "UnauthorizedBlobOverwrite"
    return "AuthorizationPermissionMismatch"


@pytest.mark.parametrize("act", ACTS)
def test_each_letter_of_a_container_sas_allows_what_it_stands_for(
    account: Account, container: ContainerClient, soon: datetime, act: str
) -> None:
    run, enough = ACTS[act]
    allowed = set()
    for letters in (*LETTERS, *(word for word in enough if len(word) > 1)):
        name = f"{container.container_name}-{letters}"
        box = account.client(account.key).create_container(name)
        prepare(box)
        sas = generate_container_sas(
            account.name, name, account.key, permission=letters, expiry=soon
        )
        refusal = refused(partial(run, account.container(name, sas)))
        if refusal is None:
            allowed.add(letters)
        else:
            assert refusal == expected_refusal(act, letters), letters
        if box.exists():
            leased = box.get_blob_client("old")
            if leased.exists():
                assert leased.download_blob().readall() in (b"1", b"2", b"")
            box.delete_container()
    assert allowed == set(enough)


def test_a_create_only_sas_cannot_overwrite_even_with_a_condition(
    account: Account, container: ContainerClient, soon: datetime
) -> None:
    name = container.container_name
    sas = generate_container_sas(account.name, name, account.key, permission="rcl", expiry=soon)
    box = account.container(name, sas)
    box.upload_blob("pack", b"first")
    for overwrite in (True, False):
        with pytest.raises(HttpResponseError) as refusal:
            box.upload_blob("pack", b"second", overwrite=overwrite)
        assert refusal.value.status_code == 403
        assert code(refusal.value) == "UnauthorizedBlobOverwrite"
    assert box.get_blob_client("pack").download_blob().readall() == b"first"
    with pytest.raises(HttpResponseError):
        box.get_blob_client("pack").delete_blob()


def test_a_blob_sas_opens_one_blob_only(
    account: Account, container: ContainerClient, soon: datetime
) -> None:
    name = container.container_name
    for blob in ("mine", "other"):
        container.upload_blob(blob, blob.encode())
    sas = generate_blob_sas(
        account.name, name, "mine", account_key=account.key, permission="r", expiry=soon
    )
    box = account.container(name, sas)
    assert box.get_blob_client("mine").download_blob().readall() == b"mine"
    for attempt in (
        lambda: box.get_blob_client("other").download_blob(),
        lambda: list(box.list_blobs()),
    ):
        with pytest.raises(HttpResponseError) as refusal:
            attempt()
        assert refusal.value.status_code == 403


@pytest.mark.parametrize(
    ("terms", "error"),
    [
        ({}, ""),
        ({"start": timedelta(hours=-1)}, ""),
        ({"start": timedelta(hours=1)}, "AuthenticationFailed"),
        ({"expiry": timedelta(seconds=-1)}, "AuthenticationFailed"),
        ({"ip": "127.0.0.1"}, ""),
        ({"ip": "127.0.0.0-127.0.0.9"}, ""),
        ({"ip": "10.0.0.1"}, "AuthorizationSourceIPMismatch"),
        ({"protocol": "https"}, ""),
    ],
)
def test_a_sas_holds_within_its_terms(
    account: Account, container: ContainerClient, terms: dict[str, object], error: str
) -> None:
    now = datetime.now(UTC)
    given = {
        key: now + value if isinstance(value, timedelta) else value for key, value in terms.items()
    }
    name = container.container_name
    settings: dict[str, Any] = {"permission": "l", "expiry": now + timedelta(hours=1), **given}
    sas = generate_container_sas(account.name, name, account.key, **settings)
    box = account.container(name, sas)
    if not error:
        assert list(box.list_blobs()) == []
        return
    with pytest.raises(HttpResponseError) as refusal:
        list(box.list_blobs())
    assert (refusal.value.status_code, code(refusal.value)) == (403, error)


def test_a_sas_that_was_tampered_with_is_refused(
    account: Account, container: ContainerClient, soon: datetime
) -> None:
    name = container.container_name
    sas = generate_container_sas(account.name, name, account.key, permission="l", expiry=soon)
    for wrong in (sas.replace("sp=l", "sp=rwl"), sas.replace("sr=c", "sr=b"), sas + "x"):
        with pytest.raises(HttpResponseError) as refusal:
            list(account.container(name, wrong).list_blobs())
        assert code(refusal.value) == "AuthenticationFailed"


@pytest.mark.parametrize(
    ("types", "act", "error"),
    [
        (ResourceTypes(object=True), "get", ""),
        (ResourceTypes(container=True), "get", "AuthorizationResourceTypeMismatch"),
        (ResourceTypes(container=True), "list", ""),
        (ResourceTypes(object=True), "list", "AuthorizationResourceTypeMismatch"),
        (ResourceTypes(container=True), "get container", ""),
        (ResourceTypes(service=True), "get container", "AuthorizationResourceTypeMismatch"),
    ],
)
def test_an_account_sas_is_bound_to_resource_types(
    account: Account, container: ContainerClient, types: ResourceTypes, act: str, error: str
) -> None:
    prepare(container)
    sas = account.sas("rl", resource_types=types)
    run = ACTS[act][0]
    box = account.container(container.container_name, sas)
    if not error:
        run(box)
        return
    with pytest.raises(HttpResponseError) as refusal:
        run(box)
    assert code(refusal.value) == error


def test_an_account_sas_for_queues_opens_no_blobs(
    account: Account, container: ContainerClient
) -> None:
    sas = account.sas("rl", services=Services(queue=True))
    with pytest.raises(HttpResponseError) as refusal:
        list(account.container(container.container_name, sas).list_blobs())
    assert code(refusal.value) == "AuthorizationServiceMismatch"


def test_a_stored_access_policy_gives_and_takes_rights(
    account: Account, container: ContainerClient, soon: datetime
) -> None:
    name = container.container_name
    container.upload_blob("b", b"1")
    policy = AccessPolicy(permission="r", expiry=soon, start=soon - timedelta(hours=2))
    container.set_container_access_policy({"readers": policy})
    sas = generate_container_sas(account.name, name, account.key, policy_id="readers")
    blob = account.container(name, sas).get_blob_client("b")
    assert blob.download_blob().readall() == b"1"
    with pytest.raises(HttpResponseError) as refusal:
        blob.delete_blob()
    assert code(refusal.value) == "AuthorizationPermissionMismatch"
    container.set_container_access_policy({})
    with pytest.raises(HttpResponseError) as refusal:
        blob.download_blob()
    assert code(refusal.value) == "AuthenticationFailed"


def test_nobody_comes_in_without_a_credential_and_learns_where_to_sign_in(
    account: Account, azure: Azure
) -> None:
    answer = account.raw("GET", query={"comp": "list"}, sas="")
    assert answer.status_code == 401
    challenge = answer.headers["WWW-Authenticate"]
    assert azure.tenant_id in challenge
    assert "https://storage.azure.com" in challenge


def test_a_wrong_key_and_a_wrong_account_are_refused(account: Account) -> None:
    wrong = "A" * 86 + "=="
    with pytest.raises(ClientAuthenticationError):
        list(account.client({"account_name": account.name, "account_key": wrong}).list_containers())


@pytest.fixture
def scope(account: Account) -> str:
    return (
        f"/subscriptions/{account.subscription_id}/resourceGroups/{account.group}"
        f"/providers/Microsoft.Storage/storageAccounts/{account.name}"
    )


RESTRICTED = ("0c8f6d1e-6a52-4b8e-8d6f-1f2b7a3c4d02", "restricted-secret-of-the-small-scene")
RESTRICTED_OBJECT = "7b1e2f3a-4c5d-4e6f-8a9b-0c1d2e3f4a02"


@pytest.fixture
def assign(
    azure: Azure, account: Account, scope: str, control: Control
) -> Iterator[Callable[[str], None]]:
    """Gives the restricted application of the scene a role at the account, for one test."""
    client = AuthorizationManagementClient(
        azure.credential(),
        account.subscription_id,
        base_url=azure.arm,
        credential_scopes=[f"{azure.arm}/.default"],
        connection_verify=azure.ca or True,
    )
    made: list[str] = []

    def give(role: str) -> None:
        found = list(client.role_definitions.list(scope, filter=f"roleName eq '{role}'"))
        name = str(uuid.uuid4())
        client.role_assignments.create(
            scope,
            name,
            {
                "properties": {
                    "roleDefinitionId": found[0].id,
                    "principalId": RESTRICTED_OBJECT,
                    "principalType": "ServicePrincipal",
                }
            },
        )
        made.append(name)

    yield give
    for name in made:
        client.role_assignments.delete(scope, name)


def as_restricted(account: Account) -> BlobServiceClient:
    return account.client(account.azure.credential(*RESTRICTED))


@pytest.mark.control
@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (None, set()),
        (READER, {"get", "list", "get container"}),
        (
            CONTRIBUTOR,
            {
                *("get", "list", "get container", "create", "overwrite", "set tier", "delete"),
                *("delete container", "commit a new blob"),
            },
        ),
    ],
)
def test_roles_decide_what_a_token_may_do(
    account: Account,
    service: BlobServiceClient,
    assign: Callable[[str], None],
    role: str | None,
    allowed: set[str],
) -> None:
    if role is not None:
        assign(role)
    done = set()
    for act in (
        *("get", "list", "get container", "create", "overwrite", "set tier", "commit a new blob"),
        *("set tags", "delete", "delete container"),
    ):
        box = service.create_container(f"box-{uuid.uuid4().hex[:12]}")
        prepare(box)
        mine = as_restricted(account).get_container_client(box.container_name)
        refusal = refused(partial(ACTS[act][0], mine))
        if refusal is None:
            done.add(act)
        else:
            assert refusal == "AuthorizationPermissionMismatch"
        if box.exists():
            box.delete_container()
    assert done == allowed


@pytest.mark.control
def test_a_user_delegation_sas_gives_no_more_than_its_signer_has(
    account: Account, container: ContainerClient, assign: Callable[[str], None], soon: datetime
) -> None:
    name = container.container_name
    container.upload_blob("old", b"1")
    now = datetime.now(UTC)

    def box(key: UserDelegationKey, permission: str) -> ContainerClient:
        sas = generate_container_sas(
            account.name, name, user_delegation_key=key, permission=permission, expiry=soon
        )
        return account.container(name, sas)

    owner = account.client(account.azure.credential())
    key = owner.get_user_delegation_key(now - timedelta(minutes=5), soon)
    assert box(key, "r").get_blob_client("old").download_blob().readall() == b"1"
    box(key, "c").upload_blob("new", b"2")
    with pytest.raises(HttpResponseError) as refusal:
        box(key, "c").upload_blob("new", b"3", overwrite=True)
    assert code(refusal.value) == "UnauthorizedBlobOverwrite"
    with pytest.raises(HttpResponseError) as refusal:
        as_restricted(account).get_user_delegation_key(now, soon)
    assert code(refusal.value) == "AuthorizationPermissionMismatch"
    assign(READER)
    weak = as_restricted(account).get_user_delegation_key(now, soon)
    assert box(weak, "rw").get_blob_client("old").download_blob().readall() == b"1"
    with pytest.raises(HttpResponseError) as refusal:
        box(weak, "rw").upload_blob("old", b"3", overwrite=True)
    assert code(refusal.value) == "AuthorizationPermissionMismatch"
    with pytest.raises(HttpResponseError):
        owner.get_user_delegation_key(now, now + timedelta(days=8))


def test_revoking_user_delegation_keys_ends_their_signatures(
    account: Account, container: ContainerClient, soon: datetime
) -> None:
    name = container.container_name
    owner = account.client(account.azure.credential())
    key = owner.get_user_delegation_key(datetime.now(UTC), soon)
    sas = generate_container_sas(
        account.name, name, user_delegation_key=key, permission="l", expiry=soon
    )
    assert list(account.container(name, sas).list_blobs()) == []
    management = storage_client(account.azure, account.subscription_id)
    management.storage_accounts.revoke_user_delegation_keys(account.group, account.name)
    with pytest.raises(HttpResponseError) as refusal:
        list(account.container(name, sas).list_blobs())
    assert code(refusal.value) == "AuthenticationFailed"


def test_the_source_of_a_copy_needs_a_right_of_its_own(
    account: Account, container: ContainerClient, soon: datetime
) -> None:
    name = container.container_name
    source = container.upload_blob("source", b"1")

    def sas(letters: str) -> str:
        return generate_container_sas(
            account.name, name, account.key, permission=letters, expiry=soon
        )

    mine = account.container(name, sas("rw"))
    for url in (source.url, f"{source.url}?{sas('w')}"):
        with pytest.raises(HttpResponseError) as refusal:
            mine.get_blob_client("copy").start_copy_from_url(url)
        assert (refusal.value.status_code, code(refusal.value)) == (403, "CannotVerifyCopySource")
    mine.get_blob_client("copy").start_copy_from_url(f"{source.url}?{sas('r')}")
    copied = container.get_blob_client("copy").get_blob_properties().copy.source
    assert copied == source.url  # without the signature


def test_an_account_key_gets_no_user_delegation_key(
    service: BlobServiceClient, soon: datetime
) -> None:
    with pytest.raises(HttpResponseError) as refusal:
        service.get_user_delegation_key(datetime.now(UTC), soon)
    assert refusal.value.status_code == 403


def test_a_token_for_another_audience_is_refused(account: Account) -> None:
    bearer = {"Authorization": f"Bearer {account.azure.token()}"}
    assert account.raw("GET", query={"comp": "list"}, sas="", headers=bearer).status_code == 401
