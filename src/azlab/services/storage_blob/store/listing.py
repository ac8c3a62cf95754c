"""The listing of a container: names in byte order, folded at a delimiter, a page at a time."""

from dataclasses import dataclass

from azlab.services.storage_blob.store import blobs
from azlab.services.storage_blob.store.database import Transaction
from azlab.services.storage_blob.store.records import Blob

_LAST_CODE_POINT = 0x10FFFF
_SURROGATES = (0xD800, 0xDFFF)
_BATCH_ROWS = 500


@dataclass(frozen=True)
class Prefix:
    """A "folder": stands for every name that begins with it."""

    name: str


@dataclass(frozen=True)
class UncommittedBlob:
    """A name that has blocks but was never committed."""

    name: str


Entry = Blob | Prefix | UncommittedBlob


@dataclass(frozen=True)
class Page:
    entries: tuple[Entry, ...]
    next_start: str | None
    """The name at which the next page begins, None at the end."""


def after_prefix(prefix: str) -> str | None:
    """The smallest name greater than every name that begins with `prefix`; None if there is none.

    Code point order equals the byte order of UTF-8, in which SQLite compares.
    """
    while prefix:
        code = ord(prefix[-1])
        prefix = prefix[:-1]
        if code < _LAST_CODE_POINT:
            following = code + 1
            if _SURROGATES[0] <= following <= _SURROGATES[1]:
                following = _SURROGATES[1] + 1
            return prefix + chr(following)
    return None


def page(
    tx: Transaction,
    account: str,
    container: str,
    *,
    prefix: str = "",
    delimiter: str = "",
    start: str = "",
    limit: int,
    uncommitted: bool = False,
) -> Page:
    """At most `limit` entries from the name `start` on (inclusive)."""
    entries: list[Entry] = []
    position: str | None = max(prefix, start)
    end = after_prefix(prefix)
    while position is not None:
        wanted = min(limit + 1 - len(entries), _BATCH_ROWS)
        batch = _rows(tx, account, container, position, end, wanted, uncommitted)
        if not batch:
            return Page(tuple(entries), None)
        for entry in batch:
            if len(entries) == limit:
                return Page(tuple(entries), _first_name(entry, prefix, delimiter))
            folder = _folder(entry.name, prefix, delimiter)
            if folder is not None:
                entries.append(Prefix(folder))
                position = after_prefix(folder)
                break
            entries.append(entry)
            position = entry.name + "\x00"  # the very next possible name
    return Page(tuple(entries), None)


def _first_name(entry: Blob | UncommittedBlob, prefix: str, delimiter: str) -> str:
    """Where to resume: a folder may lose its first member between two pages, its name stays."""
    return _folder(entry.name, prefix, delimiter) or entry.name


def _folder(name: str, prefix: str, delimiter: str) -> str | None:
    if not delimiter:
        return None
    found = name.find(delimiter, len(prefix))
    return None if found < 0 else name[: found + len(delimiter)]


def _rows(
    tx: Transaction,
    account: str,
    container: str,
    start: str,
    end: str | None,
    count: int,
    uncommitted: bool,
) -> list[Blob | UncommittedBlob]:
    where = "account = ? AND container = ? AND name >= ?"
    values: list[str | int] = [account, container, start]
    if end is not None:
        where += " AND name < ?"
        values.append(end)
    committed = tx.sql.execute(
        f"SELECT {blobs.COLUMNS} FROM blobs WHERE {where} ORDER BY name LIMIT ?", (*values, count)
    )
    found: list[Blob | UncommittedBlob] = [blobs.from_row(row) for row in committed]
    if uncommitted:
        names = {entry.name for entry in found}
        pending = tx.sql.execute(
            f"SELECT DISTINCT name FROM uncommitted_blocks WHERE {where} ORDER BY name LIMIT ?",
            (*values, count),
        )
        found += [
            UncommittedBlob(row[0])
            for row in pending
            if row[0] not in names and blobs.find(tx, account, container, row[0]) is None
        ]
        found.sort(key=lambda entry: entry.name)
    return found[:count]
