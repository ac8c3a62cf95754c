"""The generations of a blob: a write or a deletion makes previous versions, or loses what was."""

from dataclasses import replace
from datetime import datetime, timedelta

from azlab.services.storage_blob import lease_state
from azlab.services.storage_blob.store import accounts, blobs, version_times
from azlab.services.storage_blob.store.database import Transaction
from azlab.services.storage_blob.store.records import Blob, NewBlob, Role


def commit(
    tx: Transaction, account: str, container: str, name: str, new: NewBlob, now: datetime
) -> Blob:
    """Puts `new` in the place of whatever is there; a lease and the creation time stay.

    What was there becomes a previous version where the account keeps versions.
    """
    old = blobs.find(tx, account, container, name)
    if old is not None:
        _displace(tx, old)
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


def _next_version_id(
    tx: Transaction, account: str, container: str, name: str, now: datetime
) -> str:
    """The time of the write, moved on where the blob has a version of that time or later."""
    row = tx.sql.execute(
        "SELECT max(version_id) FROM blobs WHERE account = ? AND container = ? AND name = ?",
        (account, container, name),
    ).fetchone()
    if row[0] is not None and row[0] >= version_times.text(now):
        return version_times.text(version_times.moment(row[0]) + timedelta(microseconds=1))
    return version_times.text(now)


def _displace(tx: Transaction, blob: Blob) -> bool:
    """Takes the live `blob` out of its place; False when nothing of it is kept.

    It stays as a previous version where the account keeps versions, and also when versions are
    switched off meanwhile but this one has an id.
    """
    settings = accounts.settings(tx, blob.account)
    if settings.versioning or blob.version_id is not None:
        version_id = blob.version_id or version_times.text(blob.modified_at)
        blobs.update(tx, replace(blob, role=Role.VERSION, version_id=version_id, lease=None))
        return True
    blobs.delete(tx, blob)
    return False


def delete_base(tx: Transaction, blob: Blob, now: datetime) -> bool:
    """Delete Blob without a version id; whether something is kept.

    A marker stays for a blob that has versions only: lists show it on demand.
    """
    kept = _displace(tx, blob)
    if kept:
        version_id = _next_version_id(tx, blob.account, blob.container, blob.name, now)
        marker = replace(
            blob,
            role=Role.MARKER,
            version_id=version_id,
            etag=tx.next_etag(),
            modified_at=now,
            lease=None,
        )
        blobs.insert(tx, marker, ())
    return kept


def delete_version(tx: Transaction, blob: Blob) -> None:
    """For good; the marker goes with the last version."""
    blobs.delete(tx, blob)
    left = blobs.generations(tx, blob.account, blob.container, blob.name)
    if all(one.role is Role.MARKER for one in left):
        _drop_marker(tx, blob.account, blob.container, blob.name)


def _drop_marker(tx: Transaction, account: str, container: str, name: str) -> None:
    tx.sql.execute(
        "DELETE FROM blobs WHERE account = ? AND container = ? AND name = ? AND role = 'marker'",
        (account, container, name),
    )
