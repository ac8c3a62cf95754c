"""One disk of a point into one image or device."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from kyanite.azure.compute.vhd import fixed_footer
from kyanite.base.errors import Conflict, KyaniteError
from kyanite.base.json_types import JsonObject
from kyanite.cli.repo.dynamic_vhd import DynamicVhdTarget
from kyanite.cli.repo.image_target import ImageTarget
from kyanite.cli.repo.progress import Progress
from kyanite.engine.parallelism import Parallelism
from kyanite.engine.point import Point, PointDisk
from kyanite.engine.ranges import ByteRange
from kyanite.engine.repository import Repository
from kyanite.engine.restore import restore_disk

_FOOTERS: Final = uuid.UUID("9d1a3c53-58d2-4a4b-9f6d-2a1f1f6c7e10")
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+", re.ASCII)
_SUFFIXES: Final = {"raw": ".img", "vhd": ".vhd", "vhd-dynamic": ".vhd"}


@dataclass(frozen=True, slots=True)
class DiskOutcome:
    """What became of a disk. ``lost``: offset, length, reason of what is zeros instead."""

    disk_id: str
    name: str
    file: str
    read_bytes: int
    written_bytes: int
    resumed_bytes: int
    lost: tuple[tuple[int, int, str], ...]

    def to_json(self) -> JsonObject:
        return {
            "id": self.disk_id,
            "name": self.name,
            "file": self.file,
            "readBytes": self.read_bytes,
            "writtenBytes": self.written_bytes,
            "resumedBytes": self.resumed_bytes,
            "lost": [
                {"offset": offset, "length": length, "reason": reason}
                for offset, length, reason in self.lost
            ],
        }


@dataclass(frozen=True, slots=True)
class DiskRestore:
    """How the disks of a point are restored."""

    repository: Repository
    point: Point
    parallelism: Parallelism
    image_format: str
    overwrite: bool
    holes: bool
    as_json: bool
    sync: bool = True

    def run(self, disk: PointDisk, out: Path, part: ByteRange) -> DiskOutcome:
        """Restore a part of a disk; what an earlier attempt has written is not read again.

        Raises ``Conflict`` with what was kept, and what the restore raises.
        """
        identity: JsonObject = {
            "repository": self.repository.repository_id.hex(),
            "point": self.point.session_id,
            "disk": disk.disk_id,
            "offset": part.offset,
            "length": part.length,
        }
        target = self._target(disk, out, part, identity)
        progress = Progress(f"Restoring {disk.name}:", None, self.as_json)
        lost: list[tuple[int, int, str]] = []
        try:
            result = restore_disk(
                self.repository.storage,
                self.repository.read_keys,
                self.point,
                disk.disk_id,
                target,
                progress,
                already=target.already,
                parallelism=self.parallelism,
                holes=target.write_zeros if target.is_device else None,
                within=part,
                lost=(lambda *place: lost.append(place)) if self.holes else None,
            )
            if isinstance(target, DynamicVhdTarget):
                target.finish(self.sync)
            else:
                footer = self._footer(disk, part) if self.image_format == "vhd" else None
                target.finish(footer, self.sync)
        except BaseException as error:
            kept = target.keep()
            progress.end()
            if kept and isinstance(error, KyaniteError | OSError):
                text = str(error).rstrip(".")
                raise Conflict(f"{text}. {kept}") from error
            raise
        progress.end()
        return DiskOutcome(
            disk.disk_id,
            disk.name,
            out.name,
            result.read_bytes,
            result.written_bytes,
            target.already.covered_bytes,
            tuple(sorted(lost)),
        )

    def _target(
        self, disk: PointDisk, out: Path, part: ByteRange, identity: JsonObject
    ) -> ImageTarget | DynamicVhdTarget:
        if self.image_format != "vhd-dynamic":
            return ImageTarget(out, part, identity, self.overwrite)
        footer = self._footer(disk, part)
        return DynamicVhdTarget(out, part, footer.disk_uuid, footer.made_at)

    def _footer(self, disk: PointDisk, part: ByteRange) -> Footer:
        name = f"{self.point.session_id}/{disk.disk_id}/{part.offset}:{part.length}"
        return Footer(uuid.uuid5(_FOOTERS, name), _made_at(self.point.created_at))


@dataclass(frozen=True, slots=True)
class Footer:
    """Makes the footer of a fixed VHD; always the same for the same part of a point."""

    disk_uuid: uuid.UUID
    made_at: datetime

    def __call__(self, size_bytes: int) -> bytes:
        return fixed_footer(size_bytes, self.disk_uuid, self.made_at)


def file_names(disks: Sequence[PointDisk], image_format: str) -> Iterator[tuple[PointDisk, str]]:
    """A file name for every disk: harmless, whatever the point calls them, and no two alike."""
    taken: set[str] = set()
    for disk in disks:
        stem = _UNSAFE.sub("_", disk.name).strip("._")[:100] or "disk"
        name, number = stem, 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.casefold())
        yield disk, name + _SUFFIXES[image_format]


def _made_at(text: str) -> datetime:
    """A point of another program may say any time, or none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return datetime(2000, 1, 1, tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
