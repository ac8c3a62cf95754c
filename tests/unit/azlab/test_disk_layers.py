"""Layers of the page store: their journals, long chains, and many threads at once."""

from __future__ import annotations

import random
import threading
from pathlib import Path

from azlab.services.disks.layer import Layer
from azlab.services.disks.range_map import RangeMap, Run, after_all
from azlab.services.disks.store import PageStore

SIZE_BYTES = 1 << 20


def test_a_map_is_the_step_function_that_was_assigned_to_it() -> None:
    rng = random.Random(4)
    for _ in range(200):
        found, expected = RangeMap(), [0] * 200
        journal: list[Run] = []
        for _ in range(60):
            start = rng.randrange(200)
            end = min(200, start + rng.randrange(30))
            state = rng.randrange(3)
            found.assign(start, end, state)
            expected[start:end] = [state] * (end - start)
            journal.append(Run(start, end, state))
        flat: list[int] = []
        for run in found.runs(0, 200):
            flat += [run.state] * (run.end - run.start)
        assert flat == expected
        assert list(after_all(journal).present()) == list(found.present())
        assert len(found) <= 1 + sum(
            1 for left, right in zip([*expected, 0], [0, *expected], strict=True) if left != right
        )


def test_a_journal_cut_short_or_scribbled_on_ends_at_its_last_good_record(tmp_path: Path) -> None:
    layer = Layer(tmp_path, "one")
    layer.write(0, memoryview(b"a" * 512))
    layer.write(1024, memoryview(b"b" * 512))
    journal = tmp_path / "one.map"
    whole = journal.read_bytes()
    for torn in (whole[:-3], whole[:-1] + b"\xff", whole + b"\x00" * 7):
        journal.write_bytes(torn)
        again = Layer(tmp_path, "one")
        good = [Run(0, 1, 1), Run(2, 3, 1)] if torn.startswith(whole) else [Run(0, 1, 1)]
        assert list(again.map.present()) == good
        again.clear(4096, 512)
        assert Run(8, 9, 2) in list(Layer(tmp_path, "one").map.present())


def test_a_journal_that_repeats_itself_is_written_anew(tmp_path: Path) -> None:
    layer = Layer(tmp_path, "one")
    for number in range(5000):
        layer.write(0, memoryview(number.to_bytes(512, "big")))
    assert (tmp_path / "one.map").stat().st_size > 100_000
    again = Layer(tmp_path, "one")
    assert (tmp_path / "one.map").stat().st_size < 100
    buffer = bytearray(512)
    again.read_into(0, memoryview(buffer))
    assert buffer == (4999).to_bytes(512, "big")
    again.write(512, memoryview(b"x" * 512))
    assert list(Layer(tmp_path, "one").map.present()) == [Run(0, 2, 1)]


def test_a_chain_of_hundreds_of_snapshots_reads_right(tmp_path: Path) -> None:
    store = PageStore(tmp_path)
    store.create("disk", SIZE_BYTES)
    model = bytearray(SIZE_BYTES)
    kept: dict[int, bytes] = {}
    for number in range(300):
        offset = number * 37 % 2000 * 512
        data = number.to_bytes(2, "big") * 256
        store.write("disk", offset, memoryview(data))
        model[offset : offset + 512] = data
        store.snapshot("disk", f"snap-{number}")
        if number % 60 == 0:
            kept[number] = bytes(model)
        elif number > 200:
            store.delete(f"snap-{number}")
    store.close()
    store = PageStore(tmp_path)
    assert store.read("disk", 0, SIZE_BYTES) == model
    for number, content in kept.items():
        assert store.read(f"snap-{number}", 0, SIZE_BYTES) == content
    changed = store.differences("snap-60", "snap-180", 0, SIZE_BYTES)
    assert sum(run.length for run in changed) == 120 * 512


def test_readers_of_snapshots_see_no_writer_and_no_deletion(tmp_path: Path) -> None:
    store = PageStore(tmp_path)
    store.create("disk", SIZE_BYTES)
    wrong: list[str] = []
    done = threading.Event()

    def write() -> None:
        number = 0
        while not done.is_set():
            number += 1
            store.write("disk", number * 7919 % 2000 * 512, memoryview(b"w" * 512))

    def read(name: str) -> None:
        first = bytes(store.read(name, 0, SIZE_BYTES))
        for _ in range(50):
            if store.read(name, 0, SIZE_BYTES) != first:
                wrong.append(name)
        store.delete(name)

    writer = threading.Thread(target=write)
    writer.start()
    readers = []
    for number in range(8):
        store.snapshot("disk", f"snap-{number}")
        readers.append(threading.Thread(target=read, args=(f"snap-{number}",)))
        readers[-1].start()
    for reader in readers:
        reader.join()
    done.set()
    writer.join()
    assert wrong == []
    assert not any(store.exists(f"snap-{number}") for number in range(8))


def test_volumes_that_nobody_names_are_removed(tmp_path: Path) -> None:
    store = PageStore(tmp_path)
    for name in ("named", "stray"):
        store.create(name, SIZE_BYTES)
        store.write(name, 0, memoryview(b"x" * 512))
    (tmp_path / "0123.data").write_bytes(b"left over")
    store.close()
    store = PageStore(tmp_path)
    store.keep_only(["named", "unknown"])
    assert store.exists("named")
    assert not store.exists("stray")
    assert len(list(tmp_path.glob("*.data"))) == 1
