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
class Position:
    """Where a page begins: at this generation of this name. The order of `ordinal`s is that of
    the list: snapshots and previous versions from the oldest on, the blob itself last."""

    name: str
    ordinal: str = ""


_ORDINAL = "(role = 'base' AND deleted_json IS NULL) || coalesce(snapshot, version_id, '')"


@dataclass(frozen=True)
class Kinds:
    """Which rows are listed beside the blobs themselves."""

    versions: bool = False
    snapshots: bool = False
    deleted: bool = False
    versions_only: bool = False
    uncommitted: bool = False

    @property
    def where(self) -> str:
        roles = ["base"]
        roles += ["version"] if self.versions else []
        roles += ["snapshot"] if self.snapshots else []
        roles += ["marker"] if self.versions_only else []
        if roles == ["base"] and not self.deleted:
            return blobs.LIVE  # in these very words the index of live blobs is used
        names = ", ".join(f"'{role}'" for role in roles)
        return f"role IN ({names})" + ("" if self.deleted else " AND deleted_json IS NULL")


@dataclass(frozen=True)
class Page:
    entries: tuple[Entry, ...]
    next_start: Position | None
    """Where the next page begins, None at the end."""


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
    start: Position = Position(""),
    limit: int,
    kinds: Kinds = Kinds(),
) -> Page:
    """At most `limit` entries from `start` on (inclusive)."""
    entries: list[Entry] = []
    position: Position | None = start if start.name > prefix else Position(prefix)
    if start.name == prefix:
        position = start
    end = after_prefix(prefix)
    while position is not None:
        wanted = min(limit + 1 - len(entries), _BATCH_ROWS)
        batch = _rows(tx, account, container, position, end, wanted, kinds)
        if not batch:
            return Page(tuple(entries), None)
        for entry in batch:
            folder = _folder(entry.name, prefix, delimiter)
            if len(entries) == limit:
                # A folder may lose its first member between two pages, its name stays.
                return Page(tuple(entries), Position(folder) if folder else _place(entry))
            if folder is not None:
                entries.append(Prefix(folder))
                following = after_prefix(folder)
                position = None if following is None else Position(following)
                break
            entries.append(entry)
            place = _place(entry)
            position = Position(place.name, place.ordinal + "\x00")  # the very next possible one
    return Page(tuple(entries), None)


def _place(entry: Blob | UncommittedBlob) -> Position:
    if isinstance(entry, UncommittedBlob):
        return Position(entry.name)
    rank = "1" if entry.is_current else "0"
    return Position(entry.name, rank + (entry.snapshot or entry.version_id or ""))


def _folder(name: str, prefix: str, delimiter: str) -> str | None:
    if not delimiter:
        return None
    found = name.find(delimiter, len(prefix))
    return None if found < 0 else name[: found + len(delimiter)]


def _rows(
    tx: Transaction,
    account: str,
    container: str,
    start: Position,
    end: str | None,
    count: int,
    kinds: Kinds,
) -> list[Blob | UncommittedBlob]:
    where = "account = ? AND container = ? AND name >= ?"
    values: list[str | int] = [account, container, start.name]
    if end is not None:
        where += " AND name < ?"
        values.append(end)
    committed = tx.sql.execute(
        f"SELECT {blobs.COLUMNS} FROM blobs WHERE {where} AND {kinds.where}"
        f" AND (name > ? OR {_ORDINAL} >= ?) ORDER BY name, {_ORDINAL} LIMIT ?",
        (*values, start.name, start.ordinal, count),
    )
    found: list[Blob | UncommittedBlob] = [blobs.from_row(row) for row in committed]
    if kinds.uncommitted:
        names = {entry.name for entry in found}
        pending = tx.sql.execute(
            f"SELECT DISTINCT name FROM uncommitted_blocks WHERE {where} ORDER BY name LIMIT ?",
            (*values, count),
        )
        found += [
            UncommittedBlob(row[0])
            for row in pending
            if row[0] not in names
            and (row[0], "") >= (start.name, start.ordinal)
            and blobs.find(tx, account, container, row[0]) is None
        ]
        found.sort(key=lambda entry: (_place(entry).name, _place(entry).ordinal))
    return found[:count]
