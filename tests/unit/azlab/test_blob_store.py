"""The blob store alone: listings against a model, contents, and what a kill leaves."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azlab.services.storage_blob.request import BytesBody
from azlab.services.storage_blob.store import blobs, blocks, containers, generations, listing
from azlab.services.storage_blob.store.content import ContentStream
from azlab.services.storage_blob.store.database import Database
from azlab.services.storage_blob.store.records import (
    Block,
    ContentHeaders,
    NewBlob,
    Segment,
    Tier,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TIER = Tier("Hot", inferred=True, changed_at=NOW)
ACCOUNT, CONTAINER = "acct", "box"


def put(database: Database, name: str, *pieces: bytes) -> None:
    segments, start = [], 0
    for piece in pieces:
        content_id = database.content.write(BytesBody(piece), len(piece))
        segments.append(Segment(content_id, start, len(piece)))
        start += len(piece)
    with database.transaction() as tx:
        new = NewBlob(ContentHeaders(), {}, {}, TIER, tuple(segments))
        generations.commit(tx, ACCOUNT, CONTAINER, name, new, NOW)


def stored_files(database: Database, folder: Path) -> int:
    return sum(1 for path in (folder / "content").glob("??/*") if path.is_file())


@pytest.fixture
def database(tmp_path: Path) -> Database:
    opened = Database(tmp_path)
    with opened.transaction() as tx:
        containers.create(tx, ACCOUNT, CONTAINER, {}, NOW)
    return opened


def model_listing(names: list[str], prefix: str, delimiter: str) -> list[str]:
    """What a listing without pages must show: names, and folders with a trailing mark."""
    shown: list[str] = []
    for name in sorted(name for name in names if name.startswith(prefix)):
        cut = name.find(delimiter, len(prefix)) if delimiter else -1
        entry = name if cut < 0 else "folder:" + name[: cut + len(delimiter)]
        if entry not in shown:
            shown.append(entry)
    return shown


@settings(max_examples=60, deadline=None)
@given(
    names=st.lists(st.text("ab/\U0010ffff\ud7ffé", min_size=1, max_size=5), unique=True),
    prefix=st.text("ab/", max_size=2),
    delimiter=st.sampled_from(["", "/", "ab"]),
    limit=st.integers(1, 4),
)
def test_pages_of_a_listing_join_to_what_a_model_says(
    tmp_path_factory: pytest.TempPathFactory,
    names: list[str],
    prefix: str,
    delimiter: str,
    limit: int,
) -> None:
    database = Database(tmp_path_factory.mktemp("store"))
    for name in names:
        put(database, name)
    shown: list[str] = []
    start: listing.Position | None = listing.Position("")
    while start is not None:
        with database.transaction() as tx:
            page = listing.page(
                tx,
                ACCOUNT,
                CONTAINER,
                prefix=prefix,
                delimiter=delimiter,
                start=start,
                limit=limit,
            )
        assert len(page.entries) <= limit
        shown += [
            "folder:" + entry.name if isinstance(entry, listing.Prefix) else entry.name
            for entry in page.entries
        ]
        start = page.next_start
    database.close()
    assert shown == model_listing(names, prefix, delimiter)


def test_any_range_of_a_blob_of_many_segments_reads_right(database: Database) -> None:
    rng = random.Random(5)
    pieces = [rng.randbytes(rng.randrange(1, 50_000)) for _ in range(12)]
    put(database, "b", *pieces)
    whole = b"".join(pieces)
    for _ in range(50):
        first = rng.randrange(len(whole))
        length = rng.randrange(1, len(whole) - first + 1)
        with database.transaction() as tx:
            blob = blobs.find(tx, ACCOUNT, CONTAINER, "b")
            assert blob is not None
            segments = blobs.segments_of_range(tx, blob, first, length)
        got = b"".join(database.content.read(segments, first, length))
        assert got == whole[first : first + length]


def test_replacing_a_blob_frees_its_contents_but_not_under_a_reader(
    database: Database, tmp_path: Path
) -> None:
    put(database, "b", b"old" * 1000)
    with database.transaction() as tx:
        blob = blobs.find(tx, ACCOUNT, CONTAINER, "b")
        assert blob is not None
        segments = blobs.segments(tx, blob)
        database.content.pin(segment.content_id for segment in segments)
    stream = ContentStream(database.content, segments, 0, 3000)
    put(database, "b", b"new")
    assert stored_files(database, tmp_path) == 2
    assert b"".join(stream) == b"old" * 1000
    assert stored_files(database, tmp_path) == 1


def test_contents_shared_by_two_blobs_live_until_the_second_is_deleted(
    database: Database, tmp_path: Path
) -> None:
    put(database, "one", b"shared")
    with database.transaction() as tx:
        one = blobs.find(tx, ACCOUNT, CONTAINER, "one")
        assert one is not None
        new = NewBlob(ContentHeaders(), {}, {}, TIER, blobs.segments(tx, one))
        two = generations.commit(tx, ACCOUNT, CONTAINER, "two", new, NOW)
    with database.transaction() as tx:
        blobs.delete(tx, one)
    assert stored_files(database, tmp_path) == 1
    with database.transaction() as tx:
        assert b"".join(database.content.read(blobs.segments(tx, two), 0, 6)) == b"shared"
        blobs.delete(tx, two)
    assert stored_files(database, tmp_path) == 0


def test_deleting_a_container_deletes_blobs_blocks_and_files(
    database: Database, tmp_path: Path
) -> None:
    put(database, "b", b"1")
    content_id = database.content.write(BytesBody(b"22"), 2)
    with database.transaction() as tx:
        blocks.put(tx, ACCOUNT, CONTAINER, "c", Block("AAAA", content_id, 2))
    with database.transaction() as tx:
        containers.delete(tx, ACCOUNT, CONTAINER)
    assert stored_files(database, tmp_path) == 0
    with database.transaction() as tx:
        assert blobs.find(tx, ACCOUNT, CONTAINER, "b") is None
        assert blocks.listed(tx, ACCOUNT, CONTAINER, "c") == []


def test_a_transaction_that_fails_leaves_nothing_behind(database: Database) -> None:
    put(database, "b", b"1")

    def fail_after_deleting() -> None:
        with database.transaction() as tx:
            blob = blobs.find(tx, ACCOUNT, CONTAINER, "b")
            assert blob is not None
            blobs.delete(tx, blob)
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        fail_after_deleting()
    with database.transaction() as tx:
        found = blobs.find(tx, ACCOUNT, CONTAINER, "b")
        assert found is not None
        assert b"".join(database.content.read(blobs.segments(tx, found), 0, 1)) == b"1"


def test_etags_are_never_given_twice(database: Database) -> None:
    seen: set[str] = set()
    lock = threading.Lock()

    def draw() -> None:
        for _ in range(200):
            with database.transaction() as tx:
                etag = tx.next_etag()
            with lock:
                assert etag not in seen
                seen.add(etag)

    threads = [threading.Thread(target=draw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 800


_WRITER = """
import sys
from pathlib import Path
from test_blob_store import put
from azlab.services.storage_blob.store.database import Database
database = Database(Path(sys.argv[1]))
number = 0
while True:
    put(database, f"b{number}", str(number).encode() * 1000)
    print(number, flush=True)
    number += 1
"""


def test_what_was_answered_before_a_sigkill_is_there_and_nothing_else_on_disk(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "store"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert writer.stdout is not None
    for line in writer.stdout:
        if int(line) == 40:
            break
    writer.send_signal(signal.SIGKILL)
    answered = [int(line) for line in writer.stdout if line.endswith("\n")]
    writer.wait()
    last = max([40, *answered])
    (folder / "content" / "ab" / "abandoned").write_bytes(b"half a body")
    database = Database(folder)
    with database.transaction() as tx:
        found = [entry.name for entry in listing.page(tx, ACCOUNT, CONTAINER, limit=5000).entries]
        assert len(found) >= last + 1
        for number in range(last + 1):
            blob = blobs.find(tx, ACCOUNT, CONTAINER, f"b{number}")
            assert blob is not None
            body = b"".join(database.content.read(blobs.segments(tx, blob), 0, blob.size_bytes))
            assert body == str(number).encode() * 1000
    assert stored_files(database, folder) == len(found)
