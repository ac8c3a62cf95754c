"""Local users: names, passwords, roles, and the first administrator."""

from __future__ import annotations

import pytest

from kyanite.areas.access import user_queries, users
from kyanite.areas.access.first_start import ensure_administrator
from kyanite.base.errors import Invalid
from kyanite.rules.passwords import weakness
from kyanite.rules.roles import RIGHTS, Right, Role
from support.api import ADMIN, PASSWORD, ApiUnderTest


@pytest.mark.parametrize(
    ("password", "good"),
    [
        ("short-Pw1", False),
        ("only-lower-case-letters", False),
        ("lower-and-digits-1", True),
        ("Lower-and-upper", True),
        ("ALLUPPER1234", False),
        ("x" * 70 + "A1-", False),
    ],
)
def test_a_password_follows_the_rule_for_azure_machines(password: str, good: bool) -> None:
    assert (weakness(password) is None) == good


@pytest.mark.parametrize(
    ("name", "role", "member"),
    [
        ("", Role.READ_ONLY_USER, "name"),
        ("x" * 33, Role.READ_ONLY_USER, "name"),
        ("with blank", Role.READ_ONLY_USER, "name"),
        (ADMIN.upper(), Role.READ_ONLY_USER, "name"),
        ("updater", Role.UPDATER, "role"),
    ],
)
def test_a_user_that_cannot_be_is_refused(
    api: ApiUnderTest, name: str, role: Role, member: str
) -> None:
    with api.database.writing() as db, pytest.raises(Invalid) as caught:
        users.create(db, users.NewUser(name, role, PASSWORD), api.passwords, api.clock)
    assert member in caught.value.errors


def test_the_first_administrator_is_made_once_and_only_with_name_and_password(
    api: ApiUnderTest,
) -> None:
    ensure_administrator(
        api.database, api.passwords, api.clock, api.audit, "another", "Other-Passw0rd"
    )
    with api.database.writing() as db:
        assert user_queries.find(db, "another") is None
        first = user_queries.find(db, ADMIN)
        assert first is not None
        with pytest.raises(Invalid):
            users.remove(db, first.id, by_user_id="x")
        with pytest.raises(Invalid):
            users.change(
                db,
                first.id,
                users.UserChanges(role=Role.READ_ONLY_USER),
                api.passwords,
                api.clock,
            )


@pytest.mark.parametrize(
    ("role", "has", "has_not"),
    [
        (Role.PORTAL_ADMIN, set(Right), set()),
        (
            Role.PORTAL_OPERATOR,
            {Right.RESOURCES, Right.POLICIES_WRITE, Right.REMOVE_DATA, Right.RESTORE},
            {Right.USERS, Right.ACCOUNTS_WRITE, Right.REPOSITORIES_WRITE, Right.SETTINGS},
        ),
        (
            Role.RESTORE_OPERATOR,
            {Right.RESTORE, Right.PROTECTED_READ, Right.SESSIONS_STOP, Right.INVENTORY_READ},
            {Right.POLICIES_READ, Right.RESOURCES, Right.REMOVE_DATA, Right.DASHBOARD},
        ),
        (
            Role.READ_ONLY_USER,
            {Right.POLICIES_READ, Right.PROTECTED_READ, Right.SESSIONS_READ, Right.DASHBOARD},
            {Right.POLICIES_WRITE, Right.SESSIONS_STOP, Right.RESTORE, Right.RESOURCES},
        ),
        (Role.UPDATER, {Right.ANY}, {Right.SESSIONS_READ}),
    ],
)
def test_a_role_has_the_rights_of_the_matrix(
    role: Role, has: set[Right], has_not: set[Right]
) -> None:
    assert has <= RIGHTS[role]
    assert not has_not & RIGHTS[role]
