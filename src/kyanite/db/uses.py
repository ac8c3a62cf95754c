"""Who uses what: one table below all areas.

Whoever uses a thing of another area (a policy its repository, a repository its account) says
so here; whoever wants to delete the thing asks here. Nobody has to ask upwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from kyanite.db.locks import lock
from kyanite.db.tables import Base


class UseRow(Base):
    """``user`` needs ``used``. Kinds are words such as ``policy``, ``repository``, ``account``."""

    __tablename__ = "uses"

    user_kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    used_kind: Mapped[str] = mapped_column(String(40), primary_key=True, index=True)
    used_id: Mapped[str] = mapped_column(String(100), primary_key=True, index=True)


@dataclass(frozen=True, order=True)
class Thing:
    """A thing that uses or is used."""

    kind: str
    id: str


def replace_uses(db: Session, user: Thing, used: Iterable[Thing]) -> None:
    """From now on ``user`` uses exactly ``used``."""
    forget_user(db, user)
    db.add_all(
        UseRow(user_kind=user.kind, user_id=user.id, used_kind=thing.kind, used_id=thing.id)
        for thing in sorted(set(used))
    )
    db.flush()


def lock_used(db: Session, used: Iterable[Thing]) -> None:
    """Before a look at things that are to be used, or deleted: one of the two at a time.

    Whoever deletes takes the lock and then asks `users_of`; whoever begins to use takes it and
    then looks whether the thing exists.
    """
    for thing in sorted(set(used)):
        lock(db, f"used {thing.kind} {thing.id}")


def forget_user(db: Session, user: Thing) -> None:
    """``user`` is gone and uses nothing any more."""
    db.execute(delete(UseRow).where(UseRow.user_kind == user.kind, UseRow.user_id == user.id))


def users_of(db: Session, used: Thing, *, user_kind: str | None = None) -> list[Thing]:
    """Who uses ``used``, sorted; only users of one kind if given."""
    query = select(UseRow.user_kind, UseRow.user_id).where(
        UseRow.used_kind == used.kind, UseRow.used_id == used.id
    )
    if user_kind is not None:
        query = query.where(UseRow.user_kind == user_kind)
    return sorted(Thing(kind, id) for kind, id in db.execute(query))


def used_by(db: Session, user: Thing, *, used_kind: str | None = None) -> list[Thing]:
    """What ``user`` uses, sorted; only things of one kind if given."""
    query = select(UseRow.used_kind, UseRow.used_id).where(
        UseRow.user_kind == user.kind, UseRow.user_id == user.id
    )
    if used_kind is not None:
        query = query.where(UseRow.used_kind == used_kind)
    return sorted(Thing(kind, id) for kind, id in db.execute(query))
