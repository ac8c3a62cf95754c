"""Bad use of ``kyanite repo``: one sentence, exit status 1, and nothing lost."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from kyanite.base.units import KIB, MIB
from support.repo_command import Repo
from support.waiting import eventually

CONTENTS = random.Random(1).randbytes(2 * MIB)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.with_one_point(tmp_path, CONTENTS)


def _is_one_sentence(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 1, (done.stdout, done.stderr)
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("kyanite: ")
    for word in words:
        assert word in lines[0], lines[0]


def _with_small_files(
    repo: Repo, most_bytes: int, *words: str | Path
) -> subprocess.CompletedProcess[str]:
    """Run the command where no file may grow above ``most_bytes``: as on a disk that is full."""
    program = (
        "import resource, sys\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({most_bytes}, {most_bytes}))\n"
        "from kyanite.cli.main import main\n"
        "sys.argv = ['kyanite', 'repo', *sys.argv[1:]]\n"
        "main()\n"
    )
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, words), *_password(repo)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def _password(repo: Repo) -> tuple[str, str]:
    return "--password-file", str(repo.password_file)


def _is_whole(repo: Repo) -> None:
    assert "no damage" in repo.ok("verify", repo.address, "--level", "full")
    repo.ok("restore", repo.address, "monday", repo.folder / "check")
    assert (repo.folder / "check").read_bytes() == CONTENTS
    facts = json.loads(repo.ok("info", repo.address, "--json"))
    assert (facts["points"], facts["openSessions"]) == (1, [])


def test_a_target_on_a_full_disk(repo: Repo) -> None:
    done = _with_small_files(
        repo, 100 * KIB, "restore", repo.address, "monday", repo.folder / "out"
    )
    _is_one_sentence(done, "no room for", "out", "Make room", "again")
    assert list(repo.folder.glob("out*")) == []
    _is_whole(repo)


def test_a_repository_on_a_full_disk(repo: Repo) -> None:
    image = repo.folder / "other.img"
    image.write_bytes(random.Random(2).randbytes(2 * MIB))
    done = _with_small_files(repo, 100 * KIB, "backup", repo.address, image, "--label", "tuesday")
    _is_one_sentence(done, "packs/")
    _is_whole(repo)


def test_a_wrong_password(repo: Repo) -> None:
    image = repo.folder / "disk.img"
    for words in (
        ("restore", repo.address, "monday", repo.folder / "out"),
        ("backup", repo.address, image, "--label", "x"),
        ("verify", repo.address),
        ("repair", repo.address),
        ("clean", repo.address, "--delete", "monday"),
    ):
        _is_one_sentence(repo.run(*words, password="wrong"), "password")
    assert not (repo.folder / "out").exists()
    _is_whole(repo)


def test_a_target_that_exists(repo: Repo) -> None:
    out = repo.folder / "out"
    out.write_bytes(b"precious")
    _is_one_sentence(repo.run("restore", repo.address, "monday", out), "exists already", str(out))
    assert out.read_bytes() == b"precious"


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is denied to root")
def test_a_storage_that_says_no(repo: Repo) -> None:
    folder = repo.folder / "repository" / "packs"
    folder.chmod(0o500)
    try:
        image = repo.folder / "other.img"
        image.write_bytes(random.Random(2).randbytes(MIB))
        done = repo.run("backup", repo.address, image, "--label", "tuesday")
        _is_one_sentence(done, "packs")
    finally:
        folder.chmod(0o700)
    _is_whole(repo)


def test_an_image_that_shrinks_while_it_is_read(repo: Repo) -> None:
    image = repo.folder / "big.img"
    size = 1024 * MIB
    with image.open("wb") as file:
        for at in range(0, size, 64 * MIB):
            file.seek(at)
            file.write(random.Random(at).randbytes(8 * MIB))
        file.truncate(size)
    before = set(repo.objects("sessions"))
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "kyanite", "repo", "backup", repo.address, str(image)),
            *("--label", "tuesday", *_password(repo)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    eventually(lambda: set(repo.objects("sessions")) != before)  # it begins to read
    os.truncate(image, 4096)
    _, said = process.communicate(timeout=120)
    done = subprocess.CompletedProcess([], process.returncode, "", said)
    _is_one_sentence(done, str(image), "ended at", "must not change")
    _is_whole(repo)
