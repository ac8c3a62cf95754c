"""What the three tables of operations share: how an entry is written, and common headers."""

from collections.abc import Mapping

from azlab.services.storage_blob.access.needs import Need
from azlab.services.storage_blob.service import Handler, Level, Operation

LEASE = frozenset(("x-ms-lease-id",))
LEASING = frozenset(
    f"x-ms-{name}"
    for name in (
        *("lease-action", "lease-id", "lease-duration", "proposed-lease-id"),
        "lease-break-period",
    )
)
LIST_PAGE = frozenset(("prefix", "marker", "maxresults", "include"))


def operation(
    name: str,
    method: str,
    level: Level,
    handler: Handler,
    need: Need,
    query: Mapping[str, str] | None = None,
    *,
    headers: frozenset[str] = frozenset(),
    parameters: frozenset[str] = frozenset(),
    selector: str = "",
    metadata: bool = False,
    conditions: bool = False,
    note: str = "",
) -> Operation:
    """An entry of one of the tables."""
    return Operation(
        name,
        method,
        level,
        handler,
        need,
        query or {},
        headers,
        parameters,
        selector,
        metadata,
        conditions,
        note,
    )
