"""A lab process for tests, and the official SDKs pointed at what a lab.json describes."""

import atexit
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import requests
from azure.identity import ClientSecretCredential

from support.lifetime import end_with_parent

_START_SECONDS = 60.0


@dataclass(frozen=True)
class Azure:
    """The members of lab.json: all that a test needs to know about an Azure.

    A file of this shape can describe a real tenant too (`control` empty then).
    """

    arm: str
    login: str
    ca: str
    tenant_id: str
    subscription_ids: tuple[str, ...]
    client_id: str
    client_secret: str
    control: str
    graph: str = ""
    imds: str = ""

    def credential(
        self, client_id: str | None = None, client_secret: str | None = None
    ) -> ClientSecretCredential:
        """azure-identity for the application of the file, or for another one."""
        return ClientSecretCredential(
            self.tenant_id,
            client_id or self.client_id,
            client_secret or self.client_secret,
            authority=self.login,
            disable_instance_discovery=True,
            connection_verify=self.ca or True,
        )

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: dict[str, str] | None = None,
        token: str | None = None,
    ) -> requests.Response:
        """One raw ARM call (or, with a whole URL, any call), for what the SDKs hide."""
        url = path if "://" in path else self.arm + path
        return requests.request(
            method,
            url,
            json=body,
            headers={"Authorization": f"Bearer {token or self.token()}", **(headers or {})},
            verify=self.ca or True,
            timeout=60,
        )

    def token(self, scope: str | None = None) -> str:
        """An access token, for ARM unless another scope is named."""
        return self.credential().get_token(scope or f"{self.arm}/.default").token


@dataclass(frozen=True)
class JournalLine:
    """One finished request; status 0 when its connection broke."""

    number: int
    method: str
    path: str
    operation: str
    status: int
    bytes_in: int


@dataclass(frozen=True)
class Control:
    """The control interface of a lab, for tests marked `control`."""

    url: str

    def get(self, path: str, **query: str | int) -> requests.Response:
        """GET; raises on an error."""
        return self.call("GET", path, query=query)

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        query: dict[str, str | int] | None = None,
        data: bytes | None = None,
    ) -> requests.Response:
        """Any call; raises on an error."""
        answer = requests.request(
            method, f"{self.url}/{path}", params=query, json=body, data=data, timeout=120
        )
        if answer.status_code >= 400:
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer

    def add_fault(self, **members: object) -> str:
        """Set one fault; member names as in the control interface. Its id."""
        return str(self.call("POST", "faults", members).json()["id"])

    def faults(self) -> list[dict[str, object]]:
        """Every fault with how often it struck and what it holds."""
        found: list[dict[str, object]] = self.get("faults").json()["faults"]
        return found

    def clear_faults(self) -> None:
        """Delete all faults, letting held requests go on."""
        self.call("DELETE", "faults")

    def advance(self, seconds: float) -> None:
        """Move the clock of the lab."""
        self.call("POST", "clock", {"advanceSeconds": seconds})

    def settings(self, **members: object) -> None:
        """Change page size or durations."""
        self.call("PATCH", "settings", members)

    def reset(self) -> None:
        """Back to the scene."""
        self.call("POST", "reset")

    def operation(self, service: str, operation: str) -> dict[str, int]:
        """The counts of one operation; zeros when it never ran."""
        zeros = {"requests": 0, "errors": 0, "bytesIn": 0, "bytesOut": 0, "maxConcurrent": 0}
        for found in self.get("stats").json()["operations"]:
            if (found["service"], found["operation"]) == (service, operation):
                return {name: int(found[name]) for name in zeros}
        return zeros

    def journal(self, after: int = 0) -> list[JournalLine]:
        """The requests that have ended since the one of this number, oldest first."""
        found = self.get("requests", after=after).json()["requests"]
        return [
            JournalLine(
                int(line["number"]),
                line["method"],
                line["path"],
                line["operation"],
                int(line["status"]),
                int(line["bytesIn"]),
            )
            for line in found
        ]

    def last_request(self) -> int:
        """The number of the request that has ended last."""
        return max((line.number for line in self.journal()), default=0)

    def write_disk(self, disk: str, offset: int, data: bytes) -> None:
        """Write as the guest would."""
        self.call("PUT", "disk-bytes", query={"disk": disk, "offset": offset}, data=data)

    def discard_disk(self, disk: str, offset: int, length: int) -> None:
        """TRIM as the guest would."""
        query: dict[str, str | int] = {"disk": disk, "offset": offset, "length": length}
        self.call("DELETE", "disk-bytes", query=query)

    def read_disk(self, disk: str, offset: int, length: int) -> bytes:
        """Bytes of a disk or snapshot."""
        return self.get("disk-bytes", disk=disk, offset=offset, length=length).content


class LabProcess:
    """A lab that a test has started: it can be killed and started again."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.directory = directory
        self.arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None
        self.azure = self.start()

    @property
    def control(self) -> Control:
        """The control interface."""
        return Control(self.azure.control)

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> Azure:
        """Start (again) and wait until every service answers."""
        command = [sys.executable, "-m", "azlab", "serve", "--data", str(self.directory)]
        self._process = subprocess.Popen(
            [*command, *self.arguments], stdout=subprocess.PIPE, preexec_fn=end_with_parent
        )
        deadline = time.monotonic() + _START_SECONDS
        path = self.directory / "lab.json"
        # The line on stdout comes after the file; waiting for it needs no polling.
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line or time.monotonic() > deadline:
            self.kill()
            raise AssertionError(f"the lab did not start: {command}")
        self.azure = read_lab_file(path)
        return self.azure

    def kill(self) -> None:
        """SIGKILL."""
        self._end(kill=True)

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        return self._end(kill=False)

    def _end(self, *, kill: bool) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        if kill:
            process.kill()
        else:
            process.terminate()
        try:
            status = process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        if process.stdout is not None:
            process.stdout.close()
        return status


@contextmanager
def running_lab(directory: Path, *arguments: str) -> Iterator[LabProcess]:
    """A lab in `directory` for the length of a `with`; `arguments` go to `azlab serve`."""
    lab = LabProcess(directory, *arguments)
    try:
        yield lab
    finally:
        lab.stop()


def lab_until_exit() -> LabProcess:
    """A lab in a temporary directory; it ends, and its directory goes, with this process."""
    directory = Path(tempfile.mkdtemp(prefix="kyanite-lab-"))
    lab = LabProcess(directory)

    def end() -> None:
        lab.kill()
        shutil.rmtree(directory, ignore_errors=True)

    atexit.register(end)
    return lab


def read_lab_file(path: Path) -> Azure:
    """What a file of the shape of lab.json says."""
    found = json.loads(path.read_text())
    return Azure(
        arm=found["arm"],
        login=found["login"],
        ca=found.get("ca", ""),
        tenant_id=found["tenantId"],
        subscription_ids=tuple(found["subscriptionIds"]),
        client_id=found["clientId"],
        client_secret=found["clientSecret"],
        control=found.get("control", ""),
        graph=found.get("graph", "https://graph.microsoft.com"),
        imds=found.get("imds", ""),
    )


def with_application(azure: Azure, client_id: str, client_secret: str) -> Azure:
    """The same Azure, signed in as another application."""
    return replace(azure, client_id=client_id, client_secret=client_secret)
