"""``kyanite repo copy``: copy points to another repository; only what is missing there."""

from __future__ import annotations

import json
from pathlib import Path

import click

from kyanite.base.units import format_bytes
from kyanite.cli.repo.address import (
    open_storage,
    parallelism_for,
    read_password,
    repository_options,
)
from kyanite.cli.repo.points import find_point, warn
from kyanite.cli.repo.progress import Progress
from kyanite.cli.repo.second_repository import open_second, second_password_option
from kyanite.engine.copying import CopiedPoint, copy_points
from kyanite.engine.repository import Repository
from kyanite.engine.storage.read_back import ReadBackStorage


@click.command("copy", help="Copy points of the repository at ADDRESS to that at DESTINATION.")
@repository_options
@click.argument("destination")
@second_password_option
@click.option("--point", "labels", multiple=True, help="Only this point (repeatable); else all.")
@click.option(
    "--read-back/--no-read-back",
    default=True,
    show_default=True,
    help="Read every object again after it was written, before a point counts.",
)
@click.option("--json", "as_json", is_flag=True, help="Result and progress as JSON, for programs.")
def command(
    address: str,
    password_file: Path | None,
    destination: str,
    second_password_file: Path | None,
    labels: tuple[str, ...],
    read_back: bool,
    as_json: bool,
) -> None:
    source = Repository.open(open_storage(address), read_password(password_file))
    wrapped = ReadBackStorage if read_back else lambda storage: storage
    there = open_second(destination, second_password_file, wrapped)
    points = [find_point(source, label) for label in labels] if labels else source.points(warn)
    progress = Progress("Copying:", None, as_json)

    def told(done: CopiedPoint) -> None:
        if not as_json:
            progress.end()
            stored = "was there" if done.there_before else format_bytes(done.copy.stored_bytes)
            click.echo(f"{done.point.label}: {stored} ({done.copy.session_id})")

    parallelism = parallelism_for(address if address.startswith("https:") else destination)
    copied = copy_points(source, there, points, progress, parallelism, told)
    progress.end()
    if as_json:
        click.echo(
            json.dumps(
                [
                    {
                        "point": one.point.session_id,
                        "copy": one.copy.session_id,
                        "label": one.point.label,
                        "wasThere": one.there_before,
                        "storedBytes": 0 if one.there_before else one.copy.stored_bytes,
                    }
                    for one in copied
                ],
                indent=1,
            )
        )
        return
    new = [one for one in copied if not one.there_before]
    click.echo(
        f"Copied {len(new)} of {len(copied)} points, "
        f"{format_bytes(sum(one.copy.stored_bytes for one in new))} stored."
    )
