"""Committed blobs."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from azlab.services.storage_blob import lease_state
from azlab.services.storage_blob.store import encoding
from azlab.services.storage_blob.store.database import Transaction
from azlab.services.storage_blob.store.records import (
    Blob,
    ContentHeaders,
    CopyResult,
    Lease,
    NewBlob,
    Segment,
    Tier,
)

COLUMNS = (
    "row_id, account, container, name, size_bytes, etag, created_at, modified_at, headers_json,"
    " metadata_json, tags_json, tier_json, lease_json, copy_json"
)


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
    )


def find(tx: Transaction, account: str, container: str, name: str) -> Blob | None:
    row = tx.sql.execute(
        f"SELECT {COLUMNS} FROM blobs WHERE account = ? AND container = ? AND name = ?",
        (account, container, name),
    ).fetchone()
    return from_row(row) if row else None


def commit(
    tx: Transaction, account: str, container: str, name: str, new: NewBlob, now: datetime
) -> Blob:
    """Puts `new` in the place of whatever is there; a lease and the creation time stay."""
    old = find(tx, account, container, name)
    if old is not None:
        delete(tx, old)
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
    )
    cursor = tx.sql.execute(
        "INSERT INTO blobs (account, container, name, size_bytes, etag, created_at, modified_at,"
        " headers_json, metadata_json, tags_json, tier_json, lease_json, copy_json)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (account, container, name, blob.size_bytes, blob.etag, *_changeable(blob)),
    )
    row_id = cursor.lastrowid
    assert row_id is not None
    tx.sql.executemany(
        "INSERT INTO segments (blob_row_id, start, sequence, size_bytes, content_id, block_id)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [
            (row_id, part.start, index, part.size_bytes, part.content_id, part.block_id)
            for index, part in enumerate(new.segments)
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
        " metadata_json = ?, tags_json = ?, tier_json = ?, lease_json = ?, copy_json = ?"
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
