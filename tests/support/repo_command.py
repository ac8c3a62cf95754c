"""``kyanite repo`` as people use it: a process, an address, a password, an exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from kyanite.base.json_types import JsonObject, as_object

PASSWORD = "open sesame"


class Repo:
    """A folder for one test, and the command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = (folder / "repository").as_uri()
        self.password_file = folder / "password"
        self.password_file.write_text(PASSWORD + "\n")

    @classmethod
    def with_one_point(cls, folder: Path, contents: bytes) -> Repo:
        """A repository with one point of one disk: ``disk.img`` in the folder, monday."""
        repo = cls(folder)
        repo.ok("init", repo.address)
        (folder / "disk.img").write_bytes(contents)
        repo.ok("backup", repo.address, folder / "disk.img", "--label", "monday")
        return repo

    def run(
        self, *words: str | Path, password: str | None = None, stdin: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("KYANITE_")}
        command = [sys.executable, "-m", "kyanite", "repo", *map(str, words)]
        if password is None:
            command += ["--password-file", str(self.password_file)]
        else:
            environment["KYANITE_REPOSITORY_PASSWORD"] = password
        with (stdin or Path(os.devnull)).open("rb") as given:
            return subprocess.run(
                command,
                env=environment,
                stdin=given,
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )

    def ok(self, *words: str | Path) -> str:
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *words: str | Path) -> JsonObject:
        """The document that a command prints."""
        return as_object(json.loads(self.ok(*words, "--json")))

    def refused(self, *words: str | Path, status: int = 1) -> str:
        """What the command says when it fails: one sentence for people, no traceback."""
        done = self.run(*words)
        assert done.returncode == status, (done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done.stderr

    def objects(self, prefix: str) -> list[Path]:
        """The files of the repository below a folder."""
        folder = self.folder / "repository" / prefix
        return sorted(path for path in folder.rglob("*") if path.is_file())
