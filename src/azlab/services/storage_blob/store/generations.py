"""The generations of a blob: a write or a deletion makes previous versions, or loses what was."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from azlab.services.storage_blob import lease_state
from azlab.services.storage_blob.store import accounts, blobs, version_times
from azlab.services.storage_blob.store.database import Transaction
from azlab.services.storage_blob.store.records import (
    ARCHIVE,
    Blob,
    NewBlob,
    Protection,
    Role,
    SoftDeletion,
)


def commit(
    tx: Transaction, account: str, container: str, name: str, new: NewBlob, now: datetime
) -> Blob:
    """Puts `new` in the place of whatever is there; a lease and the creation time stay.

    What was there becomes a previous version where the account keeps versions.
    """
    old = blobs.find(tx, account, container, name)
    if old is not None:
        _displace(tx, old, now)
    else:
        _make_way(tx, account, container, name, now)
    _drop_marker(tx, account, container, name)
    versioned = accounts.settings(tx, account).versioning
    version_id = _next_version_id(tx, account, container, name, now) if versioned else None
    blob = Blob(
        row_id=0,
        account=account,
        container=container,
        name=name,
        size_bytes=new.size_bytes,
        etag=tx.next_etag(),
        created_at=old.created_at if old else now,
        modified_at=now,
        headers=new.headers,
        metadata=new.metadata,
        tags=new.tags,
        tier=new.tier,
        lease=lease_state.after_write(old.lease, now) if old else None,
        copy=new.copy,
        version_id=version_id,
        protection=new.protection,
    )
    return blobs.insert(tx, blob, new.segments)


def _make_way(tx: Transaction, account: str, container: str, name: str, now: datetime) -> None:
    """A soft-deleted blob becomes a soft-deleted snapshot of the one that takes its name."""
    gone = blobs.find_deleted_base(tx, account, container, name)
    if gone is None or gone.deleted is None:
        return
    if gone.deleted.until <= now:
        remove(tx, gone)
    else:
        _to_deleted_snapshot(tx, gone, gone.deleted)


def _next_version_id(
    tx: Transaction, account: str, container: str, name: str, now: datetime
) -> str:
    """The time of the write, moved on where the blob has a version of that time or later."""
    row = tx.sql.execute(
        "SELECT max(version_id) FROM blobs WHERE account = ? AND container = ? AND name = ?",
        (account, container, name),
    ).fetchone()
    return _after(row[0], now)


def _after(latest: str | None, now: datetime) -> str:
    if latest is not None and latest >= version_times.text(now):
        return version_times.text(version_times.moment(latest) + timedelta(microseconds=1))
    return version_times.text(now)


def snapshot(
    tx: Transaction, blob: Blob, metadata: Mapping[str, str] | None, now: datetime
) -> Blob:
    """A snapshot of the live `blob`; `metadata` None takes the blob's own."""
    taken = replace(
        blob,
        role=Role.SNAPSHOT,
        snapshot=_free_snapshot_time(tx, blob, now),
        version_id=None,
        lease=None,
        metadata=blob.metadata if metadata is None else metadata,
        protection=Protection(),
    )
    return blobs.insert(tx, taken, blobs.segments(tx, blob))


def _free_snapshot_time(tx: Transaction, blob: Blob, now: datetime) -> str:
    row = tx.sql.execute(
        "SELECT max(snapshot) FROM blobs WHERE account = ? AND container = ? AND name = ?",
        (blob.account, blob.container, blob.name),
    ).fetchone()
    return _after(row[0], now)


def _displace(tx: Transaction, blob: Blob, now: datetime) -> bool:
    """Takes the live `blob` out of its place because it is written anew; whether it is kept.

    It stays as a previous version where the account keeps versions, and also when versions are
    switched off meanwhile but this one has an id. Else soft delete keeps it as a soft-deleted
    snapshot, unless it is archived.
    """
    settings = accounts.settings(tx, blob.account)
    if settings.versioning or blob.version_id is not None:
        version_id = blob.version_id or version_times.text(blob.modified_at)
        blobs.update(tx, replace(blob, role=Role.VERSION, version_id=version_id, lease=None))
        return True
    if settings.blob_days is None or blob.tier.name == ARCHIVE:
        blobs.delete(tx, blob)
        return False
    _to_deleted_snapshot(tx, blob, SoftDeletion(now, now + timedelta(days=settings.blob_days)))
    return True


def _to_deleted_snapshot(tx: Transaction, blob: Blob, deletion: SoftDeletion) -> None:
    kept = replace(
        blob,
        role=Role.SNAPSHOT,
        snapshot=_free_snapshot_time(tx, blob, deletion.at),
        lease=None,
        deleted=deletion,
    )
    blobs.update(tx, kept)


def delete_base(tx: Transaction, blob: Blob, now: datetime) -> bool:
    """Delete Blob without a version id; whether something is kept.

    A marker stays for a blob that has versions only: lists show it on demand.
    """
    settings = accounts.settings(tx, blob.account)
    if not settings.versioning and blob.version_id is None:
        return delete_one(tx, blob, now)
    _displace(tx, blob, now)
    marker = replace(
        blob,
        role=Role.MARKER,
        version_id=_next_version_id(tx, blob.account, blob.container, blob.name, now),
        etag=tx.next_etag(),
        modified_at=now,
        lease=None,
        protection=Protection(),
    )
    blobs.insert(tx, marker, ())
    return True


def delete_one(tx: Transaction, blob: Blob, now: datetime) -> bool:
    """Deletes this one row, softly where the account says so; whether it is kept."""
    days = accounts.settings(tx, blob.account).blob_days
    if days is None:
        remove(tx, blob)
        return False
    deletion = SoftDeletion(now, now + timedelta(days=days))
    blobs.update(tx, replace(blob, deleted=deletion, lease=None))
    return True


def remove(tx: Transaction, blob: Blob) -> None:
    """For good; the marker goes with the last version."""
    blobs.delete(tx, blob)
    left = blobs.generations(tx, blob.account, blob.container, blob.name)
    if all(one.role is Role.MARKER for one in left):
        _drop_marker(tx, blob.account, blob.container, blob.name)


def undelete(tx: Transaction, account: str, container: str, name: str) -> bool:
    """Brings back all that is soft-deleted of this name; False when there is nothing at all.

    A soft-deleted blob whose name was taken meanwhile has become a snapshot by then.
    """
    found = blobs.generations(tx, account, container, name)
    for blob in found:
        if blob.deleted is not None:
            blobs.update(tx, replace(blob, deleted=None))
    if any(one.role is Role.BASE for one in found):
        _drop_marker(tx, account, container, name)
    return any(one.role is not Role.MARKER for one in found)


def purge(tx: Transaction, account: str, container: str, now: datetime) -> None:
    """Forgets what was soft-deleted and whose time is over."""
    for blob in blobs.soft_deleted(tx, account, container):
        if blob.deleted is not None and blob.deleted.until <= now:
            remove(tx, blob)


def _drop_marker(tx: Transaction, account: str, container: str, name: str) -> None:
    tx.sql.execute(
        "DELETE FROM blobs WHERE account = ? AND container = ? AND name = ? AND role = 'marker'",
        (account, container, name),
    )
