"""Lists as files, CSV or XML, streamed (docs/behaviour/api-conventions.md §9).

::

    @routes.operation("User_Export")
    def export_users(body: ..., request: Request, db: DbSession) -> Response:
        rows = ([user.name, user.role] for user in queries.users(db, ...).all())
        return export_file(request, "users", ("name", "role"), rows)

Rows are taken while the file is sent, after the transaction of the request has ended: they are
either at hand, or read in transactions of their own (`in_portions`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from enum import Enum
from itertools import islice
from typing import Final, TypeVar
from xml.sax.saxutils import escape

import orjson
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from kyanite.db.database import Database
from kyanite.http.answers import wire_time

MEDIA_TYPE: Final = "application/octet-stream"
_ROWS_AT_ONCE: Final = 500
_XML_TYPES: Final = ("text/xml", "application/xml")
# What a spreadsheet would take for a formula, and run.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")

Row = Sequence[object]
T = TypeVar("T")


def export_file(
    request: Request, collection: str, columns: Sequence[str], rows: Iterable[Row]
) -> Response:
    """The file of a list; XML when `Accept` asks for it, else CSV."""
    accepted = request.headers.get("accept", "").lower()
    is_xml = any(name in accepted for name in _XML_TYPES)
    parts = xml_parts(collection, columns, rows) if is_xml else csv_parts(columns, rows)
    return attachment(collection, "xml" if is_xml else "csv", parts)


def attachment(collection: str, ending: str, parts: Iterable[bytes]) -> Response:
    """A download in parts, named after what is in it and when it was made."""
    name = f"{collection}_{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}.{ending}"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(iter(parts), 200, headers, MEDIA_TYPE)


def csv_parts(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[bytes]:
    """RFC 4180 in UTF-8 with a byte order mark, a header row, and no cell that is a formula."""
    yield b"\xef\xbb\xbf" + _csv([columns])
    for portion in _portions(rows):
        yield _csv([[_cell(value) for value in row] for row in portion])


def xml_parts(collection: str, columns: Sequence[str], rows: Iterable[Row]) -> Iterator[bytes]:
    """One root, one element per item, one element per column in it."""
    yield f'<?xml version="1.0" encoding="utf-8"?>\n<{collection}>\n'.encode()
    for portion in _portions(rows):
        lines = []
        for row in portion:
            members = "".join(
                f"<{name}>{escape(_legal(_text(value)))}</{name}>"
                for name, value in zip(columns, row, strict=True)
            )
            lines.append(f"<item>{members}</item>\n")
        yield "".join(lines).encode()
    yield f"</{collection}>\n".encode()


def in_portions(
    database: Database, read: Callable[[Session, T | None], Sequence[T]]
) -> Iterator[T]:
    """All rows of a list, each portion in a short transaction: a slow client holds nothing up.

    ``read`` is given the last row of the portion before (None at first) and gives the next ones;
    none ends it.
    """
    last: T | None = None
    while True:
        with database.reading() as db:
            portion = read(db, last)
        if not portion:
            return
        yield from portion
        last = portion[-1]


def _portions(rows: Iterable[Row]) -> Iterator[list[Row]]:
    source = iter(rows)
    while portion := list(islice(source, _ROWS_AT_ONCE)):
        yield portion


def _csv(rows: Iterable[Row]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8", "replace")


def _cell(value: object) -> str:
    text = _text(value).replace("\x00", "")
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"'{text}" if text.startswith(_FORMULA) and not is_number else text


def _text(value: object) -> str:
    """A value as the list shows it; nothing for None, JSON for what has parts."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return wire_time(value)
        case Enum():
            return str(value.value)
        case dict() | list() | tuple():
            return orjson.dumps(value, default=str).decode()
    return str(value)


def _legal(text: str) -> str:
    """The text without characters that XML 1.0 cannot hold."""
    return "".join(
        one
        for one in text
        if one in "\t\n\r"
        or (one >= " " and not "\ud800" <= one <= "\udfff" and one < "\ufffe")
        or one > "\uffff"
    )
