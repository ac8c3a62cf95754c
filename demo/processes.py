"""The programs that the demonstration starts, and their end."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from demo.appliance import Appliance
from demo.azure import Lab

START_SECONDS = 60
STOP_SECONDS = 20


class DidNotStart(Exception):
    """A program ended, or did not answer in time."""


class House:
    """A lab and an appliance with a folder of their own; both end with ``close``."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(tempfile.mkdtemp(prefix="kyanite-demo-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self._running: list[subprocess.Popen[bytes]] = []
        self._left = False

    def start_lab(self) -> Lab:
        """Start the lab; it says where it is when everything answers."""
        data = self.folder / "lab"
        process = self._start("azlab", ["azlab", "serve", "--data", str(data)], {})
        facts = data / "lab.json"
        self._wait_for(process, "the lab", facts.exists)
        return Lab.from_json(json.loads(facts.read_text()))

    def start_appliance(self, lab: Lab, username: str, password: str) -> Appliance:
        """Start an appliance that takes the lab for its cloud."""
        data = self.folder / "appliance"
        port = _free_port()
        process = self._start(
            "kyanite",
            ["kyanite", "serve", "--data", str(data), "--port", str(port)],
            {
                "KYANITE_ADMIN_USERNAME": username,
                "KYANITE_ADMIN_PASSWORD": password,
                "KYANITE_AZURE_ARM_ENDPOINT": lab.arm,
                "KYANITE_AZURE_CA_FILE": lab.ca,
            },
        )
        certificate = data / "server.crt"
        self._wait_for(process, "the appliance", certificate.exists)
        appliance = Appliance(f"https://127.0.0.1:{port}", str(certificate))
        self._wait_for(process, "the appliance", appliance.is_up)
        return appliance

    def close(self, *, keep_data: bool = False) -> None:
        """End everything that was not left, the last started first, and remove the folder."""
        if self._left:
            return
        for process in reversed(self._running):
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()
        if not keep_data:
            shutil.rmtree(self.folder, ignore_errors=True)

    def leave(self) -> str:
        """Let everything run on; says where it is and how to end it."""
        numbers = " ".join(str(process.pid) for process in self._running)
        self._left = True
        return f"Both run on with their data in {self.folder}; end them with: kill {numbers}"

    def wait(self) -> None:
        """Until one of the programs ends."""
        while all(process.poll() is None for process in self._running):
            time.sleep(0.5)

    def log_of(self, name: str) -> Path:
        """The file that a program's output goes to."""
        return self.folder / f"{name}.log"

    def _start(
        self, name: str, command: list[str], settings: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        program = Path(sys.executable).parent / command[0]
        with self.log_of(name).open("wb") as log:
            process = subprocess.Popen(
                [str(program), *command[1:]],
                env={**os.environ, **settings},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._running.append(process)
        return process

    def _wait_for(self, process: subprocess.Popen[bytes], what: str, ready: object) -> None:
        assert callable(ready)
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if process.poll() is not None:
                raise DidNotStart(f"{what} ended with status {process.returncode}: {self._tail()}")
            if time.monotonic() > deadline:
                raise DidNotStart(f"{what} did not answer within {START_SECONDS} s: {self._tail()}")
            time.sleep(0.1)

    def _tail(self) -> str:
        logs = sorted(self.folder.glob("*.log"), key=lambda path: path.stat().st_mtime)
        return logs[-1].read_text(errors="replace")[-2000:] if logs else "no output"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
