"""ETags on single objects."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kyanite.areas.access.routes import routers
from kyanite.db.database import Database
from support.api import ApiUnderTest

USERS = "/api/v8.1/users"


@pytest.fixture
def api(sqlite_database: Database) -> Iterator[ApiUnderTest]:
    api = ApiUnderTest(sqlite_database, routers())
    yield api
    api.close()


@pytest.fixture
def user(api: ApiUnderTest) -> str:
    page = api.client.get(USERS, headers=api.signed_in()).json()
    return f"{USERS}/{page['results'][0]['id']}"


def test_a_single_object_has_a_tag_that_stays_while_it_stays(api: ApiUnderTest, user: str) -> None:
    headers = api.signed_in()
    first, again = (api.client.get(user, headers=headers) for _ in range(2))
    assert first.headers["etag"] == again.headers["etag"]
    assert first.headers["cache-control"] == "no-store"
    update = {"role": "PortalAdmin", "description": "another one"}
    assert api.client.put(user, headers=headers, json=update).status_code < 300
    changed = api.client.get(user, headers=headers)
    assert changed.json() != first.json()
    assert changed.headers["etag"] != first.headers["etag"]


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*", '"a","b" , W/{}'])
def test_who_has_it_already_gets_304_without_a_body(
    api: ApiUnderTest, user: str, form: str
) -> None:
    tag = api.client.get(user, headers=api.signed_in()).headers["etag"]
    headers = {**api.signed_in(), "If-None-Match": form.format(tag)}
    answer = api.client.get(user, headers=headers)
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == tag


@pytest.mark.parametrize("form", ['"other"', "", "{0}x", "nonsense", '"', 'W/"'])
def test_who_has_something_else_gets_it_whole(api: ApiUnderTest, user: str, form: str) -> None:
    headers = {**api.signed_in(), "If-None-Match": form.format("x")}
    answer = api.client.get(user, headers=headers)
    assert answer.status_code == 200
    assert answer.json()["id"]


def test_a_tag_opens_nothing_to_who_is_not_signed_in(api: ApiUnderTest, user: str) -> None:
    tag = api.client.get(user, headers=api.signed_in()).headers["etag"]
    assert api.client.get(user, headers={"If-None-Match": tag}).status_code == 401


def test_lists_and_problems_have_no_tag(api: ApiUnderTest, user: str) -> None:
    headers = api.signed_in()
    assert "etag" not in api.client.get(USERS, headers=headers).headers
    nobody = user[:-12] + "0" * 12
    missing = api.client.get(nobody, headers=headers)
    assert missing.status_code == 404
    assert "etag" not in missing.headers
