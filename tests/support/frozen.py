"""The frozen repositories (tools/freeze_repositories.py): unpacked, with what is in them."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import zstandard

FOLDER = Path(__file__).resolve().parent.parent / "frozen"
NAMES = sorted(path.name.removesuffix(".tar.zst") for path in FOLDER.glob("*.tar.zst"))
_OTHER_SECRETS = ("maintenance_key", "vault_private_key")


@dataclass(frozen=True)
class FrozenDisk:
    size_bytes: int
    sha256: str

    def is_of(self, contents: bytes | bytearray) -> bool:
        found = hashlib.sha256(contents).hexdigest()
        return len(contents) == self.size_bytes and found == self.sha256


@dataclass(frozen=True)
class FrozenPoint:
    label: str
    machine_id: str
    recipe_sha256: str
    disks: Mapping[str, FrozenDisk]


@dataclass(frozen=True)
class FrozenRepository:
    """``secrets``: password, maintenance_key and others; ``points`` by session."""

    root: Path
    secrets: Mapping[str, str]
    points: Mapping[str, FrozenPoint]

    @property
    def data_secrets(self) -> list[str]:
        """What opens the data: passwords and recovery keys."""
        return [value for name, value in self.secrets.items() if name not in _OTHER_SECRETS]


def thaw(name: str, folder: Path) -> FrozenRepository:
    """Unpack a frozen repository below ``folder``."""
    facts = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    packed = (FOLDER / f"{name}.tar.zst").read_bytes()
    root = folder / name
    unpacked = zstandard.ZstdDecompressor().decompressobj().decompress(packed)
    with tarfile.open(fileobj=io.BytesIO(unpacked)) as archive:
        archive.extractall(root, filter="data")
    points = {
        session_id: FrozenPoint(
            point["label"],
            point["machine_id"],
            point["recipe_sha256"],
            {disk: FrozenDisk(**values) for disk, values in point["disks"].items()},
        )
        for session_id, point in facts["points"].items()
    }
    return FrozenRepository(root, facts["secrets"], points)
