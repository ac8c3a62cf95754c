"""The names under which sessions are looked for (`SessionNameRow`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from kyanite.durable.history_tables import SessionNameRow

POLICY: Final = "policy"
REPOSITORY: Final = "repository"
RESOURCE: Final = "resource"


@dataclass(frozen=True)
class Called:
    """Ids of things: all names they ever had match, or only some since they were renamed."""

    always: Sequence[str]
    sometimes: Sequence[str]


def remember_names(db: Session, kind: str, names: Iterable[tuple[str | None, str | None]]) -> None:
    """Note pairs of id and name; what is known already, or incomplete, is passed over."""
    # In one order, so that two transactions with the same names wait for each other only once.
    wanted = sorted({(ref, name) for ref, name in names if ref and name})
    for ref, name in wanted:
        if db.get(SessionNameRow, (kind, ref, name)) is None:
            _insert(db, kind, ref, name)


def refs_called(db: Session, kind: str, text: str) -> Called:
    """The things of a kind with a name, now or once, that contains ``text`` in any case."""
    matches = SessionNameRow.name.icontains(text, autoescape=True)
    refs = select(SessionNameRow.ref).where(SessionNameRow.kind == kind, matches)
    names = db.execute(
        select(SessionNameRow.ref, matches)
        .where(SessionNameRow.kind == kind, SessionNameRow.ref.in_(refs))
        .order_by(SessionNameRow.ref)
    ).all()
    sometimes = {ref for ref, is_match in names if not is_match}
    always = {ref for ref, _ in names} - sometimes
    return Called(sorted(always), sorted(sometimes))


def _insert(db: Session, kind: str, ref: str, name: str) -> None:
    values = {"kind": kind, "ref": ref, "name": name}
    dialect = db.get_bind().dialect.name
    make = postgresql.insert if dialect == "postgresql" else sqlite.insert
    db.execute(make(SessionNameRow).values(values).on_conflict_do_nothing())
