"""Rows of committed blobs, one for each generation that is kept; see `generations`."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from azlab.services.storage_blob.store import encoding
from azlab.services.storage_blob.store.database import Transaction
from azlab.services.storage_blob.store.records import (
    Blob,
    ContentHeaders,
    CopyResult,
    Lease,
    Protection,
    Role,
    Segment,
    SoftDeletion,
    Tier,
)

COLUMNS = (
    "row_id, account, container, name, size_bytes, etag, created_at, modified_at, headers_json,"
    " metadata_json, tags_json, tier_json, lease_json, copy_json, role, version_id, snapshot,"
    " protection_json, deleted_json"
)
LIVE = "role = 'base' AND deleted_json IS NULL"
_NAMED = "account = ? AND container = ? AND name = ?"


def from_row(row: tuple[Any, ...]) -> Blob:
    return Blob(
        row_id=row[0],
        account=row[1],
        container=row[2],
        name=row[3],
        size_bytes=row[4],
        etag=row[5],
        created_at=datetime.fromisoformat(row[6]),
        modified_at=datetime.fromisoformat(row[7]),
        headers=encoding.load(ContentHeaders, row[8]),
        metadata=encoding.load_mapping(row[9]),
        tags=encoding.load_mapping(row[10]),
        tier=encoding.load(Tier, row[11]),
        lease=encoding.load_optional(Lease, row[12]),
        copy=encoding.load_optional(CopyResult, row[13]),
        role=Role(row[14]),
        version_id=row[15],
        snapshot=row[16],
        protection=encoding.load_optional(Protection, row[17]) or Protection(),
        deleted=encoding.load_optional(SoftDeletion, row[18]),
    )


def find(tx: Transaction, account: str, container: str, name: str) -> Blob | None:
    """The blob itself: its current version, where there are versions."""
    row = tx.sql.execute(
        f"SELECT {COLUMNS} FROM blobs WHERE {_NAMED} AND {LIVE}", (account, container, name)
    ).fetchone()
    return from_row(row) if row else None


def find_version(
    tx: Transaction, account: str, container: str, name: str, version_id: str
) -> Blob | None:
    """Current or not, a marker too; soft-deleted ones as well."""
    row = tx.sql.execute(
        f"SELECT {COLUMNS} FROM blobs WHERE {_NAMED} AND version_id = ?",
        (account, container, name, version_id),
    ).fetchone()
    return from_row(row) if row else None


def find_snapshot(
    tx: Transaction, account: str, container: str, name: str, snapshot: str
) -> Blob | None:
    """Soft-deleted ones as well."""
    row = tx.sql.execute(
        f"SELECT {COLUMNS} FROM blobs WHERE {_NAMED} AND snapshot = ?",
        (account, container, name, snapshot),
    ).fetchone()
    return from_row(row) if row else None


def find_deleted_base(tx: Transaction, account: str, container: str, name: str) -> Blob | None:
    row = tx.sql.execute(
        f"SELECT {COLUMNS} FROM blobs WHERE {_NAMED} AND role = 'base'"
        " AND deleted_json IS NOT NULL",
        (account, container, name),
    ).fetchone()
    return from_row(row) if row else None


def snapshots(tx: Transaction, blob: Blob) -> list[Blob]:
    """The snapshots of `blob` that are not deleted."""
    rows = tx.sql.execute(
        f"SELECT {COLUMNS} FROM blobs WHERE {_NAMED} AND role = 'snapshot'"
        " AND deleted_json IS NULL",
        (blob.account, blob.container, blob.name),
    )
    return [from_row(row) for row in rows]


def soft_deleted(tx: Transaction, account: str, container: str) -> list[Blob]:
    rows = tx.sql.execute(
        f"SELECT {COLUMNS} FROM blobs WHERE account = ? AND container = ?"
        " AND deleted_json IS NOT NULL",
        (account, container),
    )
    return [from_row(row) for row in rows]


def generations(tx: Transaction, account: str, container: str, name: str) -> list[Blob]:
    """Every row of this name, oldest first."""
    rows = tx.sql.execute(
        f"SELECT {COLUMNS} FROM blobs WHERE {_NAMED} ORDER BY row_id", (account, container, name)
    )
    return [from_row(row) for row in rows]


def of_container(tx: Transaction, account: str, container: str) -> list[Blob]:
    """Every row, of every name."""
    rows = tx.sql.execute(
        f"SELECT {COLUMNS} FROM blobs WHERE account = ? AND container = ?", (account, container)
    )
    return [from_row(row) for row in rows]


def insert(tx: Transaction, blob: Blob, parts: tuple[Segment, ...]) -> Blob:
    """`blob` as a row of its own."""
    cursor = tx.sql.execute(
        "INSERT INTO blobs (account, container, name, size_bytes, etag, created_at, modified_at,"
        " headers_json, metadata_json, tags_json, tier_json, lease_json, copy_json, role,"
        " version_id, snapshot, protection_json, deleted_json)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(blob.account, blob.container, blob.name, blob.size_bytes, blob.etag),
            *_changeable(blob),
        ),
    )
    row_id = cursor.lastrowid
    assert row_id is not None
    tx.sql.executemany(
        "INSERT INTO segments (blob_row_id, start, sequence, size_bytes, content_id, block_id)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [
            (row_id, part.start, index, part.size_bytes, part.content_id, part.block_id)
            for index, part in enumerate(parts)
        ],
    )
    return replace(blob, row_id=row_id)


def _changeable(blob: Blob) -> tuple[str | None, ...]:
    return (
        blob.created_at.isoformat(),
        blob.modified_at.isoformat(),
        encoding.dump_always(blob.headers),
        encoding.dump_mapping(blob.metadata),
        encoding.dump_mapping(blob.tags),
        encoding.dump_always(blob.tier),
        encoding.dump(blob.lease),
        encoding.dump(blob.copy),
        blob.role.value,
        blob.version_id,
        blob.snapshot,
        None if blob.protection == Protection() else encoding.dump(blob.protection),
        encoding.dump(blob.deleted),
    )


def touch(tx: Transaction, blob: Blob, now: datetime) -> Blob:
    """`blob` with a new ETag and Last-Modified, stored."""
    changed = replace(blob, etag=tx.next_etag(), modified_at=now)
    update(tx, changed)
    return changed


def update(tx: Transaction, blob: Blob) -> None:
    """Stores everything of `blob` but its bytes."""
    tx.sql.execute(
        "UPDATE blobs SET etag = ?, created_at = ?, modified_at = ?, headers_json = ?,"
        " metadata_json = ?, tags_json = ?, tier_json = ?, lease_json = ?, copy_json = ?,"
        " role = ?, version_id = ?, snapshot = ?, protection_json = ?, deleted_json = ?"
        " WHERE row_id = ?",
        (blob.etag, *_changeable(blob), blob.row_id),
    )


def delete(tx: Transaction, blob: Blob) -> None:
    tx.release(part.content_id for part in segments(tx, blob))
    tx.sql.execute("DELETE FROM segments WHERE blob_row_id = ?", (blob.row_id,))
    tx.sql.execute("DELETE FROM blobs WHERE row_id = ?", (blob.row_id,))


def segments(tx: Transaction, blob: Blob) -> tuple[Segment, ...]:
    rows = tx.sql.execute(
        "SELECT content_id, start, size_bytes, block_id FROM segments WHERE blob_row_id = ?"
        " ORDER BY sequence",
        (blob.row_id,),
    )
    return tuple(Segment(*row) for row in rows)


def segments_of_range(tx: Transaction, blob: Blob, offset: int, length: int) -> tuple[Segment, ...]:
    rows = tx.sql.execute(
        "SELECT content_id, start, size_bytes, block_id FROM segments WHERE blob_row_id = ?"
        " AND start < ? AND start + size_bytes > ? ORDER BY sequence",
        (blob.row_id, offset + length, offset),
    )
    return tuple(Segment(*row) for row in rows)
