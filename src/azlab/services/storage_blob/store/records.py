"""The values the store hands out: frozen, complete, free of SQL."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

ARCHIVE = "Archive"
"""The tier in which nothing can be read."""


@dataclass(frozen=True)
class ContentHeaders:
    """The stored HTTP headers of a blob; `md5` is Base64, None where nobody supplied one."""

    content_type: str = "application/octet-stream"
    encoding: str | None = None
    language: str | None = None
    md5: str | None = None
    disposition: str | None = None
    cache_control: str | None = None


@dataclass(frozen=True)
class Lease:
    """A lease as granted. What state it is in depends on the time: see `lease_state`.

    `duration_seconds` -1 means for ever. `break_at` is set once somebody broke it.
    """

    lease_id: str
    duration_seconds: int
    expires_at: datetime | None
    break_at: datetime | None = None


@dataclass(frozen=True)
class Tier:
    """The access tier as stored; `tiers.effective` applies a rehydration whose time has come."""

    name: str
    inferred: bool
    changed_at: datetime
    rehydrate_to: str | None = None
    rehydrate_at: datetime | None = None
    rehydrate_priority: str | None = None


@dataclass(frozen=True)
class CopyResult:
    """The last copy that made this blob."""

    copy_id: str
    source: str
    size_bytes: int
    completed_at: datetime


@dataclass(frozen=True)
class Segment:
    """A piece of a committed blob: `size_bytes` of the file `content_id`.

    `block_id` is the Base64 text the client gave, None for a blob put in one request.
    """

    content_id: str
    start: int
    size_bytes: int
    block_id: str | None = None


@dataclass(frozen=True)
class Block:
    """An uncommitted block."""

    block_id: str
    content_id: str
    size_bytes: int


@dataclass(frozen=True)
class Protection:
    """What keeps one generation of a blob from being deleted; see `immutability`.

    `until` None: no time-based policy. `legal_hold` None: never set.
    """

    until: datetime | None = None
    locked: bool = False
    legal_hold: bool | None = None


@dataclass(frozen=True)
class SoftDeletion:
    """When something was deleted, and until when it can be brought back."""

    at: datetime
    until: datetime


class Role(StrEnum):
    """What a row of `blobs` is.

    BASE: the blob itself, its current version if it has a version id. VERSION: a previous one.
    SNAPSHOT: a state kept under a snapshot time. MARKER: stands for the deleted base of a blob
    that has versions only.
    """

    BASE = "base"
    VERSION = "version"
    SNAPSHOT = "snapshot"
    MARKER = "marker"


@dataclass(frozen=True)
class Blob:
    """One committed generation of a block blob; overwriting makes a new `row_id`."""

    row_id: int
    account: str
    container: str
    name: str
    size_bytes: int
    etag: str
    created_at: datetime
    modified_at: datetime
    headers: ContentHeaders
    metadata: Mapping[str, str]
    tags: Mapping[str, str]
    tier: Tier
    lease: Lease | None
    copy: CopyResult | None
    role: Role = Role.BASE
    version_id: str | None = None
    snapshot: str | None = None
    protection: Protection = Protection()
    deleted: SoftDeletion | None = None

    @property
    def is_current(self) -> bool:
        return self.role is Role.BASE and self.deleted is None


@dataclass(frozen=True)
class NewBlob:
    """What a commit puts in place; the store adds identity, ETag and times."""

    headers: ContentHeaders
    metadata: Mapping[str, str]
    tags: Mapping[str, str]
    tier: Tier
    segments: tuple[Segment, ...]
    copy: CopyResult | None = None
    protection: Protection = Protection()

    @property
    def size_bytes(self) -> int:
        return sum(segment.size_bytes for segment in self.segments)


@dataclass(frozen=True)
class StoredPolicy:
    """A stored access policy of a container; empty texts where the SAS has to say it."""

    policy_id: str
    start: str = ""
    expiry: str = ""
    permission: str = ""


@dataclass(frozen=True)
class Retention:
    """A default: new generations are kept `days` from their creation on."""

    days: int
    locked: bool


@dataclass(frozen=True)
class PolicyUpdate:
    """An entry of the history of a container's policy; `update` is put, lock or extend."""

    update: str
    days: int
    at: datetime
    object_id: str
    tenant_id: str


@dataclass(frozen=True)
class ContainerPolicy:
    """A container's time-based policy, as Azure Resource Manager has it.

    In a container with immutable versions it is the default of new versions, in any other one it
    protects every blob by the blob's age.
    """

    etag: str
    retention: Retention
    append_writes: bool | None = None
    append_writes_all: bool | None = None
    history: tuple[PolicyUpdate, ...] = ()


@dataclass(frozen=True)
class HoldTag:
    """One reason for a container's legal hold."""

    tag: str
    at: datetime
    object_id: str
    tenant_id: str


@dataclass(frozen=True)
class Worm:
    """What makes a container write-once. `versions_since` set: versions can be made immutable."""

    versions_since: datetime | None = None
    migrated: bool = False
    policy: ContainerPolicy | None = None
    holds: tuple[HoldTag, ...] = ()
    hold_append_writes_all: bool | None = None


@dataclass(frozen=True)
class ServiceSettings:
    """The switches of an account's blob service; days None where soft delete is off."""

    versioning: bool = False
    blob_days: int | None = None
    permanent_delete: bool = False
    container_days: int | None = None


@dataclass(frozen=True)
class Container:
    account: str
    name: str
    etag: str
    created_at: datetime
    modified_at: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)
    policies: tuple[StoredPolicy, ...] = ()
    lease: Lease | None = None
    worm: Worm = Worm()
    public_access: str = ""
    version: str = ""
    deleted: SoftDeletion | None = None
