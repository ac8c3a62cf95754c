"""Containers, and what belongs to an account as a whole."""

import secrets
from dataclasses import replace
from datetime import datetime
from typing import Any

from azlab.services.storage_blob.store import encoding
from azlab.services.storage_blob.store.database import Transaction
from azlab.services.storage_blob.store.records import Container, Lease

_COLUMNS = "account, name, etag, created_at, modified_at, metadata_json, policies_json, lease_json"


def _from_row(row: tuple[Any, ...]) -> Container:
    return Container(
        account=row[0],
        name=row[1],
        etag=row[2],
        created_at=datetime.fromisoformat(row[3]),
        modified_at=datetime.fromisoformat(row[4]),
        metadata=encoding.load_mapping(row[5]),
        policies=encoding.load_policies(row[6]),
        lease=encoding.load_optional(Lease, row[7]),
    )


def find(tx: Transaction, account: str, name: str) -> Container | None:
    row = tx.sql.execute(
        f"SELECT {_COLUMNS} FROM containers WHERE account = ? AND name = ?", (account, name)
    ).fetchone()
    return _from_row(row) if row else None


def listed(
    tx: Transaction, account: str, prefix: str = "", start: str = "", limit: int = -1
) -> list[Container]:
    """Names from `start` on that begin with `prefix`; all of them when `limit` is negative."""
    rows = tx.sql.execute(
        f"SELECT {_COLUMNS} FROM containers WHERE account = ? AND name >= ?"
        " AND substr(name, 1, ?) = ? ORDER BY name LIMIT ?",
        (account, max(prefix, start), len(prefix), prefix, limit),
    )
    return [_from_row(row) for row in rows]


def create(
    tx: Transaction, account: str, name: str, metadata: dict[str, str], now: datetime
) -> Container:
    container = Container(account, name, tx.next_etag(), now, now, metadata)
    tx.sql.execute(
        f"INSERT INTO containers ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            account,
            name,
            container.etag,
            now.isoformat(),
            now.isoformat(),
            encoding.dump_mapping(metadata),
            encoding.dump_policies(()),
            None,
        ),
    )
    return container


def touch(tx: Transaction, container: Container, now: datetime) -> Container:
    changed = replace(container, etag=tx.next_etag(), modified_at=now)
    update(tx, changed)
    return changed


def update(tx: Transaction, container: Container) -> None:
    tx.sql.execute(
        "UPDATE containers SET etag = ?, modified_at = ?, metadata_json = ?, policies_json = ?,"
        " lease_json = ? WHERE account = ? AND name = ?",
        (
            container.etag,
            container.modified_at.isoformat(),
            encoding.dump_mapping(container.metadata),
            encoding.dump_policies(container.policies),
            encoding.dump(container.lease),
            container.account,
            container.name,
        ),
    )


def delete(tx: Transaction, account: str, name: str) -> None:
    """The container with everything in it."""
    where = (account, name)
    of_blobs = "SELECT row_id FROM blobs WHERE account = ? AND container = ?"
    in_segments = f"FROM segments WHERE blob_row_id IN ({of_blobs})"
    in_blocks = "FROM uncommitted_blocks WHERE account = ? AND container = ?"
    for source in (in_segments, in_blocks):
        tx.release(str(row[0]) for row in tx.sql.execute(f"SELECT content_id {source}", where))
        tx.sql.execute(f"DELETE {source}", where)
    tx.sql.execute("DELETE FROM blobs WHERE account = ? AND container = ?", where)
    tx.sql.execute("DELETE FROM containers WHERE account = ? AND name = ?", where)


def delete_account(tx: Transaction, account: str) -> None:
    for container in listed(tx, account):
        delete(tx, account, container.name)
    tx.sql.execute("DELETE FROM accounts WHERE account = ?", (account,))


def account_names(tx: Transaction) -> set[str]:
    """Every account of which anything is kept."""
    rows = tx.sql.execute("SELECT account FROM containers UNION SELECT account FROM accounts")
    return {str(row[0]) for row in rows}


def _ensure_account(tx: Transaction, account: str) -> None:
    tx.sql.execute(
        "INSERT OR IGNORE INTO accounts VALUES (?, ?, '')", (account, secrets.token_bytes(32))
    )


def delegation_secret(tx: Transaction, account: str) -> bytes:
    """The secret from which the account's user delegation keys are derived."""
    _ensure_account(tx, account)
    row = tx.sql.execute(
        "SELECT delegation_secret FROM accounts WHERE account = ?", (account,)
    ).fetchone()
    return bytes(row[0])


def revoke_delegation_keys(tx: Transaction, account: str) -> None:
    """Makes every user delegation key given out so far worthless."""
    _ensure_account(tx, account)
    tx.sql.execute(
        "UPDATE accounts SET delegation_secret = ? WHERE account = ?",
        (secrets.token_bytes(32), account),
    )


def service_properties(tx: Transaction, account: str) -> str:
    """The XML last set, empty when never."""
    row = tx.sql.execute(
        "SELECT service_properties_xml FROM accounts WHERE account = ?", (account,)
    ).fetchone()
    return str(row[0]) if row else ""


def set_service_properties(tx: Transaction, account: str, document: str) -> None:
    _ensure_account(tx, account)
    tx.sql.execute(
        "UPDATE accounts SET service_properties_xml = ? WHERE account = ?", (document, account)
    )
