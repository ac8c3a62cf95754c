"""The API with its audit log, on a database of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import update

from kyanite.areas.access.tables import UserRow
from kyanite.db.database import Database
from kyanite.http.rights import Role
from support.api import ApiUnderTest


@pytest.fixture
def api(database: Database) -> Iterator[ApiUnderTest]:
    api = ApiUnderTest(database)
    yield api
    api.close()


@pytest.fixture
def with_role(api: ApiUnderTest) -> Callable[[Role], dict[str, str]]:
    """Headers of a user of a role, also of the one that nobody can be given."""

    def headers(role: Role) -> dict[str, str]:
        if role is not Role.UPDATER:
            return api.signed_in(role)
        found = api.signed_in(Role.READ_ONLY_USER)
        with api.database.writing() as db:
            db.execute(
                update(UserRow)
                .where(UserRow.role == Role.READ_ONLY_USER.value)
                .values(role=role.value)
            )
        return found

    return headers
