"""The names under which sessions are looked for (`SessionNameRow`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from kyanite.durable.history_tables import SessionNameRow

POLICY: Final = "policy"
REPOSITORY: Final = "repository"
RESOURCE: Final = "resource"


def remember_names(db: Session, kind: str, names: Iterable[tuple[str | None, str | None]]) -> None:
    """Note pairs of id and name; what is known already, or incomplete, is passed over."""
    # In one order, so that two transactions with the same names wait for each other only once.
    wanted = sorted({(ref, name) for ref, name in names if ref and name})
    for ref, name in wanted:
        if db.get(SessionNameRow, (kind, ref, name)) is None:
            _insert(db, kind, ref, name)


def refs_called(db: Session, kind: str, text: str) -> list[str]:
    """The ids of things of a kind whose name, now or once, contains ``text`` in any case."""
    return list(
        db.scalars(
            select(SessionNameRow.ref)
            .where(SessionNameRow.kind == kind)
            .where(SessionNameRow.name.icontains(text, autoescape=True))
            .distinct()
        )
    )


def _insert(db: Session, kind: str, ref: str, name: str) -> None:
    values = {"kind": kind, "ref": ref, "name": name}
    dialect = db.get_bind().dialect.name
    make = postgresql.insert if dialect == "postgresql" else sqlite.insert
    db.execute(make(SessionNameRow).values(values).on_conflict_do_nothing())
