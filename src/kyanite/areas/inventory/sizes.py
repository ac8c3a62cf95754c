"""The sizes of machines, read from Azure when they are asked for and kept for an hour.

They are not in the database: a subscription has tens of thousands of them, and they seldom
change. While Azure is away, what was read last is told, however old it is.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.accounts import AzureAccess, find_account, list_accounts
from kyanite.areas.inventory.kinds import Kind
from kyanite.areas.inventory.queries import accounts_seeing, region_offers
from kyanite.azure.compute import skus
from kyanite.base.azure_names import region_code
from kyanite.base.clock import Clock
from kyanite.base.errors import AzureError, Conflict
from kyanite.rules.machine_sizes import MachineSize, machine_size

_log = logging.getLogger(__name__)

_FRESH: Final = timedelta(hours=1)
_MOST_PLACES: Final = 200
_PARALLEL_READS: Final = 8


@dataclass(frozen=True)
class Place:
    """A region of a subscription, and the account to look at it with."""

    account_id: str
    subscription_id: str
    region: str


@dataclass(frozen=True)
class _Kept:
    read_at: datetime
    sizes: tuple[MachineSize, ...]


class MachineSizes:
    """Knows what can be bought where. Thread-safe."""

    def __init__(self, access: AzureAccess, clock: Clock) -> None:
        self._access = access
        self._clock = clock
        self._kept: OrderedDict[Place, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def at(self, places: Sequence[Place]) -> list[tuple[Place, tuple[MachineSize, ...]]]:
        """The sizes at each place, by name. Raises ``AzureError``."""
        if len(places) < 2:
            return [(place, self._of(place)) for place in places]
        with ThreadPoolExecutor(_PARALLEL_READS, "sizes") as pool:
            return list(zip(places, pool.map(self._of, places), strict=True))

    def _of(self, place: Place) -> tuple[MachineSize, ...]:
        with self._lock:
            kept = self._kept.get(place)
        now = self._clock.now()
        if kept is not None and now - kept.read_at < _FRESH:
            return kept.sizes
        try:
            arm = self._access.arm_client(place.account_id)
            found = [
                size
                for sku in skus.machine_sizes(arm, place.subscription_id, place.region)
                if (size := machine_size(sku, place.region)) is not None
            ]
        except AzureError as error:
            if kept is None:
                raise
            _log.warning("inventory: sizes of machines are from %s: %s", kept.read_at, error)
            return kept.sizes
        sizes = tuple(sorted(found, key=lambda size: size.name))
        with self._lock:
            self._kept[place] = _Kept(now, sizes)
            self._kept.move_to_end(place)
            while len(self._kept) > _MOST_PLACES:
                self._kept.popitem(last=False)
        return sizes


def places(
    db: Session,
    *,
    region: str | None,
    account_id: str | None = None,
    subscription_id: str | None = None,
) -> list[Place]:
    """Where to look: each subscription that offers the region, with an account that sees it.

    Raises ``Conflict`` when an account or a subscription is named that cannot be used for it.
    """
    if account_id is not None and find_account(db, account_id) is None:
        raise Conflict(f"There is no service account {account_id}; choose another one.")
    offered = region_offers(db, account_id=account_id, subscription_id=subscription_id)
    if subscription_id is not None and not offered:
        raise Conflict(f"No service account can look into the subscription {subscription_id}.")
    wanted = region_code(region) if region is not None else None
    return [
        Place(
            account_id or accounts_seeing(db, Kind.REGION, offer.id)[0],
            offer.subscription_id,
            offer.name,
        )
        for offer in offered
        if wanted is None or offer.name == wanted
    ]


def worker_places(db: Session, region: str) -> list[Place]:
    """Where workers of a region would be made: in the subscription of the account for workers.

    While none is chosen, the first place that any account sees. Empty when nobody sees any.
    """
    for account in list_accounts(db):
        if account.selected_for_workers:
            chosen = account.worker_subscription_id
            offered = region_offers(db, account_id=account.id, subscription_id=chosen)
            found = [o for o in offered if o.name == region_code(region)]
            return [Place(account.id, o.subscription_id, o.name) for o in found[:1]]
    return places(db, region=region)[:1]
