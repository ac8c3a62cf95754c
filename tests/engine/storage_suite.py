"""What every storage must do. Subclass ``StorageSuite`` and give it a fixture ``storage``."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest

from kyanite.base.errors import ObjectExists, ObjectMissing, StorageError
from kyanite.engine.storage.base import Storage
from kyanite.engine.storage.streaming import open_range


def read_in_pieces(
    storage: Storage, name: str, offset: int, length: int, piece_bytes: int
) -> bytes:
    """A range read with a small buffer; only the last piece does not fill it."""
    buffer = memoryview(bytearray(piece_bytes))
    pieces: list[bytes] = []
    with closing(open_range(storage, name, offset, length)) as stream:
        while count := stream.read_into(buffer):
            pieces.append(bytes(buffer[:count]))
    assert all(len(piece) == piece_bytes for piece in pieces[:-1])
    return b"".join(pieces)


class StorageSuite:
    """The promises of ``kyanite.engine.storage.base.Storage``."""

    def test_what_was_put_is_got(self, storage: Storage) -> None:
        storage.put("packs/one", b"bytes of one")
        assert storage.get("packs/one") == b"bytes of one"
        assert storage.size("packs/one") == 12

    def test_all_kinds_of_buffers_can_be_put(self, storage: Storage) -> None:
        buffer = bytearray(b"..bytes..")
        storage.put("packs/array", buffer)
        storage.put("packs/view", memoryview(buffer)[2:7])
        buffer[:] = b"#########"
        assert storage.get("packs/array") == b"..bytes.."
        assert storage.get("packs/view") == b"bytes"

    def test_an_empty_object_is_an_object(self, storage: Storage) -> None:
        storage.put("empty", b"")
        assert storage.get("empty") == b""
        assert storage.size("empty") == 0
        assert [info.name for info in storage.list("empty")] == ["empty"]

    def test_a_large_object_comes_back_whole(self, storage: Storage) -> None:
        data = bytes(range(256)) * 4096 * 9  # 9 MiB
        storage.put("packs/large", memoryview(data))
        assert storage.get("packs/large") == data
        assert storage.get_range("packs/large", 5_000_001, 3_000_000) == data[5_000_001:8_000_001]

    def test_put_never_replaces(self, storage: Storage) -> None:
        storage.put("points/a", b"first")
        with pytest.raises(ObjectExists):
            storage.put("points/a", b"other")
        assert storage.get("points/a") == b"first"

    def test_of_many_puts_under_one_name_exactly_one_succeeds(self, storage: Storage) -> None:
        barrier = threading.Barrier(8)
        won: list[bytes] = []

        def put(number: int) -> None:
            data = b"writer %d" % number
            barrier.wait()
            try:
                storage.put("points/race", data)
            except ObjectExists:
                return
            won.append(data)

        threads = [threading.Thread(target=put, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert won == [storage.get("points/race")]

    def test_a_missing_object_is_said_to_be_missing(self, storage: Storage) -> None:
        storage.put("other", b"x")
        for read in (
            storage.get,
            storage.size,
            lambda name: storage.get_range(name, 0, 1),
            lambda name: read_in_pieces(storage, name, 0, 1, 1),
        ):
            with pytest.raises(ObjectMissing):
                read("packs/none")

    def test_a_range_can_be_read_piece_by_piece(self, storage: Storage) -> None:
        data = bytes(range(256)) * 4096 * 3
        storage.put("packs/streamed", data)
        for offset, length in ((5, 2_000_000), (len(data) - 1000, 5000), (len(data), 10)):
            assert (
                read_in_pieces(storage, "packs/streamed", offset, length, 70_001)
                == (data[offset : offset + length])
            )

    def test_what_a_stream_skips_is_left_out(self, storage: Storage) -> None:
        data = bytes(range(256)) * 4096
        storage.put("packs/streamed", data)
        piece = memoryview(bytearray(1000))
        with closing(open_range(storage, "packs/streamed", 7, 900_000)) as stream:
            for skipped, place in ((400_000, 400_007), (0, 401_007), (398_000, 800_007)):
                stream.skip(skipped)
                assert stream.read_into(piece) == 1000
                assert piece == data[place : place + 1000]
            stream.skip(1_000_000)
            assert stream.read_into(piece) == 0

    def test_a_stream_that_is_left_early_ends(self, storage: Storage) -> None:
        data = bytes(range(256)) * 4096 * 3
        storage.put("packs/streamed", data)
        beginning = memoryview(bytearray(1000))
        with closing(open_range(storage, "packs/streamed", 0, len(data))) as stream:
            assert stream.read_into(beginning) == 1000
        assert beginning == data[:1000]
        assert storage.get("packs/streamed") == data

    def test_ranges_are_cut_at_the_end(self, storage: Storage) -> None:
        storage.put("packs/r", b"0123456789")
        assert storage.get_range("packs/r", 2, 3) == b"234"
        assert storage.get_range("packs/r", 8, 100) == b"89"
        assert storage.get_range("packs/r", 0, 10) == b"0123456789"

    def test_a_negative_offset_counts_from_the_end(self, storage: Storage) -> None:
        storage.put("packs/r", b"0123456789")
        assert storage.get_range("packs/r", -4, 4) == b"6789"
        assert storage.get_range("packs/r", -4, 2) == b"67"
        assert storage.get_range("packs/r", -100, 100) == b"0123456789"

    def test_a_listing_has_exactly_what_starts_with_the_prefix_in_order(
        self, storage: Storage
    ) -> None:
        for name in ("packs/b/2", "packs/a/1", "packs/b/1", "points/a", "packsx", "index/1"):
            storage.put(name, name.encode())
        assert [i.name for i in storage.list("packs/")] == ["packs/a/1", "packs/b/1", "packs/b/2"]
        assert [i.name for i in storage.list("packs/b/")] == ["packs/b/1", "packs/b/2"]
        assert [i.name for i in storage.list("p")] == [
            "packs/a/1",
            "packs/b/1",
            "packs/b/2",
            "packsx",
            "points/a",
        ]
        assert len(list(storage.list(""))) == 6
        assert list(storage.list("none/")) == []

    def test_a_listing_says_size_and_time(self, storage: Storage) -> None:
        storage.put("index/s", b"12345")
        (info,) = storage.list("index/")
        assert info.size_bytes == 5
        assert info.modified_at.utcoffset() is not None

    def test_a_long_listing_is_complete(self, storage: Storage) -> None:
        names = [f"sessions/{n:04}" for n in range(137)]
        for name in names:
            storage.put(name, b"s")
        assert [info.name for info in storage.list("sessions/")] == names

    def test_what_was_deleted_is_gone_and_its_name_is_free(self, storage: Storage) -> None:
        storage.put("points/d", b"one")
        storage.delete("points/d")
        with pytest.raises(ObjectMissing):
            storage.get("points/d")
        assert list(storage.list("points/")) == []
        storage.put("points/d", b"two")
        assert storage.get("points/d") == b"two"

    def test_deleting_what_is_not_there_is_fine(self, storage: Storage) -> None:
        storage.delete("points/never")
        storage.delete("never/at/all")

    @pytest.mark.parametrize(
        "name",
        ["", "/x", "../x", "a/../b", "a//b", ".hidden", "a/.b", "UPPER", "a/", "a\0b", "x y"],
    )
    def test_names_that_lead_elsewhere_are_refused(self, storage: Storage, name: str) -> None:
        for call in (storage.get, storage.delete, lambda name: storage.put(name, b"x")):
            with pytest.raises(StorageError):
                call(name)

    def test_threads_do_not_disturb_each_other(self, storage: Storage) -> None:
        failures: list[str] = []

        def work(number: int) -> None:
            for turn in range(10):
                name = f"packs/{number}/{turn}"
                data = name.encode() * 1000
                storage.put(name, data)
                if storage.get(name) != data:
                    failures.append(name)
                if turn % 2:
                    storage.delete(name)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert len(list(storage.list("packs/"))) == 30
