"""Freeze repositories: `tests/frozen/<name>.tar.zst`, and `<name>.json`: what is in it.

    python tools/freeze_repositories.py

Makes those of ``STORIES`` that are not there yet, and notes their checksums. They keep a
version of the format readable for ever (docs/format/versions.md): what is frozen is never made
anew, whatever the program writes today. A new story, or an old one that is told to a newer
program, gets a name of its own.
"""

from __future__ import annotations

import hashlib
import io
import json
import random
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import zstandard

from kyanite.base.clock import ManualClock
from kyanite.base.json_types import JsonObject, JsonValue
from kyanite.base.units import KIB, MIB
from kyanite.engine.backup import back_up
from kyanite.engine.cleaning_rules import CleaningRules
from kyanite.engine.disk_input import DiskInput, StreamInput
from kyanite.engine.format import DAMAGE_PREFIX, INDEX_PREFIX, PACKS_PREFIX
from kyanite.engine.index_layout import IndexSizes
from kyanite.engine.index_merge import tidy_index
from kyanite.engine.key_changes import NewPassword
from kyanite.engine.parallelism import Parallelism
from kyanite.engine.password_stretching import Cost
from kyanite.engine.randomness import drawn_from
from kyanite.engine.ranges import ByteRange, RangeList
from kyanite.engine.repack_rule import Price
from kyanite.engine.repair import repair
from kyanite.engine.repository import Repository
from kyanite.engine.settings import RepositorySettings
from kyanite.engine.storage.folder import FolderStorage
from kyanite.engine.verify import Level
from private_key_vault import PrivateKeyVault
from seeded_randomness import SeededRandomness

FOLDER: Final = Path(__file__).resolve().parent.parent / "tests" / "frozen"
CHECKSUMS: Final = FOLDER / "SHA256SUMS"
PASSWORD: Final = "offen, Sesam öffne dich"
CHEAP: Final = Cost(memory_kib=8 * 1024, passes=1, lanes=1)
ONE_THREAD: Final = Parallelism(1, 1, 1, 16 * KIB, 1, 64 * KIB, 0)
EAGER: Final = Price(gib_month=1000.0, most_live=0.9)
MOST_BYTES: Final = 300 * KIB

# Small pages, packs and chunks, so that a small disk has several of each.
SMALL: Final = RepositorySettings(
    cut_kind="fixed",
    cut_bytes=4 * KIB,
    pack_bytes=64 * KIB,
    page_span_bytes=64 * KIB,
    inner_fanout=2,
)


class MemoryDisk:
    def __init__(self, contents: bytes) -> None:
        self._contents = contents

    def read_into(self, offset: int, buffer: memoryview) -> None:
        buffer[:] = self._contents[offset : offset + len(buffer)]


