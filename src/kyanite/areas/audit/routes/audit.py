"""Tag Audit, our own: the audit log as a file, JSON lines or CSV, streamed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Annotated, Final

import orjson
from fastapi import Query, Request, Response
from pydantic import Field
from sqlalchemy.orm import Session

from kyanite.areas.audit import queries
from kyanite.areas.audit.tables import AuditEntryRow
from kyanite.contract.models import shared
from kyanite.contract.operation import Answer, Operation
from kyanite.contract.wire_model import WireModel
from kyanite.db.database import Database
from kyanite.http.answers import wire_time
from kyanite.http.exports import attachment, csv_parts, in_portions
from kyanite.http.provide import Provided
from kyanite.http.rights import Right
from kyanite.http.routes import OWN_PREFIX, Routes

routes = Routes()
_AT_ONCE: Final = 500


class AuditFormat(StrEnum):
    """`JsonLines`: one object per line, everything that the hashes cover. `Csv`: for reading."""

    JSON_LINES = "JsonLines"
    CSV = "Csv"


class AuditQuery(WireModel):
    """What to export; without anything: all, as JSON lines."""

    since: Annotated[datetime | None, Field(alias="Since", description="From this moment")] = None
    until: Annotated[datetime | None, Field(alias="Until", description="Before it")] = None
    actor: Annotated[str | None, Field(alias="Actor", description="Name of a user")] = None
    action: Annotated[str | None, Field(alias="Action", description="Id of an operation")] = None
    target: Annotated[str | None, Field(alias="Target", description="Part of an id")] = None
    format: Annotated[AuditFormat | None, Field(alias="Format")] = None


EXPORT: Final = Operation(
    operation_id="Audit_Export",
    method="GET",
    path=f"{OWN_PREFIX}audit",
    tag="Audit",
    query=AuditQuery,
    answers=(
        Answer(200, "application/octet-stream", bytes),
        Answer(400, "application/problem+json", shared.ProblemDetails400),
        Answer(401, "application/problem+json", shared.ProblemDetails401),
        Answer(403, "application/problem+json", shared.ProblemDetails403),
    ),
)
COLUMNS: Final = (
    *("number", "at", "actorId", "actorName", "actorRole", "address"),
    *("action", "target", "status", "detail", "hash"),
)


@routes.own(EXPORT, Right.AUDIT)
def export(
    query: Annotated[AuditQuery, Query()],
    database: Annotated[Database, Provided(Database)],
    request: Request,
) -> Response:
    """The entries in order, oldest first, while they are read."""
    wanted = queries.AuditFilter(query.since, query.until, query.actor, query.action, query.target)

    def read(db: Session, last: AuditEntryRow | None) -> list[AuditEntryRow]:
        return list(queries.entries_after(db, last.number if last else 0, _AT_ONCE, wanted))

    rows = map(_members, in_portions(database, read))
    asks_for_csv = "text/csv" in request.headers.get("accept", "").lower()
    if query.format is AuditFormat.CSV or (query.format is None and asks_for_csv):
        return attachment("audit", "csv", csv_parts(COLUMNS, rows))
    return attachment("audit", "jsonl", _lines(rows))


def _lines(rows: Iterator[tuple[object, ...]]) -> Iterator[bytes]:
    while portion := list(islice(rows, _AT_ONCE)):
        yield b"".join(
            orjson.dumps(dict(zip(COLUMNS, row, strict=True))) + b"\n" for row in portion
        )


def _members(row: AuditEntryRow) -> tuple[object, ...]:
    return (
        *(row.number, wire_time(row.at), row.actor_id, row.actor_name, row.actor_role),
        *(row.address, row.action, row.target, row.status, row.detail, row.hash),
    )
