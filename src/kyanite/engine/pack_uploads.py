"""Packs on their way to the storage: one open, a bounded number in flight.

The buffers are the bound of a backup's memory: whoever needs a new pack waits until an
upload has given its buffer back.
"""

from __future__ import annotations

import mmap
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from kyanite.engine.control import Control
from kyanite.engine.keys import BackupKeys
from kyanite.engine.open_pack import Coded, OpenPack
from kyanite.engine.pack import PackNumber, PackTable
from kyanite.engine.randomness import inherited
from kyanite.engine.slots import Slots
from kyanite.engine.storage.base import Storage

if TYPE_CHECKING:
    from kyanite.engine.limits import Limits

# A thread that waits for a slow upload looks this often whether it shall stop.
_LOOK_UP_SECONDS: Final = 0.5

# Near the end of work that has made many packs, they are so much smaller.
_LAST_PACKS: Final = 4
_MANY_PACKS: Final = 8

# After a failure or a stop, an upload that hangs must not hold up the end of the work. It
# can do no harm: a pack that nothing refers to.
_LONGEST_FAREWELL_SECONDS: Final = 2.0


def fresh_buffer(size_bytes: int) -> memoryview:
    """Memory that costs nothing where it is not used: most increments fill no whole pack."""
    memory = mmap.mmap(-1, size_bytes, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with suppress(OSError):  # a system may have none
        memory.madvise(mmap.MADV_HUGEPAGE)  # 16 faults for a pack instead of 8 thousand
    return memoryview(memory)


@dataclass(slots=True)
class Stored:
    """What reached the storage."""

    packs: list[PackTable] = field(default_factory=list)
    stored_bytes: int = 0


class PackUploads:
    """Takes coded entries, fills packs, puts them with several threads.

    Use as a context: leaving it ends the threads. After a failure every call raises it.
    """

    def __init__(
        self,
        storage: Storage,
        keys: BackupKeys,
        pack_bytes: int,
        uploads: int,
        control: Control,
        first_ordinal: int = 0,
        taken: Callable[[PackTable], None] | None = None,
        limits: Limits | None = None,
    ) -> None:
        """``taken`` is given the table of every durable pack; else they are kept in ``stored``."""
        self._storage = storage
        self._keys = keys
        self._pack_bytes = pack_bytes
        self._last_pack_bytes = pack_bytes // _LAST_PACKS
        self._near_end = False
        self._control = control
        self._next_ordinal = first_ordinal
        self._lock = threading.Lock()
        self._open: OpenPack | None = None
        self._buffers: queue.LifoQueue[memoryview | None] = queue.LifoQueue()
        for _ in range(uploads + 1):
            self._buffers.put(None)  # made when first needed; used ones are taken first
        self._full: queue.Queue[OpenPack | None] = queue.Queue()
        self._in_flight = 0
        self._idle = threading.Condition()
        self._failure: BaseException | None = None
        self._threads = [
            threading.Thread(
                target=inherited(self._upload), name=f"kyanite-upload-{n}", daemon=True
            )
            for n in range(uploads)
        ]
        self.stored = Stored()
        self._upload_slots = limits.uploads if limits else Slots()
        self._buffer_slots = limits.buffers if limits else Slots()
        self._taken = taken or self.stored.packs.append

    def __enter__(self) -> PackUploads:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if error is not None:
            self._failure = self._failure or error  # packs that wait are not sent any more
        for _thread in self._threads:
            self._full.put(None)
        for thread in self._threads:
            thread.join(_LONGEST_FAREWELL_SECONDS if self._failure else None)

    def add(self, coded: Coded) -> PackNumber:
        """Seal an entry into the open pack, which is returned; opens and sends as needed."""
        return self.add_all([coded])[0]

    def add_all(self, coded: Sequence[Coded]) -> list[PackNumber]:
        """Entries likewise, side by side; what finds no room goes on in the next pack."""
        numbers: list[PackNumber] = []
        while left := coded[len(numbers) :]:
            with self._lock:
                pack = self._open
                if pack is None:
                    pack = self._open = self._new_pack()
                offsets = pack.reserve(left)
                full = len(offsets) < len(left)
                if full or (self._near_end and pack.reserved_bytes >= self._last_pack_bytes):
                    self._open = None
                    # With our own entries missing: who fills the last one sends it.
                    closed = pack.close()
                else:
                    closed = False
            if closed:
                self._send(pack)
            for offset, one in zip(offsets, left, strict=False):
                if pack.fill(offset, one):
                    self._send(pack)
            numbers += [pack.number] * len(offsets)
        return numbers

    def near_end(self) -> None:
        """Little more will come: packs are smaller now, so that the last ones go side by side.

        Work that has made few packs goes on as before: small packs are a burden in the storage.
        """
        with self._lock:
            if self._next_ordinal < _MANY_PACKS:
                return
            self._near_end = True
            pack = self._open
            if pack is None or pack.reserved_bytes < self._last_pack_bytes:
                return
            self._open = None
        if pack.close():
            self._send(pack)

    def flush(self) -> None:
        """Send the open pack and wait until everything is durable. Nobody may add meanwhile."""
        with self._lock:
            pack, self._open = self._open, None
        if pack is not None and pack.close():
            self._send(pack)
        with self._idle:
            while self._in_flight and self._failure is None:
                self._idle.wait(_LOOK_UP_SECONDS)
                self._control.check()
        self.raise_failure()

    def raise_failure(self) -> None:
        """Raise what stopped an upload, if anything did."""
        if self._failure is not None:
            raise self._failure

    def _new_pack(self) -> OpenPack:
        pack = OpenPack(self._free_buffer(), self._keys, self._next_ordinal)
        self._next_ordinal += 1
        return pack

    def _free_buffer(self) -> memoryview:
        while True:
            self.raise_failure()
            self._control.check()
            if not self._buffer_slots.take(_LOOK_UP_SECONDS):
                continue
            try:
                buffer = self._buffers.get(timeout=_LOOK_UP_SECONDS)
            except queue.Empty:
                self._buffer_slots.give_back()
                continue
            return fresh_buffer(self._pack_bytes) if buffer is None else buffer

    def _send(self, pack: OpenPack) -> None:
        with self._idle:
            self._in_flight += 1
        self._full.put(pack)

    def _upload(self) -> None:
        while (pack := self._full.get()) is not None:
            try:
                if self._failure is None:
                    self._put(pack)
            except BaseException as error:  # carried to the threads that wait for it
                self._failure = self._failure or error
            finally:
                self._buffers.put(pack.buffer)
                self._buffer_slots.give_back()
                with self._idle:
                    self._in_flight -= 1
                    self._idle.notify_all()

    def _put(self, pack: OpenPack) -> None:
        data = pack.finish()
        with self._upload_slots:
            self._storage.put(pack.ref.name, data)
        table = pack.table(len(data))
        with self._idle:
            self.stored.stored_bytes += len(data)
        self._taken(table)
        self._control.advance(stored=len(data))
