"""Each role × each of the 389 operations × each way of not being signed in.

`MATRIX` is written from docs/behaviour/accounts-and-users.md §4.2, its rules below, and
api-conventions.md §13; not from the code. The first line that fits an operation counts. What the
code looks up (`rules/operation_rights.py`) is compared with it for every operation of the
contract; those that exist are called as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from sqlalchemy import select, update

from kyanite.areas.access.tables import SignInRow, TokenRow, UserRow
from kyanite.areas.access.tokens import token_hash
from kyanite.contract.operation import Operation, find
from kyanite.contract.operations.index import MODULES
from kyanite.rules.operation_rights import RIGHT_OF, right_of
from kyanite.rules.roles import Role, may
from kyanite.server.routes import all_routes
from support.contract_walk import routes
from support.inhabited import PASSWORD, Inhabited

LETTERS: Final = {
    "A": Role.PORTAL_ADMIN,
    "O": Role.PORTAL_OPERATOR,
    "I": Role.INTEGRATION_OPERATOR,
    "R": Role.RESTORE_OPERATOR,
    "V": Role.READ_ONLY_USER,
    "U": Role.UPDATER,
}
EVERYBODY: Final = "".join(LETTERS)
# Who may, method, path (a regular expression). `*` is everybody, without a token too.
MATRIX: Final = """
*       POST   /api/oauth2/token
AOIRVU  DELETE /api/oauth2/token
*       GET    /system/serviceIsUp
*       GET    /settings/saml2/(idp|sp|sp/metadata)
AOIRVU  GET    /system/(about|serverInfo|time|timezones|status)
AOIRVU  GET    /operations/.*
AOIRVU  .*     /licenseAgreement.*
AOIRVU  POST   /users/changePassword
AOIRVU  POST   /users/[^/]*/(enable|accept|disable)Mfa
AOIV    GET    /overview/.*
AOI     .*     /(virtualMachines|databases|fileShares|cosmosDb)(/.*)?
AOIV    GET    /(policies|policy)/.*
AOI     .*     /(policies|policy)/.*
AOI     .*     /policyTemplates/.*
AOIRV   GET    /(protectedItem|restorePoints)/.*
AOIR    POST   /protectedItem/.*/export
AOIR    POST   /protectedItem/.*/restore
AOIR    POST   /restorePoints/.*/(restore|restoreDb|restoreDisk|restoreVirtualMachine|restoreFile)
AOIR    POST   /restorePoints/.*/(retrieveData|extendRetrievedDataAvailability)
AOIR    POST   /restorePoints/fileShares/startIndexing
AOIR    .*     /flr/.*
AOI     POST   /protectedItem/.*/delete[A-Za-z]*
AOI     POST   /protectedItem/vnet/import
AOI     DELETE /restorePoints/.*
AOI     POST   /restorePoints/.*/rescan
AOIRV   GET    /jobSessions.*
AOIRV   POST   /jobSessions/export
AOIR    POST   /jobSessions/[^/]*/stop
A       GET    /accounts/azure/service/listWorkerManagementSuitableServices
AOIR    GET    /accounts/azure/service(/[^/]*)?
AOIR    GET    /accounts/standard/names
A       .*     /accounts/.*
A       .*     /users.*
AOIR    GET    /repositories.*
A       .*     /(repositories|veeamVaults).*
A       .*     /workers.*
AOIR    GET    /cloudInfrastructure/.*
AOIR    POST   /cloudInfrastructure/(sqlServers/testConnectivity|cosmosDb)/.*
A       POST   /cloudInfrastructure/virtualNetworks
A       POST   /cloudInfrastructure/storageAccounts/[^/]*/containers
A       .*     /(settings|system|configuration|configurationBackup)/.*
A       .*     /license(/.*)?
"""
NOBODY: Final = "00000000-0000-4000-8000-000000000000"
OPERATIONS: Final = {operation_id: find(operation_id) for operation_id in MODULES}
EVERY = pytest.mark.parametrize("name", sorted(routes()))


def who_may(operation: Operation) -> str:
    """The letters of the roles, from the table above."""
    path = operation.path.removeprefix("/api/v8.1")
    for line in filter(None, MATRIX.splitlines()):
        who, method, pattern = line.split()
        if re.fullmatch(method, operation.method) and re.fullmatch(pattern, path):
            return who
    raise AssertionError(f"no line for {operation.method} {path}")


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_the_right_of_each_operation_is_that_of_the_matrix(name: str) -> None:
    who, right = who_may(OPERATIONS[name]), right_of(name)
    if right is None:
        assert who == "*"
    else:
        assert who == "".join(letter for letter, role in LETTERS.items() if may(role, right))


def test_every_operation_of_the_contract_has_one_right_and_nothing_else_has() -> None:
    assert set(RIGHT_OF) == set(OPERATIONS)
    assert len(OPERATIONS) == 389


def test_each_line_of_the_matrix_is_about_something() -> None:
    for line in filter(None, MATRIX.splitlines()):
        _, method, pattern = line.split()
        assert any(
            re.fullmatch(method, one.method)
            and re.fullmatch(pattern, one.path.removeprefix("/api/v8.1"))
            for one in OPERATIONS.values()
        ), line


@pytest.fixture(scope="module")
def by_role(home: Inhabited) -> Mapping[Role, dict[str, str]]:
    """Headers of a user of each role."""
    made: dict[Role, dict[str, str]] = {}
    made |= {role: home.headers(role) for role in Role if role is not Role.UPDATER}
    # Nobody can be given this role; whoever has it came with another version's database.
    _give(home, f"user-{Role.READ_ONLY_USER.value}", "updater", Role.UPDATER)
    made[Role.UPDATER] = made[Role.READ_ONLY_USER]
    made[Role.READ_ONLY_USER] = home.headers(Role.READ_ONLY_USER)
    return made


def _give(home: Inhabited, name: str, new_name: str, role: Role) -> None:
    with home.database.writing() as db:
        db.execute(
            update(UserRow)
            .where(UserRow.name == name)
            .values(name=new_name, name_key=new_name, role=role.value)
        )


@dataclass(frozen=True)
class NotSignedIn:
    """Headers that let nobody in, each for another reason."""

    no_token: dict[str, str]
    malformed: dict[str, str]
    unknown: dict[str, str]
    expired: dict[str, str]
    revoked: dict[str, str]
    refresh_token: dict[str, str]
    of_a_removed_user: dict[str, str]
    of_a_changed_role: dict[str, str]


def _hash_of(headers: Mapping[str, str]) -> str:
    return token_hash(headers["Authorization"].removeprefix("Bearer "))


@pytest.fixture(scope="module")
def not_signed_in(home: Inhabited) -> NotSignedIn:
    admin = home.headers()
    expired, revoked = home.headers(), home.headers()
    with home.database.writing() as db:
        db.execute(
            update(TokenRow)
            .where(TokenRow.token_hash == _hash_of(expired))
            .values(expires_at=datetime.now(UTC) - timedelta(seconds=1))
        )
        family = select(TokenRow.sign_in_id).where(TokenRow.token_hash == _hash_of(revoked))
        db.execute(
            update(SignInRow).where(SignInRow.id.in_(family)).values(revoked_at=datetime.now(UTC))
        )
    pair = home.client.post(
        "/api/oauth2/token", data={"username": "backupadmin", "password": PASSWORD}
    ).json()
    users = "/api/v8.1/users"
    made: list[dict[str, str]] = []
    for name in ("removed", "changed"):
        body = {"name": name, "description": "", "role": "PortalAdmin", "password": PASSWORD}
        user_id = home.client.post(users, json=body, headers=admin).json()["id"]
        token = home.client.post(
            "/api/oauth2/token", data={"username": name, "password": PASSWORD}
        ).json()["access_token"]
        made.append({"Authorization": f"Bearer {token}"})
        path = f"{users}/{user_id}"
        if name == "removed":
            assert home.client.delete(path, headers=admin).status_code == 204
        else:
            change = {"role": "PortalOperator"}
            assert home.client.put(path, json=change, headers=admin).status_code == 200
    return NotSignedIn(
        no_token={},
        malformed={"Authorization": "Bearer"},
        unknown={"Authorization": "Bearer " + "x" * 43},
        expired=expired,
        revoked=revoked,
        refresh_token={"Authorization": f"Bearer {pair['refresh_token']}"},
        of_a_removed_user=made[0],
        of_a_changed_role=made[1],
    )


def call(home: Inhabited, name: str, headers: Mapping[str, str]) -> int:
    """Nothing of the id exists, and the body is none: who is let in changes nothing."""
    operation = OPERATIONS[name]
    target = re.sub(r"\{[^}]*\}", NOBODY, operation.path)
    return home.client.request(operation.method, target, headers=dict(headers)).status_code


@EVERY
def test_who_is_not_signed_in_gets_401(
    home: Inhabited, not_signed_in: NotSignedIn, name: str
) -> None:
    for reason, headers in vars(not_signed_in).items():
        status = call(home, name, headers)
        if who_may(OPERATIONS[name]) == "*":
            assert status in (200, 204, 400, 503), reason
        else:
            assert status == 401, reason


@EVERY
def test_who_may_is_let_in_and_nobody_else(
    home: Inhabited, by_role: Mapping[Role, dict[str, str]], name: str
) -> None:
    who = who_may(OPERATIONS[name])
    if who == "*":
        return
    of_the_own_account = "Mfa" in name
    for letter, role in LETTERS.items():
        headers = home.headers() if name == "Login_Logout" else by_role[role]
        status = call(home, name, headers)
        if of_the_own_account and role is not Role.PORTAL_ADMIN:
            assert status == 403, f"{role.value} changes the account of somebody else"
        elif letter in who:
            assert status not in (401, 403), f"{role.value} may, and got {status}"
        else:
            assert status == 403, f"{role.value} may not, and got {status}"


OWN: Final = {
    route.operation.operation_id: route.operation
    for tag in all_routes()
    for route in tag.routes
    if route.is_own
}
# Our own additions: everybody who is signed in, who may see repositories, else administrators.
OWN_MATRIX: Final = """
AOIRVU  GET    /openapi.*
AOIR    GET    /repositories/[^/]*/upkeep
A       .*     /.*
"""


def _call_own(home: Inhabited, name: str, headers: Mapping[str, str]) -> int:
    operation = OWN[name]
    target = re.sub(r"\{[^}]*\}", NOBODY, operation.path)
    return home.client.request(operation.method, target, headers=dict(headers)).status_code


@pytest.mark.parametrize("name", sorted(OWN))
def test_our_own_additions_are_as_closed_as_the_contract(
    home: Inhabited,
    not_signed_in: NotSignedIn,
    by_role: Mapping[Role, dict[str, str]],
    name: str,
) -> None:
    for reason, headers in vars(not_signed_in).items():
        assert _call_own(home, name, headers) == 401, reason
    lines = (line.split() for line in filter(None, OWN_MATRIX.splitlines()))
    path = OWN[name].path.removeprefix("/api/kyanite/v1")
    who = next(
        who
        for who, method, pattern in lines
        if re.fullmatch(method, OWN[name].method) and re.fullmatch(pattern, path)
    )
    for letter, role in LETTERS.items():
        status = _call_own(home, name, by_role[role])
        if letter in who:
            assert status not in (401, 403), f"{role.value} may, and got {status}"
        else:
            assert status == 403, f"{role.value} may not, and got {status}"
