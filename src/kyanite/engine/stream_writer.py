"""Writes one stream of unknown length: read in order, cut and stored by many threads."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from kyanite.base.errors import StorageUnavailable
from kyanite.base.units import MIB
from kyanite.engine.chain import Chain
from kyanite.engine.chunk_store import ChunkStore, SpanKey
from kyanite.engine.crew import Task
from kyanite.engine.cutting import CutRule, Ending, cut
from kyanite.engine.disk_input import ByteStream, StreamInput
from kyanite.engine.keys import BackupKeys
from kyanite.engine.pack import PackNumber
from kyanite.engine.pages import (
    NO_PAGE,
    Entry,
    PageRef,
    add_needs,
    encode_inner,
    encode_leaf,
    needs_of,
    tidy,
)
from kyanite.engine.point import PAGE_NEED, PointDisk
from kyanite.engine.settings import RepositorySettings
from kyanite.engine.strand import NOTHING, Carry, Strand
from kyanite.engine.stream_marks import WINDOW_BYTES, StreamMarks
from kyanite.engine.zeros import is_zero

_PIECE_BYTES: Final = MIB


@dataclass(slots=True)
class _Span:
    """A span being written; ``issued`` is known when its last piece was read."""

    number: int
    strand: Strand = field(default_factory=Strand)
    issued: int | None = None
    done: dict[int, list[Entry]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Piece:
    turn: int
    before: bytes
    data: bytes
    last: bool


class StreamWriter:
    """One stream of a backup. ``place`` is its position in the point."""

    kind = "Full"

    def __init__(
        self, place: int, stream: StreamInput, settings: RepositorySettings, keys: BackupKeys
    ) -> None:
        self._place = place
        self._input = stream
        self._span_bytes = settings.page_span_bytes
        self._inner_fanout = settings.inner_fanout
        self._rule = stream_rule(settings)
        self._marks = StreamMarks(keys.cut_key, settings.cut_bytes - self._rule.least_blocks)
        self._leaves: dict[int, PageRef] = {}
        self._needs: dict[PackNumber, int] = {}
        self._size_bytes = 0
        self._started = False
        self._lock = threading.Lock()

    def touched(self) -> list[int]:
        """Where to begin; how many spans there are is known at the end."""
        return [0]

    def tasks(self, spans: Iterable[int], chain: Chain) -> Iterator[Task]:
        """What has to be done. A stream is read once: raises ``StorageUnavailable`` later."""
        del spans
        if self._started:
            raise StorageUnavailable(
                f"Packs that the backup of the stream {self._input.name} relied on were cleaned "
                "meanwhile, and a stream cannot be read again; run the backup again."
            )
        self._started = True
        for span, piece in self._pieces(self._input.stream):
            yield partial(self._run, span, piece, chain)

    def finish(self, store: ChunkStore) -> PointDisk:
        """Write the inner pages; the stream as the point names it."""
        count = -(-self._size_bytes // self._span_bytes)
        leaves = [self._leaves[number] for number in range(count)]
        needs = dict(self._needs)
        inner: list[PageRef] = []
        for at in range(0, count, self._inner_fanout):
            page = encode_inner(leaves[at : at + self._inner_fanout])
            key = (self._place, -1 - at)
            inner.append(NO_PAGE if page is None else store.add_page(page, key))
        for ref in (*leaves, *inner):
            if ref.pack is not None:
                add_needs(needs, {ref.pack: PAGE_NEED})
        return PointDisk(
            self._input.disk_id,
            self._input.name,
            self._size_bytes,
            self._span_bytes,
            self._inner_fanout,
            tuple(inner),
            needs,
        )

    def _pieces(self, stream: ByteStream) -> Iterator[tuple[_Span, _Piece]]:
        """Read in order, one piece ahead, so that the last one is known."""
        span, turn, left = _Span(0), 0, self._span_bytes
        before = b""
        data = _read(stream, min(_PIECE_BYTES, left))
        while data:
            left -= len(data)
            following = _read(stream, min(_PIECE_BYTES, left or self._span_bytes))
            last = not left or not following
            if last:
                span.issued = turn + 1
            self._size_bytes += len(data)
            yield span, _Piece(turn, before, data, last)
            before = data[1 - WINDOW_BYTES :]
            turn += 1
            if last:
                span, turn, left, before = _Span(span.number + 1), 0, self._span_bytes, b""
            data = following

    def _run(self, span: _Span, piece: _Piece, chain: Chain, buffer: memoryview) -> None:
        del buffer  # the bytes came with the task: a stream cannot be read at a place
        key: SpanKey = (self._place, span.number)
        try:
            marks = self._marks.of(piece.before, memoryview(piece.data))
            carry = span.strand.take(piece.turn)
            window = memoryview(carry.data + piece.data)
            ending = Ending.HARD if piece.last else Ending.OPEN
            marks = carry.marks + marks
            parts, rest = cut(marks, self._rule, ending)
            left = bytes(window[rest:])
            span.strand.hand_on(Carry(marks[rest:], left) if left else NOTHING)
        except BaseException as error:
            span.strand.fail(error)
            raise
        runs = [window[part.start : part.end] for part in parts]
        zero = [is_zero(run) for run in runs]
        placed = iter(
            chain.store.add_chunks(
                [run for run, empty in zip(runs, zero, strict=True) if not empty], key
            )
        )
        entries = [
            Entry(len(run), None) if empty else Entry(len(run), *next(placed))
            for run, empty in zip(runs, zero, strict=True)
        ]
        chain.count(len(piece.data), len(piece.data))
        with self._lock:
            span.done[piece.turn] = entries
            complete = len(span.done) == span.issued
        if complete:
            self._finish_span(span, chain.store, key)

    def _finish_span(self, span: _Span, store: ChunkStore, key: SpanKey) -> None:
        entries = tidy(entry for turn in sorted(span.done) for entry in span.done[turn])
        page = encode_leaf(entries)
        leaf = NO_PAGE if page is None else store.add_page(page, key)
        with self._lock:
            self._leaves[span.number] = leaf
            add_needs(self._needs, needs_of(entries))


def stream_rule(settings: RepositorySettings) -> CutRule:
    """How streams are cut: by single bytes, the lengths as for disks; zeros are data."""
    if settings.cut_kind == "fixed":
        return CutRule(1, settings.cut_bytes, settings.cut_bytes, settings.cut_bytes)
    return CutRule(1, settings.cut_least_bytes, settings.cut_most_bytes, settings.cut_most_bytes)


def _read(stream: ByteStream, size_bytes: int) -> bytes:
    parts: list[bytes] = []
    while size_bytes and (part := stream.read(size_bytes)):
        parts.append(part)
        size_bytes -= len(part)
    return b"".join(parts)
