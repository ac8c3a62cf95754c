"""The blob service as a whole, and one call of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from azlab.services.storage_blob.access.grants import Grant, Identity
from azlab.services.storage_blob.access.needs import Need
from azlab.services.storage_blob.accounts import Account, FindAccount
from azlab.services.storage_blob.request import BlobRequest, BlobResponse
from azlab.services.storage_blob.store.database import Database
from azlab.services.storage_blob.tiers import RehydrateDelays


@dataclass(frozen=True)
class BlobService:
    """`base_url` is the public address of the service, without an account."""

    database: Database
    find_account: FindAccount
    identity: Identity
    base_url: str
    delays: RehydrateDelays


@dataclass(frozen=True)
class Call:
    """One authorised request. `container` and `blob` are empty above their level."""

    service: BlobService
    request: BlobRequest
    account: Account
    container: str
    blob: str
    grant: Grant

    @property
    def database(self) -> Database:
        return self.service.database

    @property
    def address(self) -> tuple[str, str, str]:
        return self.account.name, self.container, self.blob


Handler = Callable[[Call], BlobResponse]
Level = Literal["service", "container", "blob"]


@dataclass(frozen=True)
class Operation:
    """One operation of the REST reference.

    `query` tells it apart from others at the same level, `selector` is a header whose presence
    does. `headers` and `parameters` are what it takes beyond the common ones; anything else is
    refused, since a header ignored in silence can destroy data. `note` says what is not as in
    Azure.
    """

    name: str
    method: str
    level: Level
    handler: Handler
    need: Need
    query: Mapping[str, str]
    headers: frozenset[str] = frozenset()
    parameters: frozenset[str] = frozenset()
    selector: str = ""
    takes_metadata: bool = False
    takes_conditions: bool = False
    note: str = ""
