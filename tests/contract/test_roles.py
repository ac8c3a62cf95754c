"""Each role × each operation, against docs/behaviour/accounts-and-users.md §4.2.

The table is written from that section, from sessions.md and from virtual-machines.md §19, and
not from the code: whoever gives an operation another right has to come here and say so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import pytest
from sqlalchemy import update

from kyanite.areas.access.tables import UserRow
from kyanite.http.rights import Role
from support.contract_walk import routes
from support.inhabited import Inhabited

LETTERS: Final = {
    "A": Role.PORTAL_ADMIN,
    "O": Role.PORTAL_OPERATOR,
    "I": Role.INTEGRATION_OPERATOR,
    "R": Role.RESTORE_OPERATOR,
    "V": Role.READ_ONLY_USER,
    "U": Role.UPDATER,
}
# Who may, and what. `*` is everybody, without a token too.
MATRIX: Final = """
*       POST   /api/oauth2/token
AOIRVU  DELETE /api/oauth2/token
*       GET    /system/serviceIsUp
AOIRVU  GET    /system/about
AOIRVU  GET    /system/serverInfo
AOIRVU  GET    /system/time
AOIRVU  GET    /operations/{operationId}

AOIR    GET    /accounts/azure/service
AOIR    GET    /accounts/azure/service/{accountId}
A       DELETE /accounts/azure/service/{accountId}
A       POST   /accounts/azure/service/saveByApp
A       POST   /accounts/azure/service/{accountId}/checkPermissions

AOIR    GET    /cloudInfrastructure/subscriptions
AOIR    GET    /cloudInfrastructure/subscriptions/{subscriptionId}
AOIR    GET    /cloudInfrastructure/regions
AOIR    GET    /cloudInfrastructure/regions/{regionId}
AOIR    GET    /cloudInfrastructure/resourceGroups
AOIR    GET    /cloudInfrastructure/resourceGroups/{resourceGroupId}
AOIR    GET    /cloudInfrastructure/storageAccounts
AOIR    GET    /cloudInfrastructure/storageAccounts/{storageAccountId}
AOIR    GET    /cloudInfrastructure/storageAccounts/{azureStorageId}/containers
AOIR    GET    /cloudInfrastructure/storageAccounts/{azureStorageId}/containers/{containerName}
AOIR    GET    /cloudInfrastructure/storageAccounts/{azureStorageId}/containers/{containerName}/folders
AOIR    GET    /cloudInfrastructure/storageAccounts/{azureStorageId}/containers/{containerName}/folders/{folderName}

AOI     GET    /virtualMachines
AOI     GET    /virtualMachines/{id}
AOI     POST   /virtualMachines/rescan

AOIR    GET    /repositories
AOIR    GET    /repositories/{repositoryId}
AOIR    GET    /repositories/validateDelete
A       POST   /repositories
A       PUT    /repositories/{repositoryId}
A       DELETE /repositories/{repositoryId}
A       POST   /repositories/{repositoryId}/checkPassword

AOIRV   GET    /jobSessions
AOIRV   GET    /jobSessions/{sessionId}
AOIRV   GET    /jobSessions/{sessionId}/log
AOIRV   GET    /jobSessions/{backupJobSessionId}/protectedItems
AOIRV   GET    /jobSessions/{restoreJobSessionId}/restoredItems
AOIRV   GET    /jobSessions/{retentionJobSessionId}/deletedItems
AOIR    POST   /jobSessions/{sessionId}/stop

