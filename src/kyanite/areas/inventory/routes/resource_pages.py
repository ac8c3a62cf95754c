"""What the lists of plain resources have in common."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Select
from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.areas.inventory.tables import ResourceRow
from kyanite.base.json_types import JsonObject
from kyanite.http.pages import PageQuery, Paging, found, page


def resource_page(
    db: Session,
    request: Request,
    query: PageQuery,
    statement: Select[ResourceRow],
    show: Callable[[Request, ResourceRow], JsonObject],
) -> JsonObject:
    """The page of a list of resources that a query asks for."""
    resources = found(db, statement, Paging.of(query))
    return page(request, query, resources.total, [show(request, row) for row in resources.rows])
