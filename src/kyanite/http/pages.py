"""Pages (docs/behaviour/api-conventions.md §5).

Filters come first, then the order, then offset and limit. `Limit=-1` is everything, `Limit=0`
nothing but the count; there is no upper bound, because clients advance by what they asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.base.json_types import JsonObject
from kyanite.http.links import href, own_path

DEFAULT_LIMIT = 100
T = TypeVar("T")
S = TypeVar("S", bound="Select[*tuple[Any, ...]]")


class PageQuery(Protocol):
    """Every generated query model of a paged list."""

    @property
    def offset(self) -> int | None: ...

    @property
    def limit(self) -> int | None: ...


@dataclass(frozen=True)
class Paging:
    """`limit` -1 means all."""

    offset: int = 0
    limit: int = DEFAULT_LIMIT

    @classmethod
    def of(cls, query: PageQuery) -> Paging:
        """Offset and limit of a request, the defaults filled in."""
        limit = DEFAULT_LIMIT if query.limit is None else query.limit
        return cls(query.offset or 0, limit)

    def cut(self, items: Sequence[T]) -> list[T]:
        """The items of this page, of all items in order."""
        end = None if self.limit < 0 else self.offset + self.limit
        return list(items[self.offset : end])

    def applied(self, statement: S) -> S:
        """A statement with offset and limit."""
        if self.limit >= 0:
            statement = statement.limit(self.limit)
        elif self.offset:
            # SQLite knows no OFFSET without LIMIT; this is its way to say "all".
            statement = statement.limit(2**62)
        return statement.offset(self.offset) if self.offset else statement


@dataclass(frozen=True)
class Found(Generic[T]):
    """The rows of one page, and how many there are on all pages together."""

    total: int
    rows: Sequence[T]


def found(db: Session, statement: Select[T], paging: Paging) -> Found[T]:
    """One page of an ordered `select(Entity)` and the count without offset and limit."""
    total = db.scalar(select(func.count()).select_from(statement.order_by(None).subquery()))
    rows = db.scalars(paging.applied(statement)).all()
    return Found(total or 0, rows)


def page(request: Request, query: PageQuery, total: int, results: Sequence[object]) -> JsonObject:
    """The `PageOf…` body for the results of one page (wire models or JSON objects)."""
    return _envelope(request, Paging.of(query), total, results)


def page_of_all(request: Request, query: PageQuery, items: Sequence[object]) -> JsonObject:
    """The `PageOf…` body when all items are at hand: cuts the page out of them."""
    paging = Paging.of(query)
    return _envelope(request, paging, len(items), paging.cut(items))


def complete_page(request: Request, results: Sequence[object]) -> JsonObject:
    """The envelope of lists that take no paging parameters: everything at once."""
    return _envelope(request, Paging(0, len(results)), len(results), results)


def _envelope(
    request: Request, paging: Paging, total: int, results: Sequence[object]
) -> JsonObject:
    address = href(request, own_path(request), {"offset": paging.offset, "limit": paging.limit})
    envelope: dict[str, Any] = {
        "offset": paging.offset,
        "limit": paging.limit,
        "totalCount": total,
        "_links": {"self": {"href": address}},
        "results": list(results),
    }
    return envelope


def empty_page(request: Request) -> JsonObject:
    """The page of a filter that cannot match anything."""
    values = {name.lower(): value for name, value in request.query_params.items()}

    def number(name: str, default: int) -> int:
        text = values.get(name, "")
        return int(text) if text.lstrip("-").isdecimal() else default

    paging = Paging(max(0, number("offset", 0)), max(-1, number("limit", DEFAULT_LIMIT)))
    return _envelope(request, paging, 0, [])