AOIV    GET    /policies/virtualMachines
AOIV    GET    /policies/virtualMachines/{policyId}
AOIV    GET    /policies/virtualMachines/{policyId}/selectedItems
AOIV    GET    /policies/virtualMachines/{policyId}/regions
AOIV    GET    /policies/virtualMachines/{policyId}/excludedItems
AOIV    GET    /policies/virtualMachines/{policyId}/protectedItems
AOIV    GET    /policies/virtualMachines/protectedItems
AOI     POST   /policies/virtualMachines
AOI     PUT    /policies/virtualMachines/{policyId}
AOI     DELETE /policies/virtualMachines/{policyId}
AOI     POST   /policies/virtualMachines/{policyId}/enable
AOI     POST   /policies/virtualMachines/{policyId}/disable
AOI     POST   /policies/virtualMachines/{policyId}/start
AOI     POST   /policies/virtualMachines/{policyId}/stop
AOI     POST   /policies/virtualMachines/{policyId}/resetCbt

AOIRV   GET    /protectedItem/virtualMachines
AOIRV   GET    /protectedItem/virtualMachines/{id}
AOI     POST   /protectedItem/virtualMachines/{id}/deleteBackups
AOI     POST   /protectedItem/virtualMachines/{id}/deleteSnapshots

AOIRV   GET    /restorePoints/virtualMachines
AOIRV   GET    /restorePoints/virtualMachines/{restorePointId}
AOIRV   GET    /restorePoints/virtualMachines/diskSnapshots
AOIRV   GET    /restorePoints/virtualMachines/snapshots
AOI     DELETE /restorePoints/virtualMachines/{restorePointId}
AOIR    POST   /restorePoints/virtualMachines/{restorePointId}/restoreVirtualMachine
AOIR    POST   /restorePoints/virtualMachines/{restorePointId}/restoreDisk
"""  # noqa: E501
NOBODY: Final = "00000000-0000-4000-8000-000000000000"


def _rows() -> Mapping[tuple[str, str], str]:
    """(method, full path) → who may."""
    rows: dict[tuple[str, str], str] = {}
    for line in filter(None, MATRIX.splitlines()):
        who, method, path = line.split()
        rows[method, path if path.startswith("/api/") else f"/api/v8.1{path}"] = who
    return rows


ROWS: Final = _rows()
EVERY = pytest.mark.parametrize(
    ("method", "path"), sorted(ROWS), ids=[f"{method} {path}" for method, path in sorted(ROWS)]
)


@pytest.fixture(scope="module")
def by_role(home: Inhabited) -> Mapping[Role, dict[str, str]]:
    """Headers of a user of each role."""
    made: dict[Role, dict[str, str]] = {}
    made |= {role: home.headers(role) for role in Role if role is not Role.UPDATER}
    # Nobody can be given this role; whoever has it came with another version's database.
    with home.database.writing() as db:
        db.execute(
            update(UserRow)
            .where(UserRow.name == f"user-{Role.READ_ONLY_USER.value}")
            .values(name="updater", name_key="updater", role=Role.UPDATER.value)
        )
    made[Role.UPDATER] = made[Role.READ_ONLY_USER]
    made[Role.READ_ONLY_USER] = home.headers(Role.READ_ONLY_USER)
    return made


def test_the_table_names_every_operation_there_is() -> None:
    served = {(one.operation.method, one.operation.path) for one in routes().values()}
    assert served == set(ROWS)


@EVERY
def test_who_may_is_let_in_and_nobody_else(
    home: Inhabited, by_role: Mapping[Role, dict[str, str]], method: str, path: str
) -> None:
    who = ROWS[method, path]
    # Nothing of that id exists, and the body is none: who is let in changes nothing.
    target = re.sub(r"\{[^}]*\}", NOBODY, path)
    if who == "*":
        assert home.client.request(method, target).status_code in (200, 400, 503)
        return
    assert home.client.request(method, target).status_code == 401
    for letter, role in LETTERS.items():
        ends_the_sign_in = (method, path) == ("DELETE", "/api/oauth2/token")
        if ends_the_sign_in and role is not Role.PORTAL_ADMIN:
            continue
        headers = home.headers() if ends_the_sign_in else by_role[role]
        status = home.client.request(method, target, headers=headers).status_code
        if letter in who:
            assert status not in (401, 403), f"{role.value} may, and got {status}"
        else:
            assert status == 403, f"{role.value} may not, and got {status}"
