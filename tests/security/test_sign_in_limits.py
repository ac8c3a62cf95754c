"""Guessing costs the guesser time, and the appliance neither memory nor disk."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from kyanite.areas.access.lockout import Attempt, Lockout
from kyanite.areas.access.tables import LoginAttemptRow, TokenRow
from kyanite.db.database import Database
from kyanite.http.reading import MAX_FORM_BYTES
from support.api import ADMIN, PASSWORD, ApiUnderTest
from support.databases import sqlite_database, sqlite_template  # noqa: F401

LOGIN = "/api/oauth2/token"


@pytest.fixture(scope="session")
def table_modules() -> tuple[str, ...]:
    return ("kyanite.http.tables", "kyanite.areas.access.tables", "kyanite.areas.appliance.tables")


@pytest.fixture
def api(sqlite_database: Database) -> Iterator[ApiUnderTest]:  # noqa: F811
    api = ApiUnderTest(sqlite_database, None)
    yield api
    api.close()


def test_failed_attempts_fill_no_disk(api: ApiUnderTest) -> None:
    lockout = Lockout(api.clock, most_failed_attempts=5)
    for number in range(20):
        with api.database.writing() as db:
            lockout.failed(db, Attempt(f"somebody-{number}", "10.0.0.1"))
    with api.database.reading() as db:
        names = db.scalars(select(LoginAttemptRow.username).order_by(LoginAttemptRow.id)).all()
    assert names == [f"somebody-{number}" for number in range(15, 20)]


def test_a_form_of_any_size_is_not_read_before_anybody_is_known(api: ApiUnderTest) -> None:
    form = {"username": ADMIN, "password": "x" * (MAX_FORM_BYTES + 1)}
    answer = api.client.post(LOGIN, data=form)
    assert answer.status_code == 400
    assert str(MAX_FORM_BYTES) in answer.text


def test_a_wrong_name_and_a_wrong_password_are_told_alike(api: ApiUnderTest) -> None:
    wrong_name = api.client.post(LOGIN, data={"username": "nobody", "password": PASSWORD})
    wrong_password = api.client.post(LOGIN, data={"username": ADMIN, "password": "x"})
    assert wrong_name.status_code == wrong_password.status_code == 401
    told = [answer.json() for answer in (wrong_name, wrong_password)]
    assert [one.pop("traceId") for one in told]
    assert told[0] == told[1]


def test_of_a_token_the_database_has_its_hash_only(api: ApiUnderTest) -> None:
    pair = api.client.post(LOGIN, data={"username": ADMIN, "password": PASSWORD}).json()
    with api.database.reading() as db:
        hashes = db.scalars(select(TokenRow.token_hash)).all()
        assert db.scalar(select(func.count()).select_from(TokenRow)) == 2
    for token in (pair["access_token"], pair["refresh_token"]):
        assert not any(token in one for one in hashes)


def test_neither_tokens_nor_refusals_are_kept_on_the_way(api: ApiUnderTest) -> None:
    good = api.client.post(LOGIN, data={"username": ADMIN, "password": PASSWORD})
    refused = api.client.get("/api/v8.1/system/about")
    missing = api.client.get("/api/v8.1/nothing")
    for answer in (good, refused, missing):
        assert answer.headers["cache-control"] == "no-store"
