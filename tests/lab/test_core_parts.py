"""Parts of the lab's core that can be tried without a process."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from azlab.core.body import BodyReader, BrokenRequest, ConnectionLost
from azlab.core.errors import ArmError, render_arm_error
from azlab.core.faults import Faults
from azlab.core.http import ClientWatch, Headers, QueryArgs, Request, Response
from azlab.core.json_types import WrongShape, integer_at, parse_object, text_at
from azlab.core.rbac import Permission
from azlab.core.resource_ids import BadResourceId, contains, parse
from azlab.core.routing import Router
from azlab.core.shaping import Pacer, Shape
from azlab.services.resources.filters import parse_filter

_SUBNET = (
    "/subscriptions/S/resourceGroups/G/providers/Microsoft.Network/virtualNetworks/v/subnets/n"
)


class _Bytes:
    """A connection that delivers its bytes in small portions."""

    def __init__(self, data: bytes, portion: int = 3) -> None:
        self._data = data
        self._portion = portion

    def read_into(self, target: memoryview) -> int:
        taken = self._data[: min(self._portion, len(target))]
        target[: len(taken)] = taken
        self._data = self._data[len(taken) :]
        return len(taken)

    def read_line(self, limit: int) -> bytes:  # noqa: ARG002
        end = self._data.find(b"\n") + 1
        line, self._data = self._data[:end], self._data[end:]
        return line


def _request(method: str, target: str, **headers: str) -> Request:
    path, _, query = target.partition("?")
    return Request(
        method=method,
        path=path,
        raw_path=path,
        raw_query=query,
        query=QueryArgs(query),
        headers=Headers(headers.items()),
        body=BodyReader(_Bytes(b""), 0, 0),
        base_url="https://lab",
        now=datetime.now(UTC),
        client_gone=ClientWatch(),
    )


def test_an_id_is_taken_apart_and_put_together() -> None:
    found = parse(_SUBNET.replace("resourceGroups", "resourcegroups") + "/")
    assert found.text == _SUBNET
    assert found.type == "Microsoft.Network/virtualNetworks/subnets"
    assert found.name == "n"
    assert found.parent.text == _SUBNET.removesuffix("/subnets/n")
    assert found.parent.parent.text == "/subscriptions/S/resourceGroups/G"
    assert found.parent.child("subnets", "n") == found


@pytest.mark.parametrize(
    "text", ["", "/", "/subscriptions", "/x/y", "/subscriptions/s/resourceGroups", _SUBNET + "/x"]
)
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(BadResourceId):
        parse(text)


def test_a_scope_holds_what_lies_below_it_and_no_name_that_merely_begins_alike() -> None:
    assert contains("/", _SUBNET)
    assert contains("/SUBSCRIPTIONS/s", _SUBNET)
    assert contains(_SUBNET, _SUBNET)
    assert not contains("/subscriptions/S/resourceGroups/G2", _SUBNET)
    assert not contains("/subscriptions/S/resourceGroups/Gx/..", _SUBNET)
    assert not contains(_SUBNET, "/subscriptions/S")


@pytest.mark.parametrize(
    ("actions", "refused", "asked", "granted"),
    [
        (("*",), (), "Microsoft.Compute/disks/read", True),
        (("*/read",), (), "Microsoft.Compute/disks/READ", True),
        (("*/read",), (), "Microsoft.Compute/disks/write", False),
        (("Microsoft.Compute/*/read",), (), "microsoft.compute/disks/read", True),
        (("Microsoft.Compute/disks/*",), (), "Microsoft.Compute/disks/beginGetAccess/action", True),
        (("Microsoft.Compute/disk",), (), "Microsoft.Compute/disks/read", False),
        (("Microsoft.Compute/disks/re.d",), (), "Microsoft.Compute/disks/read", False),
        (("*",), ("Microsoft.Compute/disks/delete",), "Microsoft.Compute/disks/delete", False),
        (("*",), ("*/delete",), "Microsoft.Compute/disks/delete", False),
        ((), (), "Microsoft.Compute/disks/read", False),
    ],
)
def test_wildcards_stand_anywhere_and_case_does_not_count(
    actions: tuple[str, ...], refused: tuple[str, ...], asked: str, granted: bool
) -> None:
    assert Permission(actions, refused).grants(asked, data=False) is granted
    assert Permission((), (), actions, refused).grants(asked, data=True) is granted
    assert not Permission(actions).grants(asked, data=True)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("name eq 'a'", {"name": "a"}),
        ("Name EQ 'it''s' and tagName eq ''", {"name": "it's", "tagname": ""}),
        ("name eq 'x and y'", {"name": "x and y"}),
        ("substringof('b', name)", {"substringof(name)": "b"}),
    ],
)
def test_filters_are_read(text: str, found: dict[str, str]) -> None:
    assert parse_filter(text, ("name", "tagName", "substringof(name)")) == found


@pytest.mark.parametrize(
    "text", ["name", "name eq a", "name ne 'a'", "name eq 'a' and", "name eq 'a' or name eq 'b'"]
)
def test_filters_that_mean_something_else_are_refused(text: str) -> None:
    with pytest.raises(ArmError, match="filter"):
        parse_filter(text, ("name",))


def _answer(request: Request) -> Response:
    return Response(200, {"x-method": request.method})


def test_routes_are_told_apart_by_query_header_and_exactness() -> None:
    router = Router("blob", render_arm_error, discriminators=("comp", "restype"))

    def add(template: str, operation: str, header: str = "", **query: str) -> None:
        router.add(
            "PUT", template, _answer, operation=operation, query=query,
            header=header,
        )  # fmt: skip

    add("/{account}/{container}/{blob*}", "PutBlob")
    add("/{account}/{container}/{blob*}", "CopyBlob", header="x-ms-copy-source")
    add("/{account}/{container}/{blob*}", "PutBlock", comp="block")
    add("/{account}/{container}", "CreateContainer", restype="container")

    def found(target: str, **headers: str) -> str | None:
        match = router.find(_request("PUT", target, **headers))
        return match.route.operation if match else None

    assert found("/a/c/b/with/slashes") == "PutBlob"
    assert found("/a/c/b", **{"X-Ms-Copy-Source": "u"}) == "CopyBlob"
    assert found("/a/c/b?COMP=block&blockid=1") == "PutBlock"
    assert found("/a/c?restype=container") == "CreateContainer"
    assert found("/a/c") is None
    assert found("/a/c/b?comp=unknown") is None
    assert router.methods_at(_request("GET", "/a/c/b")) == ["PUT"]


def test_a_chunked_body_is_put_together_and_a_short_one_is_noticed() -> None:
    whole = BodyReader(_Bytes(b"5\r\nhello\r\n3;x=y\r\n wo\r\n0\r\nTrailer: 1\r\n\r\n"), None, 100)
    assert whole.read() == b"hello wo"
    assert whole.finished
    with pytest.raises(BrokenRequest, match="longer than 4 bytes"):
        BodyReader(_Bytes(b"5\r\nhello\r\n0\r\n\r\n"), None, 4).read()
    with pytest.raises(ConnectionLost):
        BodyReader(_Bytes(b"hel"), 5, 100).read()


def test_a_sized_body_comes_in_the_pieces_asked_for() -> None:
    body = BodyReader(_Bytes(b"abcdefgh"), 7, 100)
    assert body.read(2) == b"ab"
    assert [bytes(piece) for piece in body.chunks(3)] == [b"cde", b"fg"]
    assert body.finished
    assert body.read() == b""


@pytest.mark.measured
@pytest.mark.parametrize("threads", [1, 5])
def test_bytes_pass_a_line_at_its_rate(threads: int) -> None:
    pacer = Pacer(50_000_000)
    shape = Shape([pacer])
    pieces = 12_000_000 // threads // shape.piece_bytes

    def send() -> None:
        for _ in range(pieces):
            shape.pass_bytes(shape.piece_bytes)

    started = time.monotonic()
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(send) for _ in range(threads)]:
            done.result()
    expected = threads * pieces * shape.piece_bytes / 50_000_000
    # The upper bound leaves room for a busy machine; the lower one is the promise.
    assert expected * 0.9 <= time.monotonic() - started <= expected * 2


def test_all_faults_that_match_are_joined() -> None:
    faults = Faults()
    faults.add({"path": "disks", "latencyMs": 20, "bytesPerSecond": 1000})
    faults.add({"path": "DISKS/d", "delaySeconds": 1, "method": "PUT|POST"})
    faults.add({"path": "d$", "status": 429, "times": 1})
    faults.add({"path": "d$", "status": 503})
    lines: dict[str, Pacer] = {}
    first = faults.plan("POST", "/disks/d", lines)
    assert first.delay_seconds == pytest.approx(1.02)
    assert first.error is not None
    assert first.error.status == 429
    assert bool(first.shape)
    second = faults.plan("GET", "/disks/d", lines)
    assert second.delay_seconds == pytest.approx(0.02)
    assert second.error is not None
    assert second.error.status == 503
    assert len(lines) == 1


def test_json_of_the_wrong_shape_names_the_member() -> None:
    document = parse_object(b'{"a": {"b": "text", "n": null, "i": true}}')
    assert text_at(document, "a", "b") == "text"
    assert text_at(document, "a", "n") == ""
    assert text_at(document, "x", "y") == ""
    with pytest.raises(WrongShape, match=r"a\.i"):
        integer_at(document, "a", "i")
    with pytest.raises(WrongShape, match="object"):
        parse_object(b"[]")
