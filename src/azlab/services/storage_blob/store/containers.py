"""Containers. A soft-deleted one is kept under `name/version`, out of the way of a new one."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from azlab.services.storage_blob.store import accounts, encoding
from azlab.services.storage_blob.store.database import Transaction
from azlab.services.storage_blob.store.records import Container, Lease, SoftDeletion, Worm

_COLUMNS = (
    "account, name, etag, created_at, modified_at, metadata_json, policies_json, lease_json,"
    " worm_json, public_access, deleted_json"
)


def _from_row(row: tuple[Any, ...]) -> Container:
    name, _, version = str(row[1]).partition("/")
    return Container(
        account=row[0],
        name=name,
        etag=row[2],
        created_at=datetime.fromisoformat(row[3]),
        modified_at=datetime.fromisoformat(row[4]),
        metadata=encoding.load_mapping(row[5]),
        policies=encoding.load_policies(row[6]),
        lease=encoding.load_optional(Lease, row[7]),
        worm=encoding.load_worm(row[8]),
        public_access=row[9],
        version=version,
        deleted=encoding.load_optional(SoftDeletion, row[10]),
    )


def find(tx: Transaction, account: str, name: str) -> Container | None:
    row = tx.sql.execute(
        f"SELECT {_COLUMNS} FROM containers WHERE account = ? AND name = ?"
        " AND deleted_json IS NULL",
        (account, name),
    ).fetchone()
    return _from_row(row) if row else None


def listed(
    tx: Transaction,
    account: str,
    prefix: str = "",
    start: str = "",
    limit: int = -1,
    *,
    deleted: bool = False,
) -> list[Container]:
    """Names from `start` on that begin with `prefix`; all of them when `limit` is negative.

    `deleted`: the soft-deleted ones too.
    """
    which = "" if deleted else " AND deleted_json IS NULL"
    rows = tx.sql.execute(
        f"SELECT {_COLUMNS} FROM containers WHERE account = ? AND name >= ?"
        f" AND substr(name, 1, ?) = ?{which} ORDER BY name LIMIT ?",
        (account, max(prefix, start), len(prefix), prefix, limit),
    )
    return [_from_row(row) for row in rows]


def create(
    tx: Transaction,
    account: str,
    name: str,
    metadata: dict[str, str],
    now: datetime,
    *,
    worm: Worm | None = None,
    public_access: str = "",
) -> Container:
    container = Container(account, name, tx.next_etag(), now, now, metadata)
    container = replace(container, worm=worm or Worm(), public_access=public_access)
    tx.sql.execute(
        f"INSERT INTO containers ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            account,
            name,
            container.etag,
            now.isoformat(),
            now.isoformat(),
            encoding.dump_mapping(metadata),
            encoding.dump_policies(()),
            None,
            encoding.dump(container.worm),
            public_access,
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
        " lease_json = ?, worm_json = ?, public_access = ? WHERE account = ? AND name = ?",
        (
            container.etag,
            container.modified_at.isoformat(),
            encoding.dump_mapping(container.metadata),
            encoding.dump_policies(container.policies),
            encoding.dump(container.lease),
            encoding.dump(container.worm),
            container.public_access,
            container.account,
            container.name,
        ),
    )


def retire(tx: Transaction, container: Container, now: datetime) -> None:
    """Delete Container: softly, with all that is in it, where the account says so."""
    days = accounts.settings(tx, container.account).container_days
    if days is None:
        delete(tx, container.account, container.name)
        return
    deletion = SoftDeletion(now, now + timedelta(days=days))
    kept = f"{container.name}/{tx.next_etag().removeprefix('0x')}"
    _rename(tx, container.account, container.name, kept)
    tx.sql.execute(
        "UPDATE containers SET deleted_json = ?, lease_json = NULL WHERE account = ? AND name = ?",
        (encoding.dump(deletion), container.account, kept),
    )


def restore(tx: Transaction, account: str, name: str, version: str) -> Container | None:
    """The soft-deleted container in its old place, which must be free; None when it is gone."""
    changed = tx.sql.execute(
        "UPDATE containers SET deleted_json = NULL WHERE account = ? AND name = ?",
        (account, f"{name}/{version}"),
    )
    if changed.rowcount == 0:
        return None
    _rename(tx, account, f"{name}/{version}", name)
    return find(tx, account, name)


def _rename(tx: Transaction, account: str, old: str, new: str) -> None:
    for table, column in (
        ("containers", "name"),
        ("blobs", "container"),
        ("uncommitted_blocks", "container"),
    ):
        tx.sql.execute(
            f"UPDATE {table} SET {column} = ? WHERE account = ? AND {column} = ?",
            (new, account, old),
        )


def purge(tx: Transaction, account: str, now: datetime) -> None:
    """Forgets soft-deleted containers whose time is over."""
    rows = tx.sql.execute(
        f"SELECT {_COLUMNS} FROM containers WHERE account = ? AND deleted_json IS NOT NULL",
        (account,),
    ).fetchall()
    for container in (_from_row(row) for row in rows):
        if container.deleted is not None and container.deleted.until <= now:
            delete(tx, account, stored_name(container))


def delete(tx: Transaction, account: str, name: str) -> None:
    """The container with everything in it, for good."""
    where = (account, name)
    of_blobs = "SELECT row_id FROM blobs WHERE account = ? AND container = ?"
    in_segments = f"FROM segments WHERE blob_row_id IN ({of_blobs})"
    in_blocks = "FROM uncommitted_blocks WHERE account = ? AND container = ?"
    for source in (in_segments, in_blocks):
        tx.release(str(row[0]) for row in tx.sql.execute(f"SELECT content_id {source}", where))
        tx.sql.execute(f"DELETE {source}", where)
    tx.sql.execute("DELETE FROM blobs WHERE account = ? AND container = ?", where)
    tx.sql.execute("DELETE FROM containers WHERE account = ? AND name = ?", where)


def stored_name(container: Container) -> str:
    """The name in the tables."""
    return f"{container.name}/{container.version}" if container.version else container.name


def has_blobs(tx: Transaction, account: str, name: str) -> bool:
    """Whether anything is in it: blobs, versions, snapshots, soft-deleted ones too."""
    row = tx.sql.execute(
        "SELECT EXISTS (SELECT 1 FROM blobs WHERE account = ? AND container = ?"
        " AND role <> 'marker')",
        (account, name),
    ).fetchone()
    return bool(row[0])


def delete_account(tx: Transaction, account: str) -> None:
    for container in listed(tx, account, deleted=True):
        delete(tx, account, stored_name(container))
    tx.sql.execute("DELETE FROM accounts WHERE account = ?", (account,))


def account_names(tx: Transaction) -> set[str]:
    """Every account of which anything is kept."""
    rows = tx.sql.execute("SELECT account FROM containers UNION SELECT account FROM accounts")
    return {str(row[0]) for row in rows}
