"""Pages, segments, packs, slots, objects: there and back, and refused when wrong."""

from __future__ import annotations

import random

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from kyanite.base.errors import Damaged, EngineError, Invalid, UnknownFormat
from kyanite.engine.compression import compress, decompress
from kyanite.engine.format import Codec, Kind, id_of
from kyanite.engine.keys import BackupKeys, RestoreKeys
from kyanite.engine.pack import PackNumber
from kyanite.engine.pages import (
    NO_PAGE,
    Entry,
    PageRef,
    decode_inner,
    decode_leaf,
    encode_inner,
    encode_leaf,
    tidy,
)
from kyanite.engine.point import Point
from kyanite.engine.sealed_object import seal, unseal
from kyanite.engine.session import SessionTicket
from kyanite.engine.settings import RepositorySettings, decode_repository, encode_repository

REPOSITORY = b"r" * 16
KEY = b"k" * 32
ENTRIES = st.lists(
    st.one_of(
        st.builds(Entry, st.integers(1, 1 << 20), st.none(), st.none()),
        st.builds(
            Entry,
            st.integers(1, 1 << 20),
            st.binary(min_size=32, max_size=32),
            st.builds(
                PackNumber, st.sampled_from([b"1" * 16, b"2" * 16]), st.integers(0, 2**32 - 1)
            ),
        ),
    ),
    min_size=1,
    max_size=50,
)


@given(ENTRIES)
def test_a_leaf_page_goes_there_and_back(entries: list[Entry]) -> None:
    entries = tidy(entries)
    page = encode_leaf(entries)
    if all(entry.chunk_id is None for entry in entries):
        assert page is None
    else:
        assert page is not None
        assert decode_leaf(page, sum(e.length for e in entries)) == entries


@given(st.binary(max_size=200))
def test_bytes_that_are_no_page_are_damaged_and_nothing_else(rubbish: bytes) -> None:
    for decode in (lambda: decode_leaf(rubbish, 4096), lambda: decode_inner(rubbish, 4)):
        try:
            decode()
        except Damaged:
            continue


def test_an_inner_page_leaves_out_missing_pages_at_its_end() -> None:
    leaf = PageRef(b"a" * 32, PackNumber(b"s" * 16, 7))
    leaves = [NO_PAGE, leaf, NO_PAGE, NO_PAGE]
    page = encode_inner(leaves)
    assert page is not None
    assert len(page) == 8 + 20 + 64 + 2
    assert decode_inner(page, 4) == leaves
    assert encode_inner([NO_PAGE] * 4) is None


def test_a_repository_object_that_was_changed_does_not_authenticate() -> None:
    settings_ = RepositorySettings()
    data = encode_repository(settings_, "now", REPOSITORY, KEY)
    assert decode_repository(data, KEY) == settings_
    for place in (12, 40, len(data) - 1):
        changed = bytearray(data)
        changed[place] ^= 1
        with pytest.raises((Damaged, UnknownFormat)):
            decode_repository(bytes(changed), KEY)
    with pytest.raises(UnknownFormat):
        decode_repository(b"something else entirely" * 10, KEY)


@pytest.mark.parametrize(
    "wrong",
    [
        {"cut_kind": "magic"},
        {"cut_bytes": 5000},
        {"cut_bytes": 8 << 20},
        {"pack_bytes": 1 << 30},
        {"page_span_bytes": 1 << 31},
        {"zstd_level": 99},
        {"inner_fanout": 0},
    ],
)
def test_settings_that_no_writer_could_follow_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(Invalid):
        RepositorySettings(**wrong)  # type: ignore[arg-type]


def test_an_object_opens_only_as_its_kind_under_its_name_with_its_keys() -> None:
    data = seal(Kind.SESSION, "sessions/a", b"body" * 100, KEY, REPOSITORY)
    assert unseal(Kind.SESSION, "sessions/a", data, KEY, REPOSITORY) == b"body" * 100
    for kind, name, key, repository in (
        (Kind.POINT, "sessions/a", KEY, REPOSITORY),
        (Kind.SESSION, "sessions/b", KEY, REPOSITORY),
        (Kind.SESSION, "sessions/a", b"x" * 32, REPOSITORY),
        (Kind.SESSION, "sessions/a", KEY, b"s" * 16),
    ):
        with pytest.raises(Damaged):
            unseal(kind, name, data, key, repository)


@settings(max_examples=300)
@given(st.binary(max_size=300))
def test_bytes_that_are_no_object_are_refused_within_bounds(rubbish: bytes) -> None:
    with pytest.raises(EngineError):
        unseal(Kind.POINT, "points/a", b"kyanite\0\1\0\3\0" + rubbish, KEY, REPOSITORY)


def test_equal_bodies_are_sealed_under_different_keys() -> None:
    one = seal(Kind.VOID, "points/a", b"same", KEY, REPOSITORY)
    two = seal(Kind.VOID, "points/a", b"same", KEY, REPOSITORY)
    assert one[24:] != two[24:]


def test_incompressible_bytes_are_stored_as_they_are() -> None:
    noise = random.Random(1).randbytes(100_000)
    assert compress(noise, 1) == (Codec.RAW, noise)
    codec, frame = compress(b"a" * 100_000, 1)
    assert codec is Codec.ZSTD
    assert decompress(codec, frame, 100_000) == b"a" * 100_000


def test_a_frame_that_would_swell_is_refused_before_it_does() -> None:
    bomb = zstandard.ZstdCompressor(level=19).compress(bytes(1 << 28))
    with pytest.raises(Damaged):
        decompress(Codec.ZSTD, bomb, 1000)
    no_size = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(1000))
    with pytest.raises(Damaged):
        decompress(Codec.ZSTD, no_size, 1000)
    with pytest.raises(Damaged):
        decompress(7, b"x", 1)


@given(st.binary(max_size=300))
def test_rubbish_is_not_taken_for_keys(rubbish: bytes) -> None:
    for read in (BackupKeys.from_bytes, RestoreKeys.from_bytes):
        with pytest.raises(Invalid):
            read(rubbish)


def test_a_ticket_goes_there_and_back() -> None:
    session = "01a21431-408b-7836-89e6-1468babd9d0c"
    ticket = SessionTicket(REPOSITORY, session, "m", "l", session, "now", RepositorySettings())
    assert SessionTicket.from_json(ticket.to_json()) == ticket
    for wrong in ("", "x", session.upper(), f"{session}/../x"):
        with pytest.raises(Invalid):
            id_of(wrong)


@pytest.mark.parametrize(
    "structure",
    [
        b"",
        b"[]",
        b"{",
        b"[" * 100_000,
        b'{"format":1,"disks":[{"size_bytes":-5}]}',
        b'{"format":1,"disks":[{"size_bytes":1e300,"page_span_bytes":4096}]}',
        b'{"format":1,"disks":[{"size_bytes":99999999999999999999,"page_span_bytes":4096}]}',
        b'{"format":1,"disks":[{"size_bytes":10,"page_span_bytes":0,"inner_fanout":1}]}',
        b'{"format":1,"disks":[{"size_bytes":9,"page_span_bytes":4096,"inner_fanout":1,'
        b'"inner":["zz"]}]}',
    ],
)
def test_a_structure_that_makes_no_sense_is_refused(structure: bytes) -> None:
    with pytest.raises((Damaged, UnknownFormat)):
        Point.from_structure(structure)
