"""Makes the disk images of the scene ``small``: ``python -m azlab.scenes.make_images``.

Needs Debian's ``e2fsprogs``, ``ntfs-3g``, ``dosfstools``, ``mtools`` and ``gdisk``; no root,
no loop devices. The results are checked in under ``images/``, so only who changes them runs
this. Contents, ids and times are fixed: the same tools make the same images.

Linux disks hold ext4, in a GPT partition with an EFI partition beside it (system) or on the
whole disk (data). Windows-like disks hold NTFS in a GPT partition. The FAT disk holds FAT32
in an MBR-less whole disk, as small appliances do.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from azlab.services.disks.image_file import write_image

IMAGES = Path(__file__).parent / "images"
_MIB = 1 << 20
_GIB = 1 << 30
_EPOCH = 1767225600  # 2026-01-01T00:00:00Z
_EFI_MIB = 106
_WORDS = [
    "backup",
    "restore",
    "snapshot",
    "region",
    "policy",
    "ledger",
    "invoice",
    "customer",
    "harbour",
    "granite",
    "pump",
    "sensor",
    "valve",
    "winter",
    "summer",
    "order",
    "shipment",
    "draft",
    "final",
    "copper",
    "kyanite",
    "river",
    "bridge",
]


@dataclass(frozen=True, slots=True)
class Plan:
    """One image: its file system, its size and how many files of which kind it holds."""

    name: str
    file_system: str
    size_bytes: int
    system: bool
    texts: int
    binary_kib: int
    seed: int


PLANS = (
    Plan("linux-system", "ext4", 30 * _GIB, True, 180, 256, 11),
    Plan("linux-data", "ext4", 64 * _GIB, False, 60, 192, 12),
    Plan("windows-system", "ntfs", 127 * _GIB, True, 120, 192, 13),
    Plan("windows-data", "ntfs", 64 * _GIB, False, 40, 256, 14),
    Plan("fat-data", "fat32", 32 * _GIB, False, 50, 128, 15),
)


def make_image(plan: Plan, work: Path) -> Path:
    """Make one image and return its path."""
    tree = work / "tree"
    _write_tree(plan, tree)
    raw = work / "disk.raw"
    _sparse(raw, plan.size_bytes)
    if plan.file_system == "fat32":
        _make_fat(raw, tree, plan.seed, bits=32)
    elif plan.file_system == "ext4" and not plan.system:
        _make_ext4(raw, tree, plan.seed)
    else:
        _make_partitioned(plan, raw, tree, work)
    target = IMAGES / f"{plan.name}.img.zst"
    write_image(raw, target)
    return target


def _make_partitioned(plan: Plan, raw: Path, tree: Path, work: Path) -> None:
    """GPT: an EFI partition when the disk boots, then the main one up to the end."""
    run = _Runner(plan.seed)
    efi_sectors = _EFI_MIB * _MIB // 512 if plan.system else 0
    first = 2048 + efi_sectors
    last = plan.size_bytes // 512 - 2048
    kind = "8300" if plan.file_system == "ext4" else "0700"
    arguments = ["-U", _uuid(plan.seed, 0)]
    if plan.system:
        arguments += ["-n", f"15:2048:{first - 1}", "-t", "15:EF00", "-u", f"15:{_uuid(1, 1)}"]
    arguments += ["-n", f"1:{first}:{last}", "-t", f"1:{kind}", "-u", f"1:{_uuid(plan.seed, 2)}"]
    run("sgdisk", *arguments, str(raw))
    part = work / "partition.raw"
    _sparse(part, (last - first + 1) * 512)
    if plan.file_system == "ext4":
        _make_ext4(part, tree, plan.seed)
    else:
        _make_ntfs(part, tree, plan.seed, first)
    _copy_into(part, raw, first * 512)
    if plan.system:
        efi = work / "efi.raw"
        boot = work / "boot"
        (boot / "EFI").mkdir(parents=True)
        (boot / "EFI" / "boot.cfg").write_text("timeout=5\ndefault=0\n")
        _sparse(efi, efi_sectors * 512)
        _make_fat(efi, boot, plan.seed, bits=32)
        _copy_into(efi, raw, 2048 * 512)


def _make_ext4(target: Path, tree: Path, seed: int) -> None:
    options = f"lazy_itable_init=1,lazy_journal_init=1,nodiscard,hash_seed={_uuid(seed, 3)}"
    arguments = ["-q", "-F", "-L", "data", "-U", _uuid(seed, 4), "-E", options, "-d", str(tree)]
    _Runner(seed)("mkfs.ext4", *arguments, str(target))


def _make_ntfs(target: Path, tree: Path, seed: int, first_sector: int) -> None:
    """NTFS without a mount: ``ntfscp`` puts files into the root directory."""
    run = _Runner(seed)
    geometry = ["-p", str(first_sector), "-H", "255", "-S", "63"]
    run("mkntfs", "-Q", "-F", "-q", "-L", "Data", *geometry, str(target))
    for path in sorted(path for path in tree.rglob("*") if path.is_file()):
        name = "-".join(path.relative_to(tree).parts)
        run("ntfscp", "-q", "-f", str(target), str(path), name)


def _make_fat(target: Path, tree: Path, seed: int, bits: int) -> None:
    run = _Runner(seed)
    run(
        "mkfs.vfat", "-F", str(bits), "-n", "KYANITE", "-i", f"{0xC0DE0000 + seed:08X}", str(target)
    )
    run("mcopy", "-s", "-m", "-i", str(target), *map(str, sorted(tree.iterdir())), "::/")


def _write_tree(plan: Plan, tree: Path) -> None:
    """Text files in a few folders and one block of incompressible bytes."""
    rng = random.Random(plan.seed)
    for number in range(plan.texts):
        folder = tree / rng.choice(["etc", "home/anna", "home/otto", "srv/reports"])
        folder.mkdir(parents=True, exist_ok=True)
        words = rng.choices(_WORDS, k=rng.randrange(20, 900))
        (folder / f"note-{number:03}.txt").write_text(" ".join(words) + "\n")
    (tree / "etc").mkdir(parents=True, exist_ok=True)
    (tree / "etc" / "hostname").write_text(f"{plan.name}\n")
    (tree / "random.bin").write_bytes(rng.randbytes(plan.binary_kib * 1024))
    (tree / "empty.dat").write_bytes(b"")
    for path in [tree, *tree.rglob("*")]:
        os.utime(path, (_EPOCH, _EPOCH))


class _Runner:
    """Runs a tool with fixed times and stops at the first failure."""

    def __init__(self, seed: int) -> None:
        fixed: Mapping[str, str] = {
            "E2FSPROGS_FAKE_TIME": str(_EPOCH + seed),
            "SOURCE_DATE_EPOCH": str(_EPOCH + seed),
            "MTOOLS_SKIP_CHECK": "1",
            "TZ": "UTC",
        }
        path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
        self._environment = {**os.environ, **fixed, "PATH": path}

    def __call__(self, tool: str, *arguments: str) -> None:
        done = subprocess.run(
            [tool, *arguments], env=self._environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{tool} failed: {done.stderr or done.stdout}")


def _sparse(path: Path, size_bytes: int) -> None:
    with path.open("wb") as file:
        file.truncate(size_bytes)


def _copy_into(part: Path, raw: Path, offset: int) -> None:
    """Copy the filled ranges of a partition to their place on the disk."""
    with part.open("rb") as source, raw.open("r+b") as target:
        position = 0
        while True:
            try:
                position = os.lseek(source.fileno(), position, os.SEEK_DATA)
            except OSError:
                return
            hole = os.lseek(source.fileno(), position, os.SEEK_HOLE)
            while position < hole:
                block = os.pread(source.fileno(), min(_MIB, hole - position), position)
                if block.strip(b"\0"):
                    os.pwrite(target.fileno(), block, offset + position)
                position += len(block)


def _uuid(seed: int, number: int) -> str:
    return f"6b79616e-0000-4000-8000-{seed:06x}{number:06x}"


def main() -> None:
    """Make every image anew."""
    IMAGES.mkdir(exist_ok=True)
    for plan in PLANS:
        work = Path(tempfile.mkdtemp(prefix="azlab-image-"))
        try:
            target = make_image(plan, work)
            print(f"{target.name}: {target.stat().st_size / 1024:.0f} KiB")
        finally:
            shutil.rmtree(work)


if __name__ == "__main__":
    main()
