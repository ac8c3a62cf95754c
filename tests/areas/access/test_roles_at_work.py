"""The acceptance checks of docs/behaviour/accounts-and-users.md §8 about roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kyanite.contract.operations.index import METHODS
from kyanite.http.rights import Role

if TYPE_CHECKING:
    from .conftest import People

NOBODY = "00000000-0000-4000-8000-000000000000"
# The own account, the agreement, and the export that §4.2 gives to all who see sessions.
FOR_EVERYBODY = ("/users/changePassword", "Mfa", "/licenseAgreement/accept", "/jobSessions/export")


def test_accounts_7_a_restore_operator_sees_no_policies_restores_and_stops(
    quick_people: People,
) -> None:
    """That a restore with a body begins (202) is shown in tests/areas/vm."""
    client, headers = quick_people.api.client, quick_people.api.signed_in(Role.RESTORE_OPERATOR)
    assert client.get("/api/v8.1/policies/virtualMachines", headers=headers).status_code == 403
    restore = f"/api/v8.1/restorePoints/virtualMachines/{NOBODY}/restoreVirtualMachine"
    assert client.post(restore, json={}, headers=headers).status_code in (400, 404)
    stop = f"/api/v8.1/jobSessions/{NOBODY}/stop"
    assert client.post(stop, headers=headers).status_code == 404


def test_accounts_8_a_read_only_user_posts_nothing(quick_people: People) -> None:
    client, headers = quick_people.api.client, quick_people.api.signed_in(Role.READ_ONLY_USER)
    paths = [path for path, methods in METHODS.items() if "POST" in methods]
    asked = [
        one for one in paths if one.startswith("/api/v8.1/") and not one.endswith(FOR_EVERYBODY)
    ]
    assert len(asked) > 120
    for path in asked:
        answer = client.post(path, json={}, headers=headers)
        is_not_there_yet = answer.status_code == 404 and "no such operation" in answer.text
        assert answer.status_code == 403 or is_not_there_yet, path
