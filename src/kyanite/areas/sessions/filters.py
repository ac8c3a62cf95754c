"""What lists and exports of sessions are narrowed to, as conditions on the rows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, false, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from kyanite.base.identifiers import system_id
from kyanite.durable.names import POLICY, REPOSITORY, RESOURCE, refs_called
from kyanite.durable.session_tables import ItemRow, SessionRow
from kyanite.rules.session_categories import (
    HEALTH_CHECK,
    POLICY_TYPES_OF,
    types_of,
    types_working_on,
)
from kyanite.rules.session_types import types_called


@dataclass(frozen=True)
class SessionFilter:
    """What a list of sessions is narrowed to; what is not given does not narrow.

    ``text`` is looked for in the names of policies, repositories, processed resources and types,
    ``policy_text`` in those of policies only. ``since`` and ``until`` concern the start, or for
    sessions not begun yet the moment they were accepted. ``resource_id`` is a system id or an
    ARM id. ``categories`` and ``workloads`` are those of ``rules.session_categories``.
    """

    policy_id: str | None = None
    text: str | None = None
    statuses: Collection[str] = ()
    types: Collection[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    resource_id: str | None = None
    ids: Collection[str] | None = None
    policy_text: str | None = None
    categories: Collection[str] = ()
    workloads: Collection[str] = ()

    @property
    def is_of_days(self) -> bool:
        """Whether counts by day, type and status are enough to count what it lets through."""
        return not (
            self.policy_id
            or self.text
            or self.resource_id
            or self.ids is not None
            or self.policy_text
            or self.categories
            or self.workloads
        )


def conditions(db: Session, wanted: SessionFilter) -> list[ColumnElement[bool]]:
    """All of them must hold."""
    found = [*_of_columns(wanted), *_of_times(wanted)]
    if wanted.policy_id is not None:
        found.append(SessionRow.policy_id == wanted.policy_id)
    if wanted.ids is not None:
        found.append(SessionRow.id.in_(wanted.ids))
    if wanted.resource_id is not None:
        found.append(SessionRow.id.in_(_about(wanted.resource_id)))
    if wanted.categories:
        found.append(SessionRow.type.in_(types_of(wanted.categories)))
    if wanted.workloads:
        found.append(_works_on(wanted.workloads))
    if wanted.policy_text:
        policies = _of_policies_called(db, wanted.policy_text)
        found.append(false() if policies is None else policies)
    if wanted.text:
        found.append(_called(db, wanted.text))
    return found


def unindexed(column: InstrumentedAttribute[str]) -> ColumnElement[str]:
    """The column, for a condition that is not to be looked up in an index that begins with it.

    Where another condition narrows more, SQLite would rather take all sessions of a type.
    """
    return column.concat("")


def resource_key(resource_id: str) -> str:
    """The system id of a resource that was named by it, or by its ARM id."""
    return system_id(resource_id) if resource_id.startswith("/") else resource_id.lower()


def _of_columns(wanted: SessionFilter) -> list[ColumnElement[bool]]:
    # Narrower filters have an index of their own.
    is_narrow = not wanted.is_of_days
    found: list[ColumnElement[bool]] = []
    if wanted.statuses:
        status = unindexed(SessionRow.status) if is_narrow else SessionRow.status
        found.append(status.in_(wanted.statuses))
    if wanted.types:
        type_name = unindexed(SessionRow.type) if is_narrow else SessionRow.type
        found.append(type_name.in_(wanted.types))
    return found


def _of_times(wanted: SessionFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.since is not None:
        found.append(SessionRow.began_at >= wanted.since)
    if wanted.until is not None:
        found.append(SessionRow.began_at <= wanted.until)
    return found


def _about(resource_id: str) -> Select[str]:
    return select(ItemRow.session_id).where(ItemRow.resource_id == resource_key(resource_id))


def _works_on(workloads: Collection[str]) -> ColumnElement[bool]:
    """A health check belongs to the workload of its policy."""
    policy_types = [name for workload in workloads for name in POLICY_TYPES_OF[workload]]
    return or_(
        SessionRow.type.in_(types_working_on(workloads)),
        and_(SessionRow.type == HEALTH_CHECK, SessionRow.policy_type.in_(policy_types)),
    )


def _of_things_called(
    db: Session,
    kind: str,
    text: str,
    ref: InstrumentedAttribute[str | None],
    name: InstrumentedAttribute[str | None],
) -> ColumnElement[bool] | None:
    """The sessions of policies or repositories of that name; None when there is no such thing.

    A thing may have been renamed: its sessions keep the name of their time.
    """
    found = refs_called(db, kind, text)
    arms: list[ColumnElement[bool]] = []
    if found.always:
        arms.append(ref.in_(found.always))
    if found.sometimes:
        arms.append(and_(ref.in_(found.sometimes), name.icontains(text, autoescape=True)))
    return or_(*arms) if arms else None


def _of_policies_called(db: Session, text: str) -> ColumnElement[bool] | None:
    return _of_things_called(db, POLICY, text, SessionRow.policy_id, SessionRow.policy_name)


def _called(db: Session, text: str) -> ColumnElement[bool]:
    arms: list[ColumnElement[bool]] = []
    types = types_called(text)
    if types:
        arms.append(SessionRow.type.in_(types))
    policies = _of_policies_called(db, text)
    if policies is not None:
        arms.append(policies)
    repositories = _of_things_called(
        db, REPOSITORY, text, SessionRow.repository_id, SessionRow.repository_name
    )
    if repositories is not None:
        arms.append(repositories)
    resources = refs_called(db, RESOURCE, text)
    resource_ids = [*resources.always, *resources.sometimes]
    if resource_ids:
        arms.append(
            SessionRow.id.in_(
                select(ItemRow.session_id).where(ItemRow.resource_id.in_(resource_ids))
            )
        )
    return or_(*arms) if arms else false()
