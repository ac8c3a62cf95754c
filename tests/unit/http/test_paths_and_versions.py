"""Paths in any case, old versions, and what does not exist."""

from __future__ import annotations

import pytest

from support.api import ApiUnderTest

USER = "/api/v8.1/users/4711"


@pytest.mark.parametrize(
    "path", [USER, "/API/V8.1/Users/4711", "/api/v8.1/users/4711/", "/api/v8/USERS/4711/"]
)
def test_case_and_a_trailing_slash_do_not_matter(api: ApiUnderTest, path: str) -> None:
    answer = api.client.get(path, headers=api.signed_in())
    assert (answer.status_code, answer.json()["id"]) == (200, "4711")


def test_a_parameter_keeps_its_case(api: ApiUnderTest) -> None:
    assert api.client.get("/api/v8/users/AbC", headers=api.signed_in()).json()["id"] == "AbC"


@pytest.mark.parametrize("version", ["v8.1", "v8", "v7", "v6"])
def test_links_repeat_the_version_of_the_request(api: ApiUnderTest, version: str) -> None:
    path = f"/api/{version}/Policies/virtualMachines?Limit=2"
    body = api.client.get(path, headers=api.signed_in()).json()
    assert body["_links"]["self"]["href"] == (
        f"https://appliance.example.org/api/{version}/policies/virtualMachines?offset=0&limit=2"
    )


@pytest.mark.parametrize(
    "path",
    [
        "/api/v5/users/4711",
        "/api/v9/users/4711",
        "/api/users/4711",
        "/users/4711",
        "/",
        "/api/v8.1",
        "/api/v8.1/",
        "/api/v8.1/nothing",
        "/api/v8.1/users/4711/more",
        "/openapi.json",
        "/docs",
    ],
)
def test_what_is_not_in_the_contract_is_404(api: ApiUnderTest, path: str) -> None:
    answer = api.client.get(path, headers=api.signed_in())
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_operation_of_the_contract_that_does_not_exist_yet_is_404(api: ApiUnderTest) -> None:
    assert api.client.put(USER, json={}, headers=api.signed_in()).status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v8.1/policies/virtualMachines/orderPriorities"),
        ("POST", "/api/v8.1/policies/virtualMachines/Export/"),
        ("GET", "/api/v8.1/license"),
    ],
)
def test_so_is_one_whose_path_looks_like_that_of_another(
    api: ApiUnderTest, method: str, path: str
) -> None:
    assert api.client.request(method, path, headers=api.signed_in()).status_code == 404


def test_a_method_that_the_contract_does_not_have_there_is_405(api: ApiUnderTest) -> None:
    answer = api.client.patch(USER, json={}, headers=api.signed_in())
    assert answer.status_code == 405
    assert answer.headers["allow"] == "DELETE, GET, PUT"


def test_a_literal_segment_wins_over_a_parameter(api: ApiUnderTest) -> None:
    path = "/api/v8.1/policies/virtualMachines/protectedItems"
    assert api.client.get(path, headers=api.signed_in()).json() == {"called": "all"}


@pytest.mark.parametrize(
    "spelling",
    [
        "0b6f8a5e-6f4c-4c39-9a0e-6f6f1d9b2c11",
        "0B6F8A5E-6F4C-4C39-9A0E-6F6F1D9B2C11",
        "{0b6f8a5e-6f4c-4c39-9a0e-6f6f1d9b2c11}",
    ],
)
def test_a_uuid_may_have_any_case_and_braces(api: ApiUnderTest, spelling: str) -> None:
    path = f"/api/v8.1/policies/virtualMachines/{spelling}/protectedItems"
    body = api.client.get(path, headers=api.signed_in()).json()
    assert body["id"] == "0b6f8a5e-6f4c-4c39-9a0e-6f6f1d9b2c11"


def test_a_path_with_nul_is_404(api: ApiUnderTest) -> None:
    assert api.client.get("/api/v8.1/users/a%00b", headers=api.signed_in()).status_code == 404


def test_version_headers_are_ignored(api: ApiUnderTest) -> None:
    headers = api.signed_in() | {"x-api-version": "v99"}
    assert api.client.get(USER, headers=headers).status_code == 200
