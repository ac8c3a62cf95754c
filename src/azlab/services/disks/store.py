"""The page store: sparse disks, instant snapshots, exact differences.

A volume looks through a stack of layers. A snapshot freezes the top layer of its disk and
gives the disk an empty new one, so it costs the same for any size. A disk made from a
snapshot is a new layer on the snapshot's. A layer goes when no volume looks through it.

All offsets and lengths are bytes. Reads take any range; writes and clears take whole
sectors, as the disks of a machine do.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from azlab.services.disks.catalogue import Catalogue, CatalogueChange, LayerRow, VolumeRow
from azlab.services.disks.layer import CLEARED, DATA, SECTOR_BYTES, Layer
from azlab.services.disks.lineage import FIRST_SERIAL, Lineage, data_runs
from azlab.services.disks.range_map import ABSENT, RangeMap, Run


class VolumeMissing(KeyError):
    """No volume has this id."""


class VolumeFrozen(ValueError):
    """A snapshot cannot be written."""


class OutsideVolume(ValueError):
    """The range is not inside the volume, or not made of whole sectors."""


@dataclass(frozen=True, slots=True)
class PageRun:
    """A range of bytes that holds data, or (``cleared``) was discarded."""

    offset: int
    length: int
    cleared: bool = False


class PageStore:
    """Volumes under one folder. Thread-safe; writers of one volume take turns."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._catalogue = Catalogue(folder / "catalogue.db")
        self._layers: dict[str, Layer] = {}
        self._lock = threading.RLock()
        self._volume_locks: dict[str, threading.RLock] = {}
        self._by_serial = {row.serial: row.layer_id for row in self._catalogue.layers.values()}
        self._next_serial = max(self._by_serial, default=FIRST_SERIAL) + 1
        self._lineage = Lineage(lambda: self._catalogue.layers, lambda id_: self._layer(id_).map)
        self._remove_stray_files()

    # -- volumes ------------------------------------------------------------------------

    def create(self, volume_id: str, size_bytes: int) -> None:
        """A new empty writable volume; it costs nothing until it is written."""
        with self._lock, self._catalogue.change() as change:
            layer = self._new_layer(change, parent_id=None)
            change.put_volume(VolumeRow(volume_id, layer.layer_id, size_bytes, writable=True))

    def snapshot(self, source_id: str, volume_id: str) -> None:
        """A read-only volume with what the source holds at this moment."""
        with self._volume_lock(source_id), self._lock, self._catalogue.change() as change:
            source = self._row(source_id)
            frozen_id = self._freeze(change, source)
            change.put_volume(
                VolumeRow(volume_id, frozen_id, source.size_bytes, False, source.footer)
            )

    def clone(self, source_id: str, volume_id: str, size_bytes: int) -> None:
        """A writable volume that starts with the content of a disk or snapshot."""
        with self._volume_lock(source_id), self._lock, self._catalogue.change() as change:
            source = self._row(source_id)
            if size_bytes < source.size_bytes:
                raise OutsideVolume("A copy cannot be smaller than its source.")
            frozen_id = self._freeze(change, source)
            layer = self._new_layer(change, parent_id=frozen_id)
            change.put_volume(VolumeRow(volume_id, layer.layer_id, size_bytes, writable=True))

    def resize(self, volume_id: str, size_bytes: int) -> None:
        """Make a volume larger; what is added reads as zeros."""
        with self._volume_lock(volume_id), self._lock, self._catalogue.change() as change:
            row = self._row(volume_id)
            if size_bytes < row.size_bytes:
                raise OutsideVolume("A volume cannot shrink.")
            change.put_volume(replace(row, size_bytes=size_bytes, footer=None))

    def delete(self, volume_id: str) -> None:
        """Remove a volume and the layers that nothing looks through any more."""
        with self._volume_lock(volume_id), self._lock:
            with self._catalogue.change() as change:
                self._row(volume_id)
                change.drop_volume(volume_id)
                gone = self._unreachable(change)
                for layer_id in gone:
                    change.drop_layer(layer_id)
            for layer_id in gone:
                layer = self._layers.pop(layer_id, None) or Layer(self._folder, layer_id)
                layer.delete()
            self._volume_locks.pop(volume_id, None)
        self._lineage.forget(gone)  # outside: it locks itself, and asks the store for layers

    def keep_only(self, volume_ids: Iterable[str]) -> None:
        """Remove every other volume: what a crash left between two records."""
        for volume_id in set(self._catalogue.volumes) - set(volume_ids):
            self.delete(volume_id)

    def empty(self) -> None:
        """Remove every volume."""
        self.keep_only(())

    def exists(self, volume_id: str) -> bool:
        """Whether a volume has this id."""
        return volume_id in self._catalogue.volumes

    def size_bytes(self, volume_id: str) -> int:
        """The size of the disk, without any footer."""
        return self._row(volume_id).size_bytes

    def footer(self, volume_id: str) -> bytes | None:
        """What a client uploaded behind the last byte of the disk."""
        return self._row(volume_id).footer

    def set_footer(self, volume_id: str, footer: bytes) -> None:
        """Keep what a client uploads behind the last byte of the disk."""
        with self._lock, self._catalogue.change() as change:
            change.put_volume(replace(self._row(volume_id), footer=footer))

    def close(self) -> None:
        """Close all files. Nothing needs flushing: see :mod:`azlab.services.disks.layer`."""
        with self._lock:
            self._layers.clear()
            self._catalogue.close()

    # -- bytes --------------------------------------------------------------------------

    def write(self, volume_id: str, offset: int, data: memoryview) -> None:
        """Store whole sectors. When this returns, the bytes outlive a kill of the lab."""
        self._change_range(volume_id, offset, data.nbytes, data)

    def clear(self, volume_id: str, offset: int, length: int) -> None:
        """Discard whole sectors: they read as zeros and count as cleared in differences."""
        self._change_range(volume_id, offset, length, None)

    def read(self, volume_id: str, offset: int, length: int) -> bytearray:
        """The bytes of any range inside the volume."""
        row = self._row(volume_id)
        if offset < 0 or length < 0 or offset + length > row.size_bytes:
            raise OutsideVolume(f"The volume has {row.size_bytes} bytes.")
        buffer = bytearray(length)
        view = memoryview(buffer)
        first = offset // SECTOR_BYTES
        last = -(-(offset + length) // SECTOR_BYTES)
        for start, end, state in self._resolve(volume_id, first, last):
            if state < FIRST_SERIAL:
                continue
            low = max(start * SECTOR_BYTES, offset)
            high = min(end * SECTOR_BYTES, offset + length)
            layer = self._layer(self._by_serial[state])
            layer.read_into(low, view[low - offset : high - offset])
        return buffer

    # -- ranges -------------------------------------------------------------------------

    def allocated(
        self, volume_id: str, start: int, end: int, most: int | None = None
    ) -> list[PageRun]:
        """The ranges that hold data, sorted, joined, clipped to ``start <= x < end``.

        With ``most``, the first so many of them.
        """
        end = min(end, self._row(volume_id).size_bytes)
        runs = data_runs(self._resolve(volume_id, start // SECTOR_BYTES, -(-end // SECTOR_BYTES)))
        return _clipped(runs, start, end, most)

    def differences(
        self, older_id: str, newer_id: str, start: int, end: int, most: int | None = None
    ) -> list[PageRun]:
        """What was written or cleared from one frozen volume to a later one of its line.

        With ``most``, the first so many ranges. Raises :class:`VolumeMissing` if the older
        one does not lie below the newer one.
        """
        newer = self._row(newer_id)
        found = self._lineage.differences(self._row(older_id).layer_id, newer.layer_id)
        if found is None:
            raise VolumeMissing(older_id)
        end = min(end, newer.size_bytes)
        runs = found.runs(start // SECTOR_BYTES, -(-end // SECTOR_BYTES))
        return _clipped((run for run in runs if run.state != ABSENT), start, end, most)

    # -- inside -------------------------------------------------------------------------

    def _change_range(
        self, volume_id: str, offset: int, length: int, data: memoryview | None
    ) -> None:
        with self._volume_lock(volume_id):
            row = self._row(volume_id)
            if not row.writable:
                raise VolumeFrozen(volume_id)
            inside = offset >= 0 and offset + length <= row.size_bytes
            if not inside or offset % SECTOR_BYTES or length % SECTOR_BYTES:
                raise OutsideVolume(
                    f"{length} bytes at {offset} are not whole sectors of a volume of "
                    f"{row.size_bytes} bytes."
                )
            layer = self._layer(row.layer_id)
            if data is None:
                layer.clear(offset, length)
            else:
                layer.write(offset, data)

    def _resolve(self, volume_id: str, first: int, last: int) -> Iterable[Run]:
        """Runs of a volume whose states are layer serials, CLEARED or ABSENT."""
        row = self._row(volume_id)
        if not row.writable:
            return self._lineage.merged(row.layer_id).runs(first, last)
        with self._volume_lock(volume_id):
            row = self._row(volume_id)
            own = list(self._layer(row.layer_id).map.runs(first, last))
        layer_row = self._catalogue.layers[row.layer_id]
        below = self._lineage.merged(layer_row.parent_id) if layer_row.parent_id else RangeMap()
        found: list[Run] = []
        for run in own:
            if run.state == DATA:
                found.append(Run(run.start, run.end, layer_row.serial))
            elif run.state == CLEARED:
                found.append(run)
            else:
                found.extend(below.runs(run.start, run.end))
        return found

    def _freeze(self, change: CatalogueChange, source: VolumeRow) -> str:
        """The layer that now holds the source's content and will never change again."""
        if not source.writable:
            return source.layer_id
        top = change.layers[source.layer_id]
        if top.parent_id is not None and not any(self._layer(top.layer_id).map.present()):
            return top.parent_id  # nothing was written since the last freeze
        layer = self._new_layer(change, parent_id=source.layer_id)
        change.put_volume(replace(source, layer_id=layer.layer_id))
        return source.layer_id

    def _new_layer(self, change: CatalogueChange, parent_id: str | None) -> LayerRow:
        row = LayerRow(uuid.uuid4().hex, self._next_serial, parent_id)
        self._next_serial += 1
        change.put_layer(row)
        self._by_serial[row.serial] = row.layer_id
        return row

    def _unreachable(self, change: CatalogueChange) -> set[str]:
        reached: set[str] = set()
        for volume in change.volumes.values():
            current: str | None = volume.layer_id
            while current is not None and current not in reached:
                reached.add(current)
                current = change.layers[current].parent_id
        return set(change.layers) - reached

    def _layer(self, layer_id: str) -> Layer:
        layer = self._layers.get(layer_id)
        if layer is None:
            with self._lock:
                layer = self._layers.get(layer_id)
                if layer is None:
                    if layer_id not in self._catalogue.layers:
                        raise VolumeMissing(layer_id)
                    layer = self._layers[layer_id] = Layer(self._folder, layer_id)
        return layer

    def _row(self, volume_id: str) -> VolumeRow:
        row = self._catalogue.volumes.get(volume_id)
        if row is None:
            raise VolumeMissing(volume_id)
        return row

    def _volume_lock(self, volume_id: str) -> threading.RLock:
        with self._lock:
            return self._volume_locks.setdefault(volume_id, threading.RLock())

    def _remove_stray_files(self) -> None:
        for path in self._folder.glob("*.*"):
            if path.suffix in (".data", ".map", ".map-new") and (
                path.suffix == ".map-new" or path.stem not in self._catalogue.layers
            ):
                path.unlink()


def _clipped(runs: Iterable[Run], start: int, end: int, most: int | None) -> list[PageRun]:
    found: list[PageRun] = []
    for run in runs:
        low = max(run.start * SECTOR_BYTES, start)
        high = min(run.end * SECTOR_BYTES, end)
        if low < high:
            found.append(PageRun(low, high - low, run.state == CLEARED))
            if len(found) == most:
                break
    return found
