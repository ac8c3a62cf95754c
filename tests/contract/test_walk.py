"""Every implemented operation: it wants a token, it rejects nonsense, it keeps to its schema."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from kyanite.contract.operation import Operation
from kyanite.http.shapes import shape_of
from support.contract_walk import FILE, assert_conforms, routes
from support.databases import ON_SQLITE
from support.inhabited import Inhabited

OPERATIONS = {name: route.operation for name, route in routes().items()}
SOMEBODY = "00000000-0000-4000-8000-000000000000"
FINAL_COUNT = 67


def _each(applies: Callable[[Operation], bool]) -> pytest.MarkDecorator:
    """Try those operations in which there is something to try."""
    names = sorted(name for name, operation in OPERATIONS.items() if applies(operation))
    return pytest.mark.parametrize("name", names)


def _has_query(operation: Operation) -> bool:
    # Signing out ignores its parameter, and its token is gone after the first call.
    return operation.query is not None and operation.operation_id != "Login_Logout"


def path_of(operation: Operation, value: str) -> str:
    return re.sub(r"\{[^}]*\}", value, operation.path)


def test_all_operations_of_this_version_are_there() -> None:
    assert len(OPERATIONS) >= FINAL_COUNT


@pytest.mark.acceptance("api-conventions", 9)
@ON_SQLITE
@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_it_wants_a_token(home: Inhabited, name: str) -> None:
    operation = OPERATIONS[name]
    answer = home.client.request(operation.method, path_of(operation, SOMEBODY), content=b"x")
    if routes()[name].right is None:
        assert answer.status_code != 401 or name == "Login_Authenticate"
    else:
        assert answer.status_code == 401
        assert_conforms(operation, answer)


@pytest.mark.acceptance("api-conventions", 9)
@ON_SQLITE
@_each(lambda operation: "{" in operation.path)
@pytest.mark.parametrize("value", ["nonsense", SOMEBODY, "%00", "%F0%9F%92%A5", "'%22;--", "../.."])
def test_a_path_to_nothing_is_a_problem(
    home: Inhabited, headers: dict[str, str], name: str, value: str
) -> None:
    operation = OPERATIONS[name]
    answer = home.client.request(operation.method, path_of(operation, value), headers=headers)
    assert_conforms(operation, answer)


@pytest.mark.acceptance("api-conventions", 9)
@ON_SQLITE
@_each(_has_query)
def test_nonsense_in_every_parameter_is_a_problem(
    home: Inhabited, headers: dict[str, str], name: str
) -> None:
    operation = OPERATIONS[name]
    assert operation.query is not None
    for wire_name, shape in shape_of(operation.query).members.values():
        for value in ("%00", "[", "nonsense", "-5", "1e99", "'\"", "💥"):
            path = (
                home.real_path(operation)
                if operation.method == "GET"
                else path_of(operation, SOMEBODY)
            )
            answer = home.client.request(
                operation.method, path, params={wire_name: value}, headers=headers
            )
            assert_conforms(operation, answer)
            kind = shape.item.kind if shape.item else shape.kind
            if kind in ("enum", "time") and value != "[":
                assert answer.status_code == 400, (wire_name, value, answer.text)


@pytest.mark.acceptance("api-conventions", 9)
@ON_SQLITE
@_each(lambda operation: operation.body is not None)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"0",
        b'"x"',
        b"{",
        b'{"name":"\\u0000"}',
        b"[[[[[[[[[[[[",
        b"\xff",
    ],
)
def test_a_body_that_makes_no_sense_is_a_problem(
    home: Inhabited, headers: dict[str, str], name: str, body: bytes
) -> None:
    operation = OPERATIONS[name]
    assert operation.body is not None
    answer = home.client.request(
        operation.method,
        path_of(operation, SOMEBODY),
        content=body,
        headers=headers | {"content-type": operation.body.media_type},
    )
    assert_conforms(operation, answer)
    # A rescan, a check and the exports take a body or none, and ignore members they do not know.
    takes_anything = operation.success.media_type == FILE or operation.operation_id in (
        "VirtualMachine_RescanVirtualMachinePage",
        "ConfigurationCheck",
    )
    if body and not takes_anything:
        assert answer.status_code in (400, 404, 401), answer.text


@ON_SQLITE
@pytest.mark.parametrize("version", ["v8.1", "v8", "v7", "v6"])
@_each(lambda operation: operation.method == "GET")
def test_what_exists_is_shown_as_the_contract_says(
    home: Inhabited, headers: dict[str, str], name: str, version: str
) -> None:
    operation = OPERATIONS[name]
    path = home.real_path(operation).replace("v8.1", version)
    answer = home.client.get(path, headers=headers)
    assert_conforms(operation, answer)


# What tells the time: only the names of the members are the same each time.
ALWAYS_NEW = ("System_GetServerDateTimeInfo", "System_GetSystemStatus")


@pytest.mark.acceptance("api-conventions", 10)
@ON_SQLITE
@_each(lambda operation: operation.method == "GET")
def test_v8_answers_what_v8_1_answers_apart_from_links(
    home: Inhabited, headers: dict[str, str], name: str
) -> None:
    path = home.real_path(OPERATIONS[name])
    new = home.client.get(path, headers=headers)
    old = home.client.get(path.replace("v8.1", "v8"), headers=headers)
    assert old.status_code == new.status_code
    assert old.headers.get("content-type") == new.headers.get("content-type")
    if name in ALWAYS_NEW or new.status_code == 202 or new.status_code >= 400:
        assert old.json().keys() == new.json().keys()
    else:
        assert old.text.replace("/api/v8/", "/api/v8.1/") == new.text
