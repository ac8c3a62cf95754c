"""Pages: offset, limit, count, and the address of the page itself."""

from __future__ import annotations

import pytest

from support.api import ApiUnderTest
from support.example_routes import Seen

POLICIES = "/api/v8.1/policies/virtualMachines"


@pytest.mark.acceptance("api-conventions", 5)
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", list(range(100))),
        ("Offset=2&Limit=3", [2, 3, 4]),
        ("limit=3&offset=2", [2, 3, 4]),
        ("Limit=-1", list(range(250))),
        ("Limit=-1&Offset=248", [248, 249]),
        ("Limit=0", []),
        ("Offset=1000", []),
        ("Limit=100000", list(range(250))),
        ("Offset=249&Limit=2147483647", [249]),
    ],
)
def test_a_page_has_what_was_asked_for_and_the_count_of_all(
    api: ApiUnderTest, seen: Seen, query: str, names: list[int]
) -> None:
    seen.items = [{"priority": number} for number in range(250)]
    body = api.client.get(f"{POLICIES}?{query}", headers=api.signed_in()).json()
    assert [one["priority"] for one in body["results"]] == names
    assert body["totalCount"] == 250


def test_offset_and_limit_are_echoed_with_the_defaults_filled_in(api: ApiUnderTest) -> None:
    body = api.client.get(POLICIES, headers=api.signed_in()).json()
    assert (body["offset"], body["limit"]) == (0, 100)
    body = api.client.get(f"{POLICIES}?Limit=5000", headers=api.signed_in()).json()
    assert body["limit"] == 5000


def test_the_self_link_is_absolute_and_has_offset_and_limit(api: ApiUnderTest) -> None:
    headers = api.signed_in() | {"host": "backup.example.net:8443"}
    body = api.client.get(f"{POLICIES}?Limit=10&Offset=20", headers=headers).json()
    assert body["_links"]["self"]["href"] == (
        "https://backup.example.net:8443/api/v8.1/policies/virtualMachines?offset=20&limit=10"
    )


def test_a_large_page_is_streamed_and_says_the_same_as_small_ones(
    api: ApiUnderTest, seen: Seen
) -> None:
    seen.items = [{"id": str(number), "archiveStatus": None} for number in range(1501)]
    headers = api.signed_in()
    large = api.client.get(f"{POLICIES}?Limit=-1", headers=headers)
    assert "content-length" not in large.headers
    assert large.headers["content-type"] == "application/json; charset=utf-8"
    small = api.client.get(f"{POLICIES}?Limit=100&Offset=1401", headers=headers)
    assert "content-length" in small.headers
    body = large.json()
    # A member that may not be null is left out either way.
    assert body["results"] == [{"id": str(number)} for number in range(1501)]
    assert body["results"][1401:] == small.json()["results"]
    assert (body["totalCount"], body["limit"]) == (1501, -1)
