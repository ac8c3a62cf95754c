"""``kyanite repo copy``: to another address with another password, once."""

from __future__ import annotations

import json
import random
from pathlib import Path

from kyanite.base.units import KIB
from support.repo_command import Repo


def test_points_are_copied_to_another_repository_and_restored_from_it(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    repo.ok("init", repo.address)
    image = tmp_path / "disk.img"
    contents = random.Random(1).randbytes(900 * KIB)
    image.write_bytes(contents)
    repo.ok("backup", repo.address, image, "--label", "monday")
    folder = tmp_path / "far"
    folder.mkdir()
    far = Repo(folder)
    far.password_file.write_text("another password\n")
    words = ("copy", repo.address, far.address, "--second-password-file", far.password_file)
    assert "no Kyanite repository" in repo.refused(*words)
    far.ok("init", far.address)
    (done,) = json.loads(repo.ok(*words, "--json"))
    assert not done["wasThere"]
    assert done["storedBytes"] > 900 * KIB
    assert repo.ok(*words).splitlines()[-1].startswith("Copied 0 of 1 points")
    far.ok("restore", far.address, "monday", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == contents
    assert "no damage" in far.ok("verify", far.address, "--level", "full")
    far.password_file.write_text("wrong\n")
    assert "password" in repo.refused(*words)
