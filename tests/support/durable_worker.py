"""A process that carries out jobs of a test, to be killed and frozen.

``python -m support.durable_worker URL FOLDER [--build 2]``. Its jobs write what they do as lines
into ``FOLDER/journal`` and wait for the file ``FOLDER/go``. Build 2 has one step more.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from functools import partial
from pathlib import Path

from kyanite.base.errors import Cancelled
from kyanite.base.json_types import JsonObject, JsonValue, as_int, as_text
from kyanite.db.database import Database
from kyanite.durable.children import Child
from kyanite.durable.context import JobContext
from kyanite.durable.jobs import JobRegistry
from kyanite.durable.results import ItemResource
from kyanite.durable.runtime import Runtime
from kyanite.rules.sessions import SessionStatus


class Journal:
    """Lines in a file that survive the process, each written at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, *words: object) -> None:
        line = " ".join(map(str, (*words, os.getpid()))) + "\n"
        descriptor = os.open(
            self._folder / "journal", os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600
        )
        os.write(descriptor, line.encode())
        os.close(descriptor)

    def read(self) -> list[list[str]]:
        try:
            return [line.split() for line in (self._folder / "journal").read_text().splitlines()]
        except FileNotFoundError:
            return []

    def may_go_on(self, key: str) -> bool:
        return (self._folder / "go").exists() or (self._folder / f"go-{key}").exists()


def run_policy(journal: Journal, build: int, ctx: JobContext, payload: JsonObject) -> JsonValue:
    """Steps, children under a limit, and a result made of theirs."""
    ctx.step("choose", lambda: journal.write("choose"))
    ctx.log("Machines chosen")
    limit = as_int(payload.get("limit")) or None
    prefix = as_text(payload.get("prefix")) or "vm"
    outcomes = ctx.children(
        [
            Child(
                f"{prefix}{n}",
                "copy",
                {"key": f"{prefix}{n}"},
                limit_key="repository" if limit else None,
                limit=limit,
            )
            for n in range(as_int(payload["machines"]))
        ]
    )
    if build == 2:
        ctx.step("retire", lambda: journal.write("retire"))
        ctx.log("Old points removed")
    ctx.record("publish", lambda _db: journal.write("publish"))
    ctx.log("Points published")
    return [outcome.result for outcome in outcomes]


def run_copy(journal: Journal, ctx: JobContext, payload: JsonObject) -> JsonValue:
    """A long copy that heeds cancel and lease."""
    key = as_text(payload["key"])
    item = ctx.item(ItemResource(id=key, name=key), total_bytes=1000)
    line = ctx.log(f"Copying {key}", SessionStatus.RUNNING, resource_id=key)
    journal.write("begin", key, ctx.epoch)
    try:
        while not journal.may_go_on(key):
            ctx.check()
            item.advance(read=1)
            time.sleep(0.01)
        ctx.check()
    except Cancelled:
        journal.write("clean", key, ctx.epoch)
        raise
    journal.write("end", key, ctx.epoch)
    line.end(SessionStatus.SUCCESS)
    return key


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--build", type=int, default=1)
    arguments = parser.parse_args()
    journal = Journal(arguments.folder)
    registry = JobRegistry()
    registry.add("policy", partial(run_policy, journal, arguments.build))
    registry.add("copy", partial(run_copy, journal))
    runtime = Runtime(Database(arguments.url), registry)
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    runtime.start()
    journal.write("ready")
    while not stopped.wait(0.1):
        if os.getppid() == 1:
            sys.exit("the test is gone")
    runtime.stop()


if __name__ == "__main__":
    main()
