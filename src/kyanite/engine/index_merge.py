"""Keeps the index short: merges segments in tiers, leaves out packs that go or are gone.

New objects are put first, the replaced ones are deleted then; between the two, records
exist twice, which harms nobody (docs/format/order.md, "Index merges"). Memory is bounded:
a big merge goes through the ids part by part.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from kyanite.base.errors import Missing, ObjectMissing
from kyanite.engine.condemned import pack_of_name
from kyanite.engine.format import INDEX_PREFIX, PACKS_PREFIX
from kyanite.engine.index_choice import choose, segment_sizes
from kyanite.engine.index_encode import SegmentWriter, encode_small
from kyanite.engine.index_layout import IndexSizes, object_of
from kyanite.engine.index_segment import Segment
from kyanite.engine.index_shelf import Shelf
from kyanite.engine.pack import PackRef
from kyanite.engine.storage.base import ObjectInfo, Storage
from kyanite.engine.threads import parallel_map

if TYPE_CHECKING:
    from kyanite.engine.index_records import Numbers

_MOST_GONE: Final = 4096
_GONE_SHARE: Final = 16  # or one in so many packs, but at most
_MOST_GONE_EVER: Final = 500_000
_GONE_IN_SEGMENT: Final = 100_000

_TRIES: Final = 5
_ROUNDS: Final = 100
_ORPHAN_AGE: Final = timedelta(days=1)


def tidy_index(
    storage: Storage,
    maintenance_key: bytes,
    repository_id: bytes,
    doomed: Collection[PackRef] = (),
    limits: IndexSizes | None = None,
    whole: bool = False,
) -> bool:
    """Merge if there are too many segments; note the packs of ``doomed``, which will be deleted.

    ``whole``: also look for records of packs that went by another way (a ghost of a session
    puts its segment when its packs are cleaned away), unless the index is big.
    Returns whether anything was written. Another process that tidies at the same time
    costs work, nothing else. Raises ``Damaged`` or ``Missing`` if a segment cannot be read.
    """
    limits = limits or IndexSizes()
    listed = list(storage.list(INDEX_PREFIX))
    _remove_orphans(storage, listed)
    tidy = _Tidy(storage, maintenance_key, repository_id, limits)
    written = False
    is_big = sum(segment_sizes(listed)) > limits.rewritten_bytes
    if doomed and is_big:
        tidy.put_gone({pack.session_id + pack.pack_id for pack in doomed})
        doomed, written = (), True
    for _ in range(_ROUNDS):
        if not tidy.round(doomed, whole and not is_big):
            break
        doomed, whole, written = (), False, True
    return written


class _Tidy:
    def __init__(
        self, storage: Storage, maintenance_key: bytes, repository_id: bytes, limits: IndexSizes
    ) -> None:
        self._limits = limits
        self._storage = storage
        self._maintenance_key = maintenance_key
        self._repository_id = repository_id

    def put_gone(self, names: Collection[bytes]) -> None:
        """Segments that only say which packs are gone."""
        every = sorted(names)
        for at in range(0, len(every), _GONE_IN_SEGMENT):
            gone = b"".join(every[at : at + _GONE_IN_SEGMENT])
            name, body = encode_small(b"", gone, [], self._maintenance_key, self._repository_id)
            self._storage.put(name, body)

    def round(self, doomed: Collection[PackRef], look: bool = False) -> bool:
        """One merge, if one is needed."""
        for _ in range(_TRIES):
            try:
                return self._round(doomed, look)
            except ObjectMissing:
                continue  # another process has merged
        raise Missing("The index changes all the time; clean again later.")

    def _round(self, doomed: Collection[PackRef], look: bool) -> bool:
        shelf = Shelf(
            self._storage, self._maintenance_key, self._repository_id, limits=self._limits
        )
        if shelf.incomplete:
            raise Missing(
                f"An object of {shelf.incomplete[0]} is missing. Nothing was merged; make the "
                "index anew with rebuild-index."
            )
        segments = sorted(shelf.segments, key=_size)
        if not segments:
            return False
        sizes = [_size(segment) for segment in segments]
        count = choose(sizes, self._limits.whole_bytes)
        packs = sum(segment.shape.packs for segment in segments)
        most_gone = min(max(_MOST_GONE, packs // _GONE_SHARE), _MOST_GONE_EVER)
        whole = count == len(segments) or len(shelf.gone) > most_gone
        every = bool(doomed) or look or whole
        if every and self._merge(segments, self._listed_after, doomed, must=whole):
            return True
        if count < 2:
            return False
        chosen = segments[:count]
        gone = frozenset().union(*(one.gone for one in chosen))
        return self._merge(chosen, None, (), must=True, gone=gone)

    def _listed_after(self, doomed: Collection[PackRef]) -> bytes:
        """Names of the packs that exist and shall stay, 32 bytes each.

        Asked for after the segments were read: a pack that a segment names and the later
        listing lacks has been deleted.
        """
        names = bytearray()  # there may be millions
        for info in self._storage.list(PACKS_PREFIX):
            pack = pack_of_name(info.name)
            if pack is not None and pack not in doomed:
                names += pack.session_id + pack.pack_id
        return bytes(names)

    def _merge(
        self,
        segments: Sequence[Segment],
        listed: Callable[[Collection[PackRef]], bytes] | None,
        doomed: Collection[PackRef],
        *,
        must: bool,
        gone: frozenset[bytes] = frozenset(),
    ) -> bool:
        """One segment instead of several, with the packs that are ``listed`` only.

        Unless it ``must`` be, nothing is done when all of their packs are listed.
        """
        from kyanite.engine import index_records as arrays  # numpy: not needed by backups

        packs, numbers = arrays.join_packs([segment.all_pack_rows() for segment in segments])
        if listed is not None:
            kept = arrays.known_names(packs, listed(doomed))
            if not must and bool(kept.all()):
                return False
            packs, numbers = arrays.drop_packs(packs, numbers, kept)
        if packs or gone:
            bits = self._limits.part_bits(sum(segment.records for segment in segments))
            writer = SegmentWriter(
                self._maintenance_key, self._repository_id, bits, packs, b"".join(sorted(gone))
            )
            if not self._put(writer, segments, numbers):
                return False
        for segment in segments:
            self._delete(segment)
        return True

    def _put(
        self, writer: SegmentWriter, segments: Sequence[Segment], numbers: Sequence[Numbers]
    ) -> bool:
        """Write the merged segment. False: its parts were taken for junk, so it does not count."""
        from kyanite.engine import index_records as arrays

        bits = writer.shape.part_bits
        width = 1 << (64 - bits)
        counts: list[int] = []
        body = b""
        for part in range(1 << bits):
            low = part * width
            rows = arrays.gather(
                (
                    (segment.records_between(low, low + width), renumbered)
                    for segment, renumbered in zip(segments, numbers, strict=True)
                ),
                low,
                low + width - 1,
            )
            counts.append(len(rows))
            body = writer.part(part, arrays.bucket_counts(rows, bits), rows.tobytes())
            del rows
            if bits:
                self._storage.put(writer.shape.part_name(part), writer.shape.header + body)
        name = writer.name
        self._storage.put(name, writer.head(counts) + (body if bits == 0 else b""))
        if bits == 0:
            return True
        there = sum(1 for info in self._storage.list(name) if info.name != name)
        if there < 1 << bits:
            self._storage.delete(name)
            return False
        return True

    def _delete(self, segment: Segment) -> None:
        """The head first: without it the parts do not count."""
        names = list(segment.object_sizes())
        self._storage.delete(names[0])
        parallel_map(self._storage.delete, names[1:])


def _remove_orphans(storage: Storage, listed: Sequence[ObjectInfo]) -> None:
    """Parts whose head is gone, or was never put and will not be: they are a day old.

    The age only spares a merge that runs; whoever puts a head looks for its parts then.
    """
    heads = {info.name for info in listed}
    newest = max((info.modified_at for info in listed), default=None)
    for info in listed:
        found = object_of(info.name)
        if (
            newest is not None
            and found is not None
            and found[1] is not None
            and found[0] not in heads
            and newest - info.modified_at > _ORPHAN_AGE
        ):
            storage.delete(info.name)


def _size(segment: Segment) -> int:
    return sum(segment.object_sizes().values())
