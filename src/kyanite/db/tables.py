"""What all tables have in common: the metadata, the naming of constraints, the column types.

Every area declares its tables on `Base` in its own ``tables.py``. Constraint names are fixed
by a convention, so that a migration can name what it drops, on SQLite and PostgreSQL alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import JSON, BigInteger, DateTime, Integer, MetaData
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    _DateTimeDecorator = TypeDecorator[datetime]
else:
    _DateTimeDecorator = TypeDecorator

NAMING: Mapping[str, str] = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The one registry of tables."""

    metadata = MetaData(naming_convention=dict(NAMING))


class UtcDateTime(_DateTimeDecorator):
    """An aware moment, stored and read in UTC with microseconds.

    A naive value is a mistake of the caller and is refused, not guessed.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("times in the database are aware; this one has no time zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
"""JSON text on SQLite, JSONB on PostgreSQL. ``None`` is SQL NULL."""

BigSerial = BigInteger().with_variant(Integer, "sqlite")
"""A 64-bit key that counts up by itself; SQLite does that only for INTEGER."""
