"""``kyanite repo`` as people use it: a process, an address, a password, an exit status."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kyanite.base.errors import Conflict
from kyanite.base.units import KIB, MIB
from kyanite.cli.repo.image import ImageSource
from kyanite.engine.storage.folder_versions import VersionedFolderStorage
from support.repo_command import PASSWORD, Repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo(tmp_path)
    repo.ok("init", repo.address)
    return repo


def _image(path: Path, seed: int) -> bytes:
    contents = bytearray(6 * MIB)
    contents[MIB : 3 * MIB] = random.Random(seed).randbytes(2 * MIB)
    contents[4 * MIB : 5 * MIB] = b"words and words " * (MIB // 16)
    path.write_bytes(contents)
    return bytes(contents)


def test_a_disk_goes_in_changes_and_comes_back_from_both_points(repo: Repo) -> None:
    image = repo.folder / "disk.img"
    first = _image(image, 1)
    repo.ok("backup", repo.address, image, "--label", "monday")
    second = bytearray(first)
    second[MIB : MIB + 5] = b"later"
    second[2 * MIB : 2 * MIB + 600 * KIB] = bytes(600 * KIB)
    image.write_bytes(second)
    changes = repo.folder / "changes.json"
    ranges = [
        {"offset": MIB, "length": 5, "zero": False},
        {"offset": 2 * MIB, "length": 600 * KIB, "zero": True},
    ]
    changes.write_text(json.dumps({"size": len(second), "ranges": ranges}))
    said = repo.ok(
        *("backup", repo.address, image, "--label", "tuesday"),
        *("--changes", changes, "--parent", "monday"),
    )
    assert said.startswith("Incremental tuesday")

    points = json.loads(repo.ok("list", repo.address, "--json"))
    assert [(p["label"], p["kind"]) for p in points] == [
        ("monday", "Full"),
        ("tuesday", "Incremental"),
    ]
    assert points[1]["parent"] == points[0]["id"]
    assert "tuesday" in repo.ok("list", repo.address)

    for label, contents in (("monday", first), ("tuesday", bytes(second))):
        out = repo.folder / f"{label}.out"
        repo.ok("restore", repo.address, label, out)
        assert out.read_bytes() == contents
        assert os.stat(out).st_blocks * 512 < len(contents)  # holes stay holes
    assert "no damage" in repo.ok("verify", repo.address, "--level", "full")
    facts = json.loads(repo.ok("info", repo.address, "--json"))
    assert facts["points"] == 2
    assert facts["openSessions"] == []


def test_damage_is_named_and_ends_with_status_1(repo: Repo) -> None:
    image = repo.folder / "disk.img"
    _image(image, 1)
    repo.ok("backup", repo.address, image, "--label", "monday")
    (pack,) = [p for p in (repo.folder / "repository" / "packs").rglob("*") if p.is_file()]
    data = bytearray(pack.read_bytes())
    data[500_000] ^= 4
    pack.write_bytes(data)
    assert repo.run("verify", repo.address, "--level", "present").returncode == 0
    done = repo.run("verify", repo.address, "--level", "full")
    assert done.returncode == 1
    assert pack.name in done.stdout
    assert "hurts monday" in done.stdout
    said = repo.refused("restore", repo.address, "monday", repo.folder / "out")
    assert "damaged" in said
    assert not (repo.folder / "out").exists()


def test_deleted_points_give_their_space_back(repo: Repo) -> None:
    image = repo.folder / "disk.img"
    _image(image, 1)
    repo.ok("backup", repo.address, image, "--label", "monday")
    said = repo.ok("clean", repo.address, "--delete", "monday")
    assert said.startswith("Deleted 1 packs")
    assert json.loads(repo.ok("list", repo.address, "--json")) == []
    assert [p for p in (repo.folder / "repository" / "packs").rglob("*") if p.is_file()] == []


def test_passwords_can_be_added_and_changed(repo: Repo) -> None:
    new = repo.folder / "new"
    new.write_text("second")
    repo.ok("key", "add-password", repo.address, "--new-password-file", new)
    assert repo.run("list", repo.address, password="second").returncode == 0
    new.write_text("third")
    repo.ok("key", "change-password", repo.address, "--new-password-file", new)
    assert repo.run("list", repo.address, password="third").returncode == 0
    assert repo.run("list", repo.address, password="second").returncode == 0
    assert repo.run("list", repo.address, password=PASSWORD).returncode == 1


def test_a_recovery_key_is_shown_once_and_opens(repo: Repo) -> None:
    printed = repo.ok("key", "new-recovery", repo.address, "--label", "safe").splitlines()[-1]
    assert repo.run("list", repo.address, password=printed).returncode == 0
    slots = json.loads(repo.ok("key", "list", repo.address, "--json"))
    ids = {(slot["kind"], slot["label"]): slot["id"] for slot in slots}
    repo.ok("key", "remove", repo.address, ids["recovery", "safe"])
    assert repo.run("list", repo.address, password=printed).returncode == 1
    assert "last key slot" in repo.refused("key", "remove", repo.address, ids["password", ""])


def test_after_a_rotation_only_the_new_password_opens_old_and_new_points(repo: Repo) -> None:
    image, out, new = (repo.folder / name for name in ("disk.img", "out.img", "new"))
    _image(image, 1)
    repo.ok("backup", repo.address, image, "--label", "before")
    new.write_text("second")
    said = repo.ok("key", "rotate", repo.address, "--new-password-file", new, "--recovery")
    assert "old keys" in said
    assert "rotated" in repo.refused("list", repo.address) or "does not open" in repo.refused(
        "list", repo.address
    )
    repo.password_file.write_text("second")
    repo.ok("backup", repo.address, image, "--label", "after")
    for label in ("before", "after"):
        repo.ok("restore", repo.address, label, out)
        assert out.read_bytes() == image.read_bytes()
        out.unlink()
    assert repo.run("list", repo.address, password=said.splitlines()[-1]).returncode == 0


def test_the_maintenance_key_lists_cleans_and_rebuilds_but_restores_nothing(repo: Repo) -> None:
    image, key = repo.folder / "disk.img", repo.folder / "maintenance.key"
    _image(image, 1)
    repo.ok("backup", repo.address, image, "--label", "monday")
    repo.ok("key", "export-maintenance", repo.address, key)
    assert key.stat().st_mode & 0o777 == 0o600
    assert "exists already" in repo.refused("key", "export-maintenance", repo.address, key)
    repo.password_file.write_text("forgotten")
    words: list[str | Path] = [repo.address, "--maintenance-key-file", key]
    for command in (["list"], ["rebuild-index"], ["verify"], ["clean"]):
        done = repo.run(*command, *words, password="")
        assert done.returncode == 0, done.stderr
    assert repo.run("verify", "--level", "full", *words, password="").returncode == 2
    assert repo.run("restore", repo.address, "monday", "x", password="").returncode == 2
    assert "not both" in repo.refused("list", *words, status=2)


def test_a_locked_point_is_restored_as_of_before_the_attack(repo: Repo) -> None:
    folder, image, out = (repo.folder / name for name in ("repository", "disk.img", "out.img"))
    (folder / ".versions").mkdir()  # a folder that keeps versions, as a container can
    _image(image, 1)
    repo.ok("backup", repo.address, image, "--label", "monday")
    assert "not protected" in repo.ok("locks", repo.address)
    locked = json.loads(repo.ok("lock", repo.address, "--days", "3", "--json"))
    assert locked["points"][0]["protectedUntil"] == locked["points"][0]["wantedUntil"]
    assert locked["extended"] > 5
    assert locked["drift"] == []
    assert "locked" in repo.refused("clean", repo.address, "--delete", "monday")
    before = datetime.now(UTC).isoformat()
    storage = VersionedFolderStorage(folder)
    for info in list(storage.list("")):
        storage.overwrite(info.name, b"garbage")
        storage.delete(info.name)
    repo.refused("restore", repo.address, "monday", out)
    assert "monday" in repo.ok("list", repo.address, "--as-of", before)
    repo.ok("restore", repo.address, "--as-of", before, "monday", out)
    assert out.read_bytes() == image.read_bytes()
    repo.refused("backup", repo.address, image, "--label", "x", "--lock-days", "0", status=2)
    assert "is no time" in repo.refused("list", repo.address, "--as-of", "yesterday", status=2)
    repo.refused("lock", repo.address, "--days", "3", "--until", "2030-01-01", status=2)


def test_a_backup_can_be_locked_as_it_is_made(repo: Repo) -> None:
    image = repo.folder / "disk.img"
    _image(image, 1)
    words: list[str | Path] = ["backup", repo.address, image, "--label", "monday"]
    words += ["--lock-days", "9"]
    assert "immutability" in repo.refused(*words, status=1)
    assert json.loads(repo.ok("list", repo.address, "--json")) == []
    (repo.folder / "repository" / ".versions").mkdir()
    assert "not protected" not in repo.ok(*words)
    (point,) = json.loads(repo.ok("locks", repo.address, "--json"))["points"]
    assert point["wantedUntil"] == point["protectedUntil"] is not None


def test_what_goes_wrong_is_one_sentence_and_a_status(repo: Repo) -> None:
    image = repo.folder / "disk.img"
    _image(image, 1)
    repo.ok("backup", repo.address, image, "--label", "monday")
    out = repo.folder / "out"
    out.write_bytes(b"precious")

    wrong = repo.run("list", repo.address, password="wrong")
    assert wrong.returncode == 1
    assert "password" in wrong.stderr
    assert "repository already" in repo.refused("init", repo.address)
    assert "exists already" in repo.refused("restore", repo.address, "monday", out)
    assert "no block device" in repo.refused("restore", repo.address, "monday", out, "--overwrite")
    assert out.read_bytes() == b"precious"
    assert "no point" in repo.refused("restore", repo.address, "sunday", repo.folder / "new")
    assert not (repo.folder / "new").exists()
    elsewhere = (repo.folder / "nowhere").as_uri()
    assert "no Kyanite repository" in repo.refused("list", elsewhere)
    repo.refused("backup", repo.address, repo.folder / "none.img", "--label", "x", status=2)
    repo.refused("backup", repo.address, image, "--label", "x", "--parent", "monday", status=2)
    repo.refused("list", "ftp://somewhere/else", status=2)
    said = repo.refused("list", "https://account/container?sig=secret", status=2)
    assert "KYANITE_STORAGE_SAS" in said
    assert "secret" not in said
    repo.refused("frobnicate", status=2)
    no_password = repo.run("list", repo.address, password="")
    assert no_password.returncode == 2


def test_a_range_list_of_another_disk_is_refused(repo: Repo) -> None:
    image = repo.folder / "disk.img"
    _image(image, 1)
    changes = repo.folder / "ranges.json"
    changes.write_text(json.dumps({"size": 5 * MIB, "ranges": []}))
    said = repo.refused(
        "backup", repo.address, image, "--label", "x", "--changes", changes, status=2
    )
    assert "5242880" in said
    assert json.loads(repo.ok("list", repo.address, "--json")) == []


def test_an_image_that_shrinks_while_it_is_read_is_an_error_and_not_zeros(
    tmp_path: Path,
) -> None:
    image = tmp_path / "disk.img"
    _image(image, 1)
    with ImageSource(image) as source:
        os.truncate(image, 5 * MIB)
        with pytest.raises(Conflict, match="must not change"):
            source.read_into(5 * MIB - 100, memoryview(bytearray(4096)))


def test_the_command_starts_fast_because_it_imports_only_what_it_needs() -> None:
    program = (
        "import sys; from kyanite.cli.main import kyanite\n"
        "from kyanite.cli.repo.backup import command\n"
        "heavy = {'numpy', 'rich', 'fastapi', 'sqlalchemy', 'pydantic', 'azure', 'urllib3'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_clean_shows_its_plan_first_and_diff_names_what_changed(repo: Repo) -> None:
    chooser = random.Random(6)
    image = repo.folder / "disk.img"
    contents = bytearray(chooser.randbytes(3 * MIB))
    image.write_bytes(contents)
    repo.ok("backup", repo.address, image, "--label", "one")
    contents[MIB : MIB + 8 * KIB] = chooser.randbytes(8 * KIB)
    image.write_bytes(contents)
    repo.ok("backup", repo.address, image, "--label", "two")
    (disk,) = json.loads(repo.ok("diff", repo.address, "one", "two", "--json"))
    assert disk["beforeBytes"] == disk["afterBytes"] == 3 * MIB
    assert 8 * KIB <= disk["differentBytes"] <= 2 * MIB
    assert any(
        one["offset"] <= MIB and one["offset"] + one["length"] >= MIB + 8 * KIB
        for one in disk["ranges"]
    )
    assert "may differ" in repo.ok("diff", repo.address, "one", "two")
    assert "nothing differs" in repo.ok("diff", repo.address, "one", "one")
    assert "0 packs" in repo.ok("clean", repo.address, "--plan")
    assert "leave out" in repo.refused("clean", repo.address, "--plan", "--delete", "one", status=2)
    assert "Moved" in repo.ok("clean", repo.address, "--repack", "1", "--whole")
    assert "Deleted" in repo.ok("clean", repo.address, "--delete", "one", "--delete", "two")
    assert repo.ok("list", repo.address) == ""


def test_a_stream_from_standard_input_is_restored_byte_by_byte(repo: Repo) -> None:
    stream = repo.folder / "dump"
    stream.write_bytes(random.Random(7).randbytes(1_234_567))
    words = ("backup", repo.address, "-", "--label", "dump", "--limit-upload", "100M")
    done = repo.run(*words, "--limit-download", "100M", "--uploads", "1", stdin=stream)
    assert done.returncode == 0, done.stderr
    out = repo.folder / "restored"
    repo.ok("restore", repo.address, "dump", out)
    assert out.read_bytes() == stream.read_bytes()


def test_a_stream_takes_no_list_of_changes(repo: Repo) -> None:
    words = ("backup", repo.address, "-", "--label", "dump", "--changes", "none.json")
    assert "always taken whole" in repo.refused(*words, status=2)
