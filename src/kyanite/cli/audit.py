"""``kyanite audit``: the audit log, from the host of the appliance."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from kyanite.areas.audit.chain import Head

_HEAD = re.compile(r"^(\d{1,18}):([0-9a-f]{64})$")


@click.group("audit")
def command() -> None:
    """The log of who did what, when, to which object."""


@command.command("verify")
@click.option(
    "--data",
    "data_dir",
    required=True,
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="Folder of the appliance.",
)
@click.option(
    "--head",
    "noted",
    help="NUMBER:HASH as an earlier run has printed it; the log must still hold it.",
)
def verify(data_dir: Path, noted: str | None) -> None:
    """Read the whole log and say whether it is what was written.

    The last line is the head of the log: noted somewhere else, it shows later that nothing up to
    there was changed, even by somebody who has the appliance's folder and its key. Exit status 1
    if anything was changed.
    """
    from kyanite.base.settings import Settings
    from kyanite.server.audit_log import verify_log

    expected = _head(noted) if noted else None
    settings = Settings.from_environment(os.environ, data_dir=data_dir)
    found = verify_log(settings, expected)
    click.echo(f"{found.entries} entries, none of them changed.")
    click.echo(f"{found.head.number}:{found.head.hash}")


def _head(text: str) -> Head:
    from kyanite.areas.audit.chain import Head

    match = _HEAD.match(text)
    if match is None:
        raise click.BadParameter("a head is NUMBER:HASH, as `kyanite audit verify` prints it")
    return Head(int(match[1]), match[2])
