"""Which volumes and layers exist: a small SQLite file beside the layers.

A *volume* is a disk or a snapshot; it names its size and the layer it looks through. A
*layer* names the layer below it. WAL with ``synchronous=NORMAL``: a commit is in the
kernel's page cache before the call returns and so outlives a SIGKILL of the lab; only a
power cut may take the last commits back, and then all of one commit or nothing.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SCHEMA = """
create table if not exists layer (
    layer_id text primary key,
    serial integer not null unique,
    parent_id text
) strict;
create table if not exists volume (
    volume_id text primary key,
    layer_id text not null,
    size_bytes integer not null,
    writable integer not null,
    footer blob
) strict;
"""


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One layer: ``serial`` is its short name in merged maps, never reused."""

    layer_id: str
    serial: int
    parent_id: str | None


@dataclass(frozen=True, slots=True)
class VolumeRow:
    """One disk or snapshot. ``footer`` is what a client uploaded behind the last byte."""

    volume_id: str
    layer_id: str
    size_bytes: int
    writable: bool
    footer: bytes | None = None


class Catalogue:
    """Rows of volumes and layers, read once and written through."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=normal")
        self._db.executescript(_SCHEMA)
        self._lock = threading.RLock()
        self.layers = {
            str(row[0]): LayerRow(row[0], row[1], row[2])
            for row in self._db.execute("select layer_id, serial, parent_id from layer")
        }
        self.volumes = {
            str(row[0]): VolumeRow(row[0], row[1], row[2], bool(row[3]), row[4])
            for row in self._db.execute(
                "select volume_id, layer_id, size_bytes, writable, footer from volume"
            )
        }

    @contextmanager
    def change(self) -> Iterator[CatalogueChange]:
        """All of the changes made inside, in one transaction, or none of them."""
        with self._lock:
            change = CatalogueChange(self._db, dict(self.layers), dict(self.volumes))
            self._db.execute("begin immediate")
            try:
                yield change
                self._db.execute("commit")
            except BaseException:
                self._db.execute("rollback")
                raise
            self.layers, self.volumes = change.layers, change.volumes

    def close(self) -> None:
        """Close the file."""
        self._db.close()


class CatalogueChange:
    """Changes in progress; becomes visible when the block of :meth:`Catalogue.change` ends."""

    def __init__(
        self,
        db: sqlite3.Connection,
        layers: dict[str, LayerRow],
        volumes: dict[str, VolumeRow],
    ) -> None:
        self._db = db
        self.layers = layers
        self.volumes = volumes

    def put_layer(self, row: LayerRow) -> None:
        """Add a layer."""
        self._db.execute(
            "insert into layer (layer_id, serial, parent_id) values (?, ?, ?)",
            (row.layer_id, row.serial, row.parent_id),
        )
        self.layers[row.layer_id] = row

    def put_volume(self, row: VolumeRow) -> None:
        """Add a volume or replace its row."""
        self._db.execute(
            "insert or replace into volume values (?, ?, ?, ?, ?)",
            (row.volume_id, row.layer_id, row.size_bytes, int(row.writable), row.footer),
        )
        self.volumes[row.volume_id] = row

    def drop_volume(self, volume_id: str) -> None:
        """Remove a volume's row."""
        self._db.execute("delete from volume where volume_id = ?", (volume_id,))
        del self.volumes[volume_id]

    def drop_layer(self, layer_id: str) -> None:
        """Remove a layer's row."""
        self._db.execute("delete from layer where layer_id = ?", (layer_id,))
        del self.layers[layer_id]
