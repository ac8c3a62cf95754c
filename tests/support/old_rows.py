"""Rows of an earlier version, as they stood in its database, for a database of either kind."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Boolean, DateTime, MetaData, Table
from sqlalchemy.types import JSON, TypeEngine

from kyanite.db.database import Database


def put_rows(database: Database, file: Path) -> dict[str, int]:
    """Insert the rows of a file into tables of the same version; how many, by table."""
    stored: dict[str, list[dict[str, Any]]] = json.loads(file.read_text())["rows"]
    with database.writing() as db:
        metadata = MetaData()
        metadata.reflect(db.connection())
        for name, rows in stored.items():
            table = metadata.tables[name]
            db.execute(table.insert(), [_typed(database, table, row) for row in rows])
    return {name: len(rows) for name, rows in stored.items()}


def _typed(database: Database, table: Table, row: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(database, table.c[name].type, value) for name, value in row.items()}


def _value(database: Database, column: TypeEngine[Any], value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, dict):
        return base64.b64decode(value["base64"])
    if isinstance(column, DateTime):
        moment = datetime.fromisoformat(value)
        return moment if database.kind == "sqlite" else moment.replace(tzinfo=UTC)
    if isinstance(column, Boolean):
        return bool(value)
    return json.loads(value) if isinstance(column, JSON) else value
