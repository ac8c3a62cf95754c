"""``kyanite repo verify | repair | excise`` as people use them."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from kyanite.base.identifiers import new_id
from kyanite.base.units import KIB
from support.repo_command import Repo

CONTENTS = random.Random(1).randbytes(900 * KIB)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.with_one_point(tmp_path, CONTENTS)


def _flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def test_damage_is_found_noted_restored_around_and_repaired_from_another_repository(
    repo: Repo,
) -> None:
    folder = repo.folder / "far"
    folder.mkdir()
    far = Repo(folder)
    far.ok("init", far.address)
    far.ok("backup", far.address, repo.folder / "disk.img", "--label", "there")
    (pack,) = repo.objects("packs")
    _flip(pack, 5000)
    done = repo.run("verify", repo.address, "--rolling", "--days", "1", "--json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    (damage,) = report["damages"]
    assert damage["name"].endswith(pack.name)
    assert {hurt["label"] for hurt in damage["hurts"]} == {"monday"}
    assert report["points"][0]["hurt"]
    assert len(repo.objects("damage")) == 1

    said = repo.json("restore", repo.address, "monday", repo.folder / "out", "--holes")
    disks = said["disks"]
    assert isinstance(disks, list)
    assert disks[0]["lost"]
    listed = json.loads(repo.ok("list", repo.address, "--json"))
    assert listed[0]["holes"]

    alone = repo.run("repair", repo.address)
    assert alone.returncode == 1
    assert "INCOMPLETE monday" in alone.stdout
    assert "--from" in alone.stdout
    words = ("--from", far.address, "--second-password-file", far.password_file)
    assert "1 of them from the other" in repo.ok("repair", repo.address, *words)
    repo.ok("clean", repo.address)
    assert "no damage found" in repo.ok("verify", repo.address, "--level", "full")
    repo.ok("restore", repo.address, "monday", repo.folder / "whole")
    assert (repo.folder / "whole").read_bytes() == CONTENTS
    assert not json.loads(repo.ok("list", repo.address, "--json"))[0]["holes"]
    assert repo.objects("damage") == []


def test_an_excised_session_is_healed_by_the_next_backup_and_a_repair(repo: Repo) -> None:
    (point,) = json.loads(repo.ok("list", repo.address, "--json"))
    said = repo.ok("excise", repo.address, str(point["id"]))
    assert "hurts monday" in said
    assert "monday" in repo.run("verify", repo.address).stdout
    repo.refused("restore", repo.address, "monday", repo.folder / "no")
    repo.ok("backup", repo.address, repo.folder / "disk.img", "--label", "tuesday")
    repo.ok("repair", repo.address)
    repo.ok("restore", repo.address, "monday", repo.folder / "yes")
    assert (repo.folder / "yes").read_bytes() == CONTENTS
    assert "no packs" in repo.refused("excise", repo.address, new_id())
