"""What breaks programs, sent to every operation that takes it: an answer each time, and 400.

Requests made from the contract (test_generated_requests.py) are well-formed JSON of a decent
size, and mostly without the character NUL, which PostgreSQL does not keep.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Final

import pytest
from httpx2 import Response

from kyanite.contract.operation import Operation
from kyanite.http.reading import FORM, MAX_BODY_BYTES, MAX_FORM_BYTES
from kyanite.http.shapes import Shape, shape_of
from kyanite.server.routes import all_routes
from support.contract_walk import assert_conforms
from support.inhabited import Inhabited

ROUTES: Final = {
    route.operation.operation_id: route for tag in all_routes() for route in tag.routes
}
OPERATIONS: Final = {name: route.operation for name, route in ROUTES.items()}
SOMEBODY: Final = "00000000-0000-4000-8000-000000000000"
LARGEST: Final = 2**31 - 1


def _each(applies: Callable[[Operation], bool]) -> pytest.MarkDecorator:
    names = sorted(
        name
        for name, operation in OPERATIONS.items()
        if applies(operation) and name != "Login_Logout"  # it ends the token of all the others
    )
    return pytest.mark.parametrize("name", names)


def _takes_json(operation: Operation) -> bool:
    return operation.body is not None and operation.body.media_type != FORM


def _send(
    home: Inhabited, headers: dict[str, str], name: str, body: bytes, **more: str
) -> Response:
    """The answer, which is one that the contract knows."""
    operation = OPERATIONS[name]
    assert operation.body is not None
    sent = headers | {"content-type": operation.body.media_type, **more}
    path = re.sub(r"\{[^}]*\}", SOMEBODY, operation.path)
    answer: Response = home.client.request(operation.method, path, content=body, headers=sent)
    _check(name, answer)
    return answer


def _check(name: str, answer: Response) -> None:
    if not ROUTES[name].is_own:
        assert_conforms(OPERATIONS[name], answer)
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"


NAME: Final = '{"name": "Österreich"}'
# By what is wrong with them.
BODIES: Final = {
    "UTF-16": NAME.encode("utf-16"),
    "UTF-16 without its mark": NAME.encode("utf-16-le"),
    "UTF-32": NAME.encode("utf-32"),
    "a byte order mark": NAME.encode("utf-8-sig"),
    "Latin-1": NAME.encode("latin-1"),
    "a surrogate": b'{"name": "\xed\xa0\x80"}',
    "an escaped surrogate": rb'{"name": "\udc00"}',
    "NUL in two bytes": b'{"name": "\xc0\x80"}',
    "a bare NUL": b'{"name": "a\x00b"}',
    "arrays without end": b"[" * 100_000,
    "deep arrays": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
}


@_each(_takes_json)
def test_a_body_that_is_no_json_of_ours_is_refused(
    home: Inhabited, headers: dict[str, str], name: str
) -> None:
    for what, body in BODIES.items():
        assert _send(home, headers, name, body).status_code == 400, what


@_each(_takes_json)
def test_a_body_as_deep_as_json_can_be_read_is_refused(
    home: Inhabited, headers: dict[str, str], name: str
) -> None:
    depth = 1000
    shape = _shape(name)
    members = [wire for wire, _ in shape.members.values()] if shape.kind == "model" else []
    arrays = "[" * depth + "]" * depth
    assert _send(home, headers, name, arrays.encode()).status_code == 400
    everywhere = ",".join(f"{json.dumps(member)}: {arrays}" for member in members)
    assert _send(home, headers, name, f"{{{everywhere}}}".encode()).status_code == 400
    for member in members:
        nested = f'{{"{member}":' * depth + "1" + "}" * depth
        assert _send(home, headers, name, nested.encode()).status_code == 400


@_each(lambda operation: operation.body is not None)
def test_a_body_over_the_limit_is_refused_before_it_is_read(
    home: Inhabited, headers: dict[str, str], name: str
) -> None:
    body = OPERATIONS[name].body
    assert body is not None
    most_bytes = MAX_FORM_BYTES if body.media_type == FORM else MAX_BODY_BYTES
    length = {"content-length": str(most_bytes + 1)}  # which does not come
    answer = _send(home, headers, name, b"{}", **length)
    assert answer.status_code == 400
    assert str(most_bytes) in answer.json()["errors"]["body"][0]


@pytest.mark.parametrize(
    ("name", "most_bytes"),
    [("System_SetTimezone", MAX_BODY_BYTES), ("Login_Authenticate", MAX_FORM_BYTES)],
)
def test_a_body_that_grows_over_the_limit_without_saying_so_is_refused(
    home: Inhabited, headers: dict[str, str], name: str, most_bytes: int
) -> None:
    answer = _send(home, headers, name, b" " * (most_bytes + 1), **{"content-length": "x"})
    assert answer.status_code == 400
    assert str(most_bytes) in answer.json()["errors"]["body"][0]


@_each(lambda operation: operation.body is not None)
def test_nul_is_refused_in_every_text_of_a_body_and_its_member_named(
    home: Inhabited, headers: dict[str, str], name: str
) -> None:
    body = OPERATIONS[name].body
    assert body is not None
    if body.media_type == FORM:
        answer = _send(home, headers, name, b"username=a%00b&password=a%00b&grant_type=Password")
        assert set(answer.json()["errors"]) == {"username", "password"}
        return
    shape = _shape(name)
    if shape.kind != "model":
        found = _with_nul(shape, "")
        answer = _send(home, headers, name, json.dumps(found[0]).encode())
        assert set(answer.json()["errors"]) == set(found[1])
        return
    for member, inner in shape.members.values():
        value, names = _with_nul(inner, member)
        answer = _send(home, headers, name, json.dumps({member: value}).encode())
        assert answer.status_code == 400
        assert set(answer.json()["errors"]) >= set(names)


def _shape(name: str) -> Shape:
    body = OPERATIONS[name].body
    assert body is not None
    return shape_of(body.type)


def _with_nul(shape: Shape, where: str, above: tuple[object, ...] = ()) -> tuple[object, list[str]]:
    """A value with NUL in every text, and the names of the members that have one."""
    if shape.kind == "list" and shape.item is not None:
        value, names = _with_nul(shape.item, f"{where}[0]", above)
        return [value], names
    if shape.kind == "map" and shape.item is not None:
        value, names = _with_nul(shape.item, f"{where}.key", above)
        return {"key": value}, names
    if shape.kind != "model":
        return "a\x00b", [where or "body"]
    if shape.model in above:
        return {}, []
    members: dict[str, object] = {}
    found: list[str] = []
    for member, inner in shape.members.values():
        below = f"{where}.{member}" if where else member
        members[member], names = _with_nul(inner, below, (*above, shape.model))
        found += names
    return members, found


@_each(lambda operation: operation.query is not None)
def test_a_deep_value_in_a_parameter_is_no_server_error(
    home: Inhabited, headers: dict[str, str], name: str
) -> None:
    operation = OPERATIONS[name]
    assert operation.query is not None
    deep = "[" * 1000 + "]" * 1000
    for parameter in shape_of(operation.query).members:
        sent = {parameter: deep}
        _check(
            name,
            home.client.request(
                operation.method, home.real_path(operation), params=sent, headers=headers
            ),
        )


@_each(lambda operation: operation.query is not None)
def test_nul_is_refused_in_every_parameter(
    home: Inhabited, headers: dict[str, str], name: str
) -> None:
    operation = OPERATIONS[name]
    assert operation.query is not None
    path = home.real_path(operation)
    for parameter, shape in shape_of(operation.query).members.values():
        for value in ("a\x00b", '["a\\u0000b"]') if shape.kind == "list" else ("a\x00b",):
            answer = home.client.request(
                operation.method, path, params={parameter: value}, headers=headers
            )
            _check(name, answer)
            assert answer.status_code == 400, (parameter, value)


def _paging(operation: Operation) -> list[str]:
    if operation.query is None:
        return []
    members = shape_of(operation.query).members
    return [members[one][0] for one in ("offset", "limit") if one in members]


@_each(lambda operation: len(_paging(operation)) == 2)
def test_a_page_far_behind_the_end_is_empty_and_what_no_number_can_be_is_refused(
    home: Inhabited, headers: dict[str, str], name: str
) -> None:
    operation = OPERATIONS[name]
    offset, limit = _paging(operation)
    path = home.real_path(operation)

    def ask(**params: str | int) -> Response:
        answer: Response = home.client.request(
            operation.method, path, params=params, headers=headers
        )
        _check(name, answer)
        return answer

    far = ask(**{offset: LARGEST, limit: LARGEST})
    if far.status_code == 200:
        assert far.json()["results"] == []
        assert far.json()["offset"] == LARGEST
    for wrong in (LARGEST + 1, 2**64, "9" * 5000, "1e3", "0x10", "٣", "NaN"):
        assert ask(**{offset: wrong}).status_code == 400, wrong
        assert ask(**{limit: wrong}).status_code == 400, wrong
    assert ask(**{offset: -1}).status_code == 400


def test_there_are_many_of_each() -> None:
    lists = [one for one in OPERATIONS.values() if len(_paging(one)) == 2]
    bodies = [one for one in OPERATIONS.values() if one.body is not None]
    assert len(lists) >= 44
    assert len(bodies) >= 45
