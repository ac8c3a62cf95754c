"""The table "outcomes of lease operations" of the REST reference, row by row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from azlab.services.storage_blob import lease_state
from azlab.services.storage_blob.errors import StorageError
from azlab.services.storage_blob.lease_state import BLOB_WORDS, LeaseState
from azlab.services.storage_blob.store.records import Lease

NOW = datetime(2026, 1, 1, tzinfo=UTC)
A, B = "aaaaaaaa-0000-0000-0000-000000000000", "bbbbbbbb-0000-0000-0000-000000000000"
SOON, PAST = NOW + timedelta(seconds=10), NOW - timedelta(seconds=1)

LEASES: dict[str, Lease | None] = {
    "available": None,
    "leased": Lease(A, 15, SOON),
    "infinite": Lease(A, -1, None),
    "expired": Lease(A, 15, PAST),
    "breaking": Lease(A, 15, SOON, break_at=SOON),
    "broken": Lease(A, 15, SOON, break_at=PAST),
}

Act = Callable[[Lease | None], object]
ACTS: dict[str, Act] = {
    "acquire A": lambda lease: lease_state.acquire(lease, A, 15, NOW),
    "acquire B": lambda lease: lease_state.acquire(lease, B, 15, NOW),
    "renew A": lambda lease: lease_state.renew(lease, A, NOW),
    "renew B": lambda lease: lease_state.renew(lease, B, NOW),
    "change A to B": lambda lease: lease_state.change(lease, A, B, NOW),
    "change B to A": lambda lease: lease_state.change(lease, B, B, NOW),
    "release A": lambda lease: lease_state.release(lease, A),
    "release B": lambda lease: lease_state.release(lease, B),
    "break": lambda lease: lease_state.break_(lease, None, NOW),
}
NOT_PRESENT, MISMATCH = "LeaseNotPresentWithLeaseOperation", "LeaseIdMismatchWithLeaseOperation"
EXPECTED = {
    ("acquire A", "breaking"): "LeaseIsBreakingAndCannotBeAcquired",
    ("acquire B", "leased"): "LeaseAlreadyPresent",
    ("acquire B", "infinite"): "LeaseAlreadyPresent",
    ("acquire B", "breaking"): "LeaseAlreadyPresent",
    ("renew A", "available"): NOT_PRESENT,
    ("renew A", "breaking"): "LeaseIsBrokenAndCannotBeRenewed",
    ("renew A", "broken"): "LeaseIsBrokenAndCannotBeRenewed",
    ("renew B", "available"): NOT_PRESENT,
    **{("renew B", name): MISMATCH for name in LEASES if name != "available"},
    ("change A to B", "available"): NOT_PRESENT,
    ("change A to B", "expired"): NOT_PRESENT,
    ("change A to B", "breaking"): "LeaseIsBreakingAndCannotBeChanged",
    ("change A to B", "broken"): NOT_PRESENT,
    ("change B to A", "available"): NOT_PRESENT,
    ("change B to A", "leased"): MISMATCH,
    ("change B to A", "infinite"): MISMATCH,
    ("change B to A", "expired"): NOT_PRESENT,
    ("change B to A", "breaking"): MISMATCH,
    ("change B to A", "broken"): NOT_PRESENT,
    ("release A", "available"): NOT_PRESENT,
    ("release B", "available"): NOT_PRESENT,
    **{("release B", name): MISMATCH for name in LEASES if name != "available"},
    ("break", "available"): NOT_PRESENT,
}


@pytest.mark.parametrize("state", LEASES)
@pytest.mark.parametrize("action", ACTS)
def test_an_action_on_a_lease_has_the_outcome_of_the_reference(action: str, state: str) -> None:
    expected = EXPECTED.get((action, state))
    if expected is None:
        ACTS[action](LEASES[state])
        return
    with pytest.raises(StorageError) as refusal:
        ACTS[action](LEASES[state])
    assert refusal.value.code == expected


@pytest.mark.parametrize(
    ("state", "lease_id", "code"),
    [
        ("available", None, None),
        ("available", A, "LeaseNotPresentWithBlobOperation"),
        ("leased", None, "LeaseIdMissing"),
        ("leased", A, None),
        ("leased", B, "LeaseIdMismatchWithBlobOperation"),
        ("breaking", None, "LeaseIdMissing"),
        ("breaking", A, None),
        ("expired", None, None),
        ("expired", A, "LeaseNotPresentWithBlobOperation"),
        ("broken", None, None),
    ],
)
def test_a_write_needs_the_id_of_the_lease_while_it_is_locked(
    state: str, lease_id: str | None, code: str | None
) -> None:
    def use() -> None:
        lease_state.check_use(LEASES[state], lease_id, NOW, BLOB_WORDS, writes=True)

    if code is None:
        use()
    else:
        with pytest.raises(StorageError) as refusal:
            use()
        assert refusal.value.code == code


def test_an_infinite_lease_breaks_at_once_and_a_fixed_one_when_it_would_have_ended() -> None:
    broken, seconds = lease_state.break_(LEASES["infinite"], None, NOW)
    assert (lease_state.state(broken, NOW), seconds) == (LeaseState.BROKEN, 0)
    breaking, seconds = lease_state.break_(LEASES["leased"], None, NOW)
    assert (lease_state.state(breaking, NOW), seconds) == (LeaseState.BREAKING, 10)
    assert lease_state.state(breaking, SOON) is LeaseState.BROKEN


def test_a_break_period_never_prolongs_a_lease() -> None:
    _, seconds = lease_state.break_(LEASES["leased"], 60, NOW)
    assert seconds == 10
    _, seconds = lease_state.break_(LEASES["infinite"], 60, NOW)
    assert seconds == 60
