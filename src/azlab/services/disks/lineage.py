"""What a stack of layers amounts to: merged maps, allocated ranges and differences.

Layers below the writable one never change, so what they amount to is worked out once and
remembered: a read through a hundred layers costs one lookup, not a hundred.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from azlab.services.disks.catalogue import LayerRow
from azlab.services.disks.layer import CLEARED, DATA
from azlab.services.disks.range_map import ABSENT, RangeMap, Run

FIRST_SERIAL = 16
"""States from here on in a merged map are the serial of the layer that has the bytes."""

_REMEMBERED = 48
_Key = TypeVar("_Key")


class Lineage:
    """Answers questions about frozen layers; ``layer_map`` gives one layer's own map."""

    def __init__(
        self, rows: Callable[[], dict[str, LayerRow]], layer_map: Callable[[str], RangeMap]
    ) -> None:
        self._rows = rows
        self._layer_map = layer_map
        self._merged: OrderedDict[str, RangeMap] = OrderedDict()
        self._differences: OrderedDict[tuple[str, str], RangeMap] = OrderedDict()
        self._lock = threading.Lock()

    def path_down(self, layer_id: str) -> Iterator[LayerRow]:
        """The layer, the one below it, and so on to the ground."""
        rows = self._rows()
        current: str | None = layer_id
        while current is not None:
            row = rows[current]
            yield row
            current = row.parent_id

    def merged(self, layer_id: str) -> RangeMap:
        """The map of everything seen through a frozen layer; states are layer serials."""
        with self._lock:
            known = self._merged.get(layer_id)
            if known is not None:
                self._merged.move_to_end(layer_id)
                return known
            above: list[LayerRow] = []
            base = RangeMap()
            for row in self.path_down(layer_id):
                below = self._merged.get(row.layer_id)
                if below is not None:
                    base = below.copy()
                    break
                above.append(row)
            for row in reversed(above):
                overlay(base, self._layer_map(row.layer_id), row.serial)
            _remember(self._merged, layer_id, base)
            return base

    def differences(self, older_layer_id: str, newer_layer_id: str) -> RangeMap | None:
        """What was written (DATA) or cleared (CLEARED) on the way from one to the other.

        ``None`` if the older layer does not lie below the newer one.
        """
        key = (older_layer_id, newer_layer_id)
        with self._lock:
            known = self._differences.get(key)
            if known is not None:
                self._differences.move_to_end(key)
                return known
            between: list[str] = []
            for row in self.path_down(newer_layer_id):
                if row.layer_id == older_layer_id:
                    break
                between.append(row.layer_id)
            else:
                return None
            found = RangeMap()
            for layer_id in reversed(between):
                for run in self._layer_map(layer_id).present():
                    found.assign(*run)
            _remember(self._differences, key, found)
            return found

    def forget(self, layer_ids: Iterable[str]) -> None:
        """Drop what is remembered of layers that are gone."""
        gone = set(layer_ids)
        with self._lock:
            for layer_id in gone:
                self._merged.pop(layer_id, None)
            for key in [key for key in self._differences if gone.intersection(key)]:
                del self._differences[key]


def overlay(base: RangeMap, layer: RangeMap, serial: int) -> None:
    """Put one layer's own map on top of a merged map."""
    for start, end, state in layer.present():
        base.assign(start, end, serial if state == DATA else CLEARED)


def data_runs(runs: Iterable[Run]) -> Iterator[Run]:
    """The allocated runs of a merged map: data of any layer, neighbours joined."""
    pending: Run | None = None
    for run in runs:
        if run.state in (ABSENT, CLEARED):
            continue
        if pending is not None and pending.end == run.start:
            pending = Run(pending.start, run.end, DATA)
            continue
        if pending is not None:
            yield pending
        pending = Run(run.start, run.end, DATA)
    if pending is not None:
        yield pending


def _remember(memory: OrderedDict[_Key, RangeMap], key: _Key, value: RangeMap) -> None:
    memory[key] = value
    while len(memory) > _REMEMBERED:
        memory.popitem(last=False)