class Story:
    """A repository that things happen to, and what shall be found in it afterwards."""

    def __init__(self, root: Path, settings: RepositorySettings = SMALL, seed: int = 1) -> None:
        self.root = root
        self.storage = FolderStorage(root)
        self.clock = ManualClock(datetime(2026, 1, 31, 22, tzinfo=UTC))
        self.repository = Repository.create(
            self.storage, PASSWORD, settings, self.clock, CHEAP, "the first password"
        )
        self.chooser = random.Random(seed)
        self.secrets = {"password": PASSWORD}
        self._points: dict[str, JsonObject] = {}

    def back_up(
        self,
        disks: Mapping[str, bytes | bytearray],
        machine: str = "machine",
        parent: str | None = None,
        changes: RangeList | None = None,
        label: str = "",
        lock_until: datetime | None = None,
        as_streams: bool = False,
    ) -> str:
        self.clock.advance(timedelta(days=1))
        label = label or f"{machine} on {self.clock.now():%d %B}"
        ticket = self.repository.open_session(
            self.repository.new_session_id(), machine, label, parent
        )
        inputs = [
            StreamInput(name, f"stream {name}", io.BytesIO(data))
            if as_streams
            else DiskInput(name, f"disk {name}", len(data), MemoryDisk(bytes(data)), None, changes)
            for name, data in disks.items()
        ]
        recipe = json.dumps({"machine": machine, "disks": list(disks)}).encode()
        keys = self.repository.backup_keys(ticket)
        back_up(
            self.storage, keys, ticket, inputs, recipe, None, ONE_THREAD, self.clock, lock_until
        )
        self._points[ticket.session_id] = {
            "label": label,
            "machine_id": machine,
            "recipe_sha256": hashlib.sha256(recipe).hexdigest(),
            "disks": {
                name: {"size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
                for name, data in disks.items()
            },
        }
        return ticket.session_id

    def delete(self, *session_ids: str) -> None:
        self.repository.delete_points(session_ids)
        for session_id in session_ids:
            del self._points[session_id]

    def disk(self, size_bytes: int, noise_bytes: int = 24 * KIB) -> bytearray:
        """Holes, text and some noise; as much noise as is said, for it does not compress."""
        contents = bytearray(size_bytes)
        for at in range(0, size_bytes - 32 * KIB, 64 * KIB):
            if self.chooser.random() < 0.7:
                words = (f"{at + n:08x} is line {n * n}\n" for n in range(2000))
                text = "".join(words).encode()[: self.chooser.randrange(4, 33) * KIB]
                contents[at : at + len(text)] = text
        for _ in range(noise_bytes // (8 * KIB)):
            at = 4 * KIB * self.chooser.randrange(size_bytes // (4 * KIB) - 2)
            contents[at : at + 8 * KIB] = self.chooser.randbytes(8 * KIB)
        return contents

    def change(self, contents: bytearray, places: int = 2) -> RangeList:
        """Write noise somewhere, and zeros; what was changed."""
        ranges = []
        for n in range(places):
            at = 512 * self.chooser.randrange((len(contents) - 8 * KIB) // 512)
            contents[at : at + 5 * KIB] = bytes(5 * KIB) if n else self.chooser.randbytes(5 * KIB)
            ranges.append(ByteRange(at, 5 * KIB))
        return RangeList(ranges)

    def facts(self) -> JsonObject:
        """What the archive holds, for whoever reads it."""
        report = self.repository.verify(Level.FULL)
        if any(damage.hurts for damage in report.damages):
            raise RuntimeError(f"A point to be frozen is damaged: {report}")
        secrets: dict[str, JsonValue] = {
            **self.secrets,
            "maintenance_key": self.repository.export_maintenance_key(),
        }
        points: dict[str, JsonValue] = {**self._points}
        return {"format": 1, "secrets": secrets, "points": points}


def fixed(root: Path) -> Story:
    """Chunks of one length; two disks, one of them of odd length; an empty disk."""
    story = Story(root)
    story.back_up({"system": story.disk(256 * KIB), "data": story.disk(333_333)[:123_457]})
    story.back_up({"empty": bytes(1 * MIB)}, machine="another machine")
    return story


def aligned(root: Path) -> Story:
    """Content-defined cuts of the usual lengths, increments, a disk that grew."""
    story = Story(root, RepositorySettings())
    disk = story.disk(2 * MIB, 64 * KIB)
    parent = story.back_up({"0": disk})
    for _ in range(2):
        parent = story.back_up({"0": disk}, parent=parent, changes=story.change(disk))
    disk += bytes(128 * KIB) + b"the end"
    story.back_up({"0": disk}, parent=parent, changes=RangeList([ByteRange(2 * MIB, 131_079)]))
    return story


def machines(root: Path) -> Story:
    """Several machines that share most of what they have, each with increments."""
    story = Story(root)
    base = story.disk(256 * KIB)
    for number in range(3):
        disk = bytearray(base)
        story.change(disk)
        parent = story.back_up({"system": disk}, machine=f"web-{number}")
        changes = story.change(disk)
        story.back_up({"system": disk}, machine=f"web-{number}", parent=parent, changes=changes)
    return story


def _aged(story: Story, points: int = 4) -> None:
    disk = story.disk(256 * KIB, 96 * KIB)
    first = parent = story.back_up({"0": disk})
    for _ in range(points):
        changes = story.change(disk, 3)
        parent = story.back_up({"0": disk}, parent=parent, changes=changes)
    story.delete(first)


def cleaned(root: Path) -> Story:
    """A point was deleted and cleaned away; a ledger; what was left of packs was moved."""
    story = Story(root)
    _aged(story)
    story.repository.clean(rules=CleaningRules(ledger_from_points=1, small_packs=0))
    story.repository.repack(EAGER)
    story.repository.clean(rules=CleaningRules(ledger_from_points=1, small_packs=0))
    disk = story.disk(128 * KIB)
    story.back_up({"0": disk}, machine="a machine that came after the cleaning")
    return story


def moved(root: Path) -> Story:
    """What was left of packs was moved, and the old packs are still there."""
    story = Story(root)
    _aged(story, 3)
    story.repository.clean()
    story.repository.repack(EAGER)
    return story


def merged(root: Path) -> Story:
    """An index of one segment in parts, and a small one beside it."""
    story = Story(root)
    _aged(story, 2)
    keys = story.repository.read_keys
    limits = IndexSizes(whole_bytes=64, part_records=24, rewritten_bytes=64)
    tidy_index(story.storage, keys.maintenance_key, keys.repository_id, limits=limits, whole=True)
    if not any("." in info.name for info in story.storage.list(INDEX_PREFIX)):
        raise RuntimeError("the index has no parts")
    story.back_up({"0": story.disk(128 * KIB)}, machine="a machine that came after the merge")
    return story


def keys(root: Path) -> Story:
    """Three epochs of keys; a second password; a recovery key."""
    story = Story(root)
    disk = story.disk(192 * KIB)
    parent = story.back_up({"0": disk})
    for number in range(2):
        passwords = [NewPassword(PASSWORD, "kept"), NewPassword(f"another {number}", "further")]
        printed = story.repository.rotate_keys(passwords, recovery=True, cost=CHEAP)
        story.secrets |= {"recovery_key": printed or "", "other_password": f"another {number}"}
        parent = story.back_up({"0": disk}, parent=parent, changes=story.change(disk))
    return story


def vault(root: Path) -> Story:
    """A vault opens it as well as a password; the vault's private key is in the secrets."""
    story = Story(root)
    opener = PrivateKeyVault()
    story.repository.add_vault(opener, "the vault")
    story.secrets["vault_private_key"] = opener.pem
    story.back_up({"0": story.disk(128 * KIB)})
    return story


def deleted(root: Path) -> Story:
    """Points deleted and not cleaned up; an open session; a void; a condemned list that waits."""
    story = Story(root)
    disk = story.disk(192 * KIB)
    first = story.back_up({"0": disk})
    story.back_up({"0": disk}, parent=first, changes=story.change(disk))
    gone = story.back_up({"0": story.disk(128 * KIB)}, machine="a machine that is gone")
    story.repository.open_session(
        story.repository.new_session_id(), "a machine whose backup was killed", "never"
    )
    story.delete(gone)
    story.repository.clean()  # condemned, and waits for the open session
    given_up = story.repository.new_session_id()
    story.repository.open_session(given_up, "a machine that was given up", "never")
    story.repository.abandon_session(given_up, "given up for good")
    late = story.back_up({"0": story.disk(128 * KIB)}, machine="another that is gone")
    story.delete(late)
    return story


def locked(root: Path) -> Story:
    """A point that says until when what it needs shall be locked."""
    story = Story(root)
    until = datetime(2026, 12, 24, 18, tzinfo=UTC)
    story.back_up({"0": story.disk(128 * KIB)}, lock_until=until)
    return story


def streamed(root: Path) -> Story:
    """Streams, cut by content: a dump, the same with a line more, an empty one."""
    story = Story(root, RepositorySettings())
    dump = bytes(story.disk(1 * MIB, 48 * KIB))
    story.back_up({"dump": dump, "nothing": b""}, as_streams=True)
    story.back_up({"dump": dump[:300_000] + b"one line more" + dump[300_000:]}, as_streams=True)
    return story


def noted(root: Path) -> Story:
    """What verify has found is noted: a damaged pack, that only a deleted point needs."""
    story = Story(root)
    story.back_up({"0": story.disk(128 * KIB)})
    gone = story.back_up({"0": story.disk(128 * KIB)}, machine="a machine that is gone")
    _damage_a_pack(story, gone)
    story.repository.remember(story.repository.verify(Level.FULL))
    story.delete(gone)
    if not any(story.storage.list(DAMAGE_PREFIX)):
        raise RuntimeError("nothing is noted")
    return story


def _damage_a_pack(story: Story, session_id: str) -> None:
    pack = next(story.storage.list(f"{PACKS_PREFIX}{session_id}/")).name
    data = bytearray(story.storage.get(pack))
    data[100] ^= 1  # in the first chunk
    story.storage.delete(pack)
    story.storage.put(pack, data)


def repaired(root: Path) -> Story:
    """A chunk was damaged and refilled from a second repository; notes of damage, moves."""
    story = Story(root)
    disk = story.disk(256 * KIB, 128 * KIB)
    second = Story(root.with_name("second"), seed=2)
    session_id = story.back_up({"0": disk})
    second.back_up({"0": disk})
    _damage_a_pack(story, session_id)
    story.repository.remember(story.repository.verify(Level.FULL))
    report = repair(story.repository, second.repository)
    if report.lost or not report.from_second:
        raise RuntimeError(f"the repair did not do what it should: {report}")
    story.repository.clean()  # the damaged pack goes; the point goes on naming it
    story.repository.remember(story.repository.verify(Level.FULL))
    return story


STORIES: Final[tuple[Callable[[Path], Story], ...]] = (
    fixed,
    aligned,
    machines,
    cleaned,
    moved,
    merged,
    keys,
    vault,
    deleted,
    locked,
    streamed,
    noted,
    repaired,
)


def pack_up(root: Path) -> bytes:
    """The folder as an archive; times and owners left out."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(path for path in root.rglob("*") if path.is_file()):
            member = tarfile.TarInfo(path.relative_to(root).as_posix())
            member.size = path.stat().st_size
            with path.open("rb") as file:
                archive.addfile(member, file)
    return zstandard.ZstdCompressor(level=19).compress(out.getvalue())


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for tell in STORIES:
        name = tell.__name__
        archive = FOLDER / f"{name}.tar.zst"
        if archive.exists():
            continue
        with tempfile.TemporaryDirectory() as folder:
            with drawn_from(SeededRandomness(len(name))):
                story = tell(Path(folder) / "repository")
            facts = {"about": tell.__doc__, **story.facts()}
            packed = pack_up(story.root)
        if len(packed) > MOST_BYTES:
            raise RuntimeError(f"{name} has {len(packed)} bytes, too many")
        archive.write_bytes(packed)
        text = json.dumps(facts, indent=2, ensure_ascii=False) + "\n"
        (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")
        with CHECKSUMS.open("a", encoding="ascii") as checksums:
            for frozen in (f"{name}.json", archive.name):
                digest = hashlib.sha256((FOLDER / frozen).read_bytes()).hexdigest()
                checksums.write(f"{digest}  {frozen}\n")
        print(f"{name}: {len(packed)} bytes")


if __name__ == "__main__":
    main()
