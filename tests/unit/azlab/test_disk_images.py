"""Shipped disk images and VHD footers."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
import zstandard

from azlab.services.disks.footer import is_footer_of, make_footer
from azlab.services.disks.image_file import image_size_bytes, lay_image, write_image
from azlab.services.disks.store import PageStore


def test_an_image_gives_back_the_disk_it_was_made_from(tmp_path: Path) -> None:
    rng = random.Random(8)
    raw = tmp_path / "disk.raw"
    size = 256 << 20
    with raw.open("wb") as file:
        file.truncate(size)
        for _ in range(10):
            file.seek(rng.randrange(size // 512 - 20_000) * 512)
            file.write(rng.randbytes(rng.choice([512, 4096, 70_000, 1_200_000])))
        file.seek(size - 512)
        file.write(b"e" * 512)
    image = tmp_path / "disk.img.zst"
    write_image(raw, image)
    assert image_size_bytes(image) == size
    store = PageStore(tmp_path / "store")
    store.create("disk", size)
    lay_image(image, store, "disk")
    with raw.open("rb") as file:
        for offset in range(0, size, 64 << 20):
            assert store.read("disk", offset, 64 << 20) == file.read(64 << 20)
    with pytest.raises(ValueError, match="ends in the middle"):
        _lay_torn(tmp_path, store)


def _lay_torn(tmp_path: Path, store: PageStore) -> None:
    torn = tmp_path / "torn.img.zst"
    head = b'{"sizeBytes": 4096}\n' + (0).to_bytes(8, "little") + (4096).to_bytes(4, "little")
    torn.write_bytes(zstandard.ZstdCompressor().compress(head + b"short"))
    lay_image(torn, store, "disk")


def test_a_footer_is_that_of_a_fixed_vhd_of_its_size() -> None:
    footer = make_footer(30 << 30, "a-disk", datetime(2026, 1, 1, tzinfo=UTC))
    assert len(footer) == 512
    assert footer.startswith(b"conectix")
    assert int.from_bytes(footer[48:56], "big") == 30 << 30
    assert int.from_bytes(footer[60:64], "big") == 2, "a fixed disk"
    stated = int.from_bytes(footer[64:68], "big")
    assert stated == ~(sum(footer) - sum(footer[64:68])) & 0xFFFFFFFF
    assert footer == make_footer(30 << 30, "a-disk", datetime(2026, 1, 1, tzinfo=UTC))
    assert is_footer_of(footer, 30 << 30)
    assert not is_footer_of(footer, 31 << 30)
    assert not is_footer_of(b"x" + footer[1:], 30 << 30)
    assert not is_footer_of(None, 30 << 30)
