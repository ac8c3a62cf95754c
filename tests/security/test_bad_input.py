"""What no client in its right mind sends: an answer each time, never a server error."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator

import pytest

from kyanite.areas.access.routes import routers as access_routers
from kyanite.areas.appliance.routes import routers as appliance_routers
from kyanite.areas.repositories.routes import routers as repository_routers
from kyanite.areas.sessions.routes import routers as session_routers
from kyanite.db.database import Database
from support.api import ApiUnderTest

ZONE = "/api/v8.1/system/timezone"
SESSIONS = "/api/v8.1/jobSessions"
BODY = {"timezoneId": "Europe/Vienna"}
LARGEST = 2**31 - 1


@pytest.fixture
def api(database: Database) -> Iterator[ApiUnderTest]:
    routers = [
        *access_routers(),
        *appliance_routers(),
        *repository_routers(),
        *session_routers(),
    ]
    api = ApiUnderTest(database, routers)
    yield api
    api.close()


def put(api: ApiUnderTest, content: bytes, **headers: str) -> int:
    sent = {"Content-Type": "application/json", **api.signed_in()}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    answer = api.client.put(ZONE, content=content, headers=sent)
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(BODY).encode("utf-16"),
        json.dumps(BODY).encode("utf-32"),
        b'{"timezoneId": "Europe/Vienn\xe4"}',  # Latin-1
        b'{"timezoneId": "\xed\xa0\x80"}',  # half of a surrogate pair
        b'{"timezoneId": "\\ud800"}',
        b'{"timezoneId": "\xc0\x80"}',  # NUL in one byte too many
        gzip.compress(json.dumps(BODY).encode(), mtime=0),
        b"\x00",
        b"\xff" * 1000,
        b'{"timezoneId": "a\x00b"}',
        b'{"timezoneId": "a\\u0000b"}',
        b'{"timezoneId": NaN}',
        b'{"timezoneId": 1e999999}',
        b'{"timezoneId": ' + b"9" * 100_000 + b"}",
        b'{"timezoneId": "' + b"x" * 1_000_000 + b'"}',
        b'{"timezoneId": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"timezoneId": {"timezoneId": {}}}',
        b'{"timezoneId": "UTC"',
        b"[]",
        b'"UTC"',
        b"null",
    ],
)
def test_a_body_in_a_wrong_encoding_or_form_is_400(api: ApiUnderTest, content: bytes) -> None:
    assert put(api, content) == 400


def test_a_body_that_says_it_is_compressed_is_not_unpacked(api: ApiUnderTest) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    assert put(api, bomb, Content_Encoding="gzip") == 400


@pytest.mark.parametrize(
    "media_type", ["application/json; charset=utf-16", "application/json; charset=\u00e4", "; ,"]
)
def test_a_media_type_with_nonsense_in_it_is_no_server_error(
    api: ApiUnderTest, media_type: str
) -> None:
    headers = {name.encode(): value.encode() for name, value in api.signed_in().items()}
    headers[b"Content-Type"] = media_type.encode()
    answer = api.client.put(ZONE, content=json.dumps(BODY).encode(), headers=headers)
    assert answer.status_code in (204, 415)


@pytest.mark.parametrize("path", [SESSIONS, "/api/v8.1/users", "/api/v8.1/repositories"])
def test_a_huge_offset_is_an_empty_page_and_a_larger_one_is_refused(
    api: ApiUnderTest, path: str
) -> None:
    headers = api.signed_in()
    far = api.client.get(path, params={"Offset": LARGEST, "Limit": LARGEST}, headers=headers)
    assert far.status_code == 200, far.text
    assert far.json()["results"] == []
    assert far.json()["totalCount"] in (0, 1)
    for wrong in (LARGEST + 1, -1, 2**63, 2**64, "9" * 5000, "1e3", "0x10", "٣", "\x00", "NaN"):
        answer = api.client.get(path, params={"Offset": wrong}, headers=headers)
        assert answer.status_code == 400, wrong


@pytest.mark.parametrize(
    "query",
    [
        "SearchPattern=%00",
        "SearchPattern=%FF%FE",
        "SearchPattern=%ED%A0%80",
        "SearchPattern=%u0041",
        "SearchPattern=%",
        "SearchPattern=" + "%25" * 10_000,
        "Status=%00",
        "FromUtc=9999-12-31T23:59:59%2B14:00",
        "FromUtc=0001-01-01T00:00:00-14:00",
        "FromUtc=99999-01-01",
        "Types=[[[[[[[[[[",
        "Types=" + "[" * 50_000,
        "&" * 9_000,
        "=&=&=",
        "a=&" * 10_001,
    ],
)
def test_a_query_of_nonsense_is_no_server_error(api: ApiUnderTest, query: str) -> None:
    for path in (SESSIONS, "/api/v8.1/repositories", "/api/v8.1/users"):
        answer = api.client.get(f"{path}?{query}", headers=api.signed_in())
        assert answer.status_code in (200, 400), (path, answer.text)


@pytest.mark.parametrize(
    "name",
    [
        "%00",
        "..%2f..%2fetc%2fpasswd",
        "%FF",
        "%ED%A0%80",
        "a" * 20_000,
        "%2e%2e",
        "\u202e",
        "%0d%0a",
    ],
)
def test_an_id_that_is_none_is_404_or_400(api: ApiUnderTest, name: str) -> None:
    for path in (SESSIONS, "/api/v8.1/users", "/api/v8.1/repositories"):
        answer = api.client.get(f"{path}/{name}", headers=api.signed_in())
        assert answer.status_code in (400, 404), (path, answer.text)


@pytest.mark.parametrize(
    "header",
    [
        {"Authorization": b"Bearer \xff\xfe"},
        {"Authorization": b"Bearer " + b"a" * 60_000},
        {"traceparent": b"00-" + b"\xff" * 40},
        {"Accept": b"\x80" * 1000},
        {"If-None-Match": b'"\xff"'},
        {"Host": b"\xff.example"},
        {"X-Forwarded-For": b"a," * 20_000},
    ],
)
def test_a_header_of_nonsense_is_no_server_error(
    api: ApiUnderTest, header: dict[str, bytes]
) -> None:
    sent = {name.encode(): value.encode() for name, value in api.signed_in().items()}
    sent |= {name.encode(): value for name, value in header.items()}
    answer = api.client.get("/api/v8.1/system/about", headers=sent)
    assert answer.status_code in (200, 400, 401)


def test_a_form_with_thousands_of_fields_is_refused(api: ApiUnderTest) -> None:
    form = "&".join(f"field{number}=x" for number in range(5_000))
    answer = api.client.post(
        "/api/oauth2/token",
        content=form,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code == 400
