"""The server that restic is measured with keeps what its protocol says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from bench.restic_server import serving

PACK = "0a" * 32
CONTENTS = bytes(range(256)) * 9000  # more than one piece of an answer


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., requests.Response]]:
    """Ask for a path on a server of its own."""
    folder: Path = tmp_path_factory.mktemp("restic")
    with serving(folder) as server, requests.Session() as session:
        session.verify = str(server.ca_file)
        session.trust_env = False  # a bundle named there would go before that

        def asked(
            method: str, path: str, data: bytes | None = None, of_range: str | None = None
        ) -> requests.Response:
            headers = {"Range": of_range} if of_range else {}
            url = f"https://127.0.0.1:{server.port}{path}"
            return session.request(method, url, data=data, headers=headers, timeout=20)

        yield asked


def test_a_repository_is_made_and_its_config_is_written_once(
    ask: Callable[..., requests.Response],
) -> None:
    assert ask("HEAD", "/some/one/config").status_code == 404
    assert ask("POST", "/some/one/?create=true").status_code == 200
    assert ask("POST", "/some/one/config", b"first").status_code == 200
    assert ask("POST", "/some/one/config", b"second").status_code == 403
    assert ask("HEAD", "/some/one/config").headers["Content-Length"] == "5"
    assert ask("GET", "/some/one/config").content == b"first"


def test_files_are_saved_listed_read_in_ranges_and_deleted(
    ask: Callable[..., requests.Response],
) -> None:
    assert ask("POST", "/two/?create=true").status_code == 200
    assert ask("GET", "/two/data/").json() == []
    path = f"/two/data/{PACK}"
    assert ask("POST", path, CONTENTS).status_code == 200
    assert ask("GET", "/two/data/").json() == [{"name": PACK, "size": len(CONTENTS)}]
    assert ask("GET", path).content == CONTENTS
    part = ask("GET", path, of_range="bytes=1000-1200999")
    assert (part.status_code, part.content) == (206, CONTENTS[1000:1_201_000])
    rest = ask("GET", path, of_range=f"bytes={len(CONTENTS) - 7}-")
    assert (rest.status_code, rest.content) == (206, CONTENTS[-7:])
    assert ask("GET", path, of_range=f"bytes={len(CONTENTS)}-").status_code == 416
    assert ask("DELETE", path).status_code == 200
    assert ask("GET", path).status_code == 404
    assert ask("DELETE", path).status_code == 404


@pytest.mark.parametrize(
    "path", ["/two/other/" + PACK, "/two/data/short", "/%2e%2e/%2e%2e/data/" + PACK]
)
def test_nothing_else_is_written(ask: Callable[..., requests.Response], path: str) -> None:
    assert ask("POST", path, b"x").status_code == 404
