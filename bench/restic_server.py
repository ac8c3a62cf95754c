"""A server of restic's REST protocol over a folder: ``python -m bench.restic_server FOLDER``.

It answers with the lab's own listener and TLS, so that restic meets a server as quick and as
busy as the blob storage of the lab. Reference: "REST Backend" in restic's documentation.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from azlab.core.certificates import CA_FILE, ensure_certificates, server_context
from azlab.core.exchange import Exchange
from azlab.core.gate import Gate
from azlab.core.http import HttpError, Request, Response, json_response
from azlab.core.json_types import JsonValue
from azlab.core.routing import Router
from azlab.core.server import Listener

_KINDS: Final = ("data", "index", "keys", "locks", "snapshots")
_SPREAD_KIND: Final = "data"  # in 256 folders by the first two digits of the name
_LIST_TYPE: Final = "application/vnd.x.restic.rest.v2"
_NAME: Final = re.compile("[0-9a-f]{64}")
_RANGE: Final = re.compile(r"bytes=(\d+)-(\d*)")
_PIECE_BYTES: Final = 1 << 20
_MOST_BYTES: Final = 1 << 30


@dataclass(frozen=True)
class Server:
    """Where it answers, the CA of its certificate, and where repositories lie in it by path."""

    port: int
    ca_file: Path
    folder: Path


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """A server in a process of its own, for the length of a ``with``."""
    command = [sys.executable, "-m", "bench.restic_server", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Server(int(process.stdout.readline()), folder / CA_FILE, folder / "repositories")
        finally:
            process.terminate()


class _Refused(HttpError):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status

    def to_response(self, request: Request) -> Response:  # noqa: ARG002
        return Response(self.status)


class _Repositories:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(self, _: Request, repository: str) -> Response:
        for kind in _KINDS:
            (self._in(repository) / kind).mkdir(parents=True)
        return Response(200)

    def list(self, _: Request, repository: str, kind: str) -> Response:
        files = [one for one in self._folder_of(repository, kind).rglob("*") if _is_kept(one)]
        found: JsonValue = [{"name": one.name, "size": one.stat().st_size} for one in files]
        return json_response(200, found, {"Content-Type": _LIST_TYPE})

    def head(self, _: Request, repository: str, kind: str = "", name: str = "") -> Response:
        path = self._existing(repository, kind, name)
        return Response(200, {"Content-Length": str(path.stat().st_size)})

    def read(self, request: Request, repository: str, kind: str = "", name: str = "") -> Response:
        path = self._existing(repository, kind, name)
        size = path.stat().st_size
        if not (asked := _RANGE.fullmatch(request.headers.get("range"))):
            return Response(200, {"Content-Length": str(size)}, _pieces(path, 0, size))
        start = int(asked[1])
        end = min(int(asked[2]) + 1 if asked[2] else size, size)
        if start >= end:
            raise _Refused(416)
        headers = {
            "Content-Length": str(end - start),
            "Content-Range": f"bytes {start}-{end - 1}/{size}",
        }
        return Response(206, headers, _pieces(path, start, end))

    def save(self, request: Request, repository: str, kind: str = "", name: str = "") -> Response:
        path = self._path(repository, kind, name)
        if path.exists():
            raise _Refused(403)
        path.parent.mkdir(exist_ok=True)
        beside = path.with_name(f".{uuid.uuid4()}")
        with beside.open("wb") as file:
            for piece in request.body.chunks(_PIECE_BYTES):
                file.write(piece)
        beside.rename(path)
        return Response(200)

    def delete(self, _: Request, repository: str, kind: str, name: str) -> Response:
        self._existing(repository, kind, name).unlink()
        return Response(200)

    def _existing(self, repository: str, kind: str, name: str) -> Path:
        path = self._path(repository, kind, name)
        if not path.is_file():
            raise _Refused(404)
        return path

    def _path(self, repository: str, kind: str, name: str) -> Path:
        if not kind:
            return self._in(repository) / "config"
        if not _NAME.fullmatch(name):
            raise _Refused(404)
        folder = self._folder_of(repository, kind)
        return folder / name[:2] / name if kind == _SPREAD_KIND else folder / name

    def _folder_of(self, repository: str, kind: str) -> Path:
        if kind not in _KINDS:
            raise _Refused(404)
        return self._in(repository) / kind

    def _in(self, repository: str) -> Path:
        if ".." in repository.split("/"):
            raise _Refused(404)
        return self._folder / repository.strip("/")


def _is_kept(path: Path) -> bool:
    return bool(_NAME.fullmatch(path.name)) and path.is_file()


def _pieces(path: Path, start: int, end: int) -> Iterator[memoryview]:
    buffer = memoryview(bytearray(min(_PIECE_BYTES, end - start)))
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        while start < end and (count := file.readinto(buffer[: end - start])):
            start += count
            yield buffer[:count]


def _router(folder: Path) -> Router:
    repositories = _Repositories(folder)
    router = Router(
        "restic",
        lambda _request, status, _code, message: Response(status, body=message.encode()),
        discriminators=("create",),
        max_body_bytes=_MOST_BYTES,
    )
    router.add(
        "POST",
        "/{repository*}/",
        repositories.create,
        operation="CreateRepository",
        query={"create": "true"},
    )
    router.add("GET", "/{repository*}/{kind}/", repositories.list, operation="ListBlobs")
    for template, what in (
        ("/{repository*}/config", "Config"),
        ("/{repository*}/{kind}/{name}", "Blob"),
    ):
        router.add("HEAD", template, repositories.head, operation=f"Check{what}")
        router.add("GET", template, repositories.read, operation=f"Get{what}")
        router.add("POST", template, repositories.save, operation=f"Save{what}")
    router.add(
        "DELETE", "/{repository*}/{kind}/{name}", repositories.delete, operation="DeleteBlob"
    )
    return router


def main() -> None:
    """Serve until terminated; prints the port when everything answers."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    ensure_certificates(folder)
    exchange = Exchange(_router(folder / "repositories"), lambda: datetime.now(UTC), Gate())
    listener = Listener("restic", 0, exchange.serve_one, server_context(folder))
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    listener.start()
    print(listener.port, flush=True)
    ended.wait()
    os._exit(0)


if __name__ == "__main__":
    main()
