"""Uncommitted blocks: what Put Block left behind for Put Block List."""

from azlab.services.storage_blob.store.database import Transaction
from azlab.services.storage_blob.store.records import Block

_OF_BLOB = "account = ? AND container = ? AND name = ?"


def listed(tx: Transaction, account: str, container: str, name: str) -> list[Block]:
    """In the order of their ids, as Get Block List shows them."""
    rows = tx.sql.execute(
        "SELECT block_id, content_id, size_bytes FROM uncommitted_blocks"
        f" WHERE {_OF_BLOB} ORDER BY block_id",
        (account, container, name),
    )
    return [Block(*row) for row in rows]


def count(tx: Transaction, account: str, container: str, name: str) -> int:
    row = tx.sql.execute(
        f"SELECT count(*) FROM uncommitted_blocks WHERE {_OF_BLOB}", (account, container, name)
    ).fetchone()
    return int(row[0])


def any_block_id(tx: Transaction, account: str, container: str, name: str) -> str | None:
    """One of the ids, since all of a blob must be of one length."""
    row = tx.sql.execute(
        f"SELECT block_id FROM uncommitted_blocks WHERE {_OF_BLOB} LIMIT 1",
        (account, container, name),
    ).fetchone()
    return str(row[0]) if row else None


def put(tx: Transaction, account: str, container: str, name: str, block: Block) -> None:
    """A block of the same id is replaced."""
    old = tx.sql.execute(
        f"SELECT content_id FROM uncommitted_blocks WHERE {_OF_BLOB} AND block_id = ?",
        (account, container, name, block.block_id),
    ).fetchone()
    if old:
        tx.release([old[0]])
    tx.sql.execute(
        "INSERT OR REPLACE INTO uncommitted_blocks"
        " (account, container, name, block_id, size_bytes, content_id) VALUES (?, ?, ?, ?, ?, ?)",
        (account, container, name, block.block_id, block.size_bytes, block.content_id),
    )


def clear(tx: Transaction, account: str, container: str, name: str) -> None:
    """Every commit of a blob drops the blocks that it does not use."""
    tx.release(block.content_id for block in listed(tx, account, container, name))
    tx.sql.execute(f"DELETE FROM uncommitted_blocks WHERE {_OF_BLOB}", (account, container, name))
