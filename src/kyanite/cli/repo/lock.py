"""``kyanite repo lock``: lock what points need, so that nobody can remove it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from kyanite.cli.repo.address import (
    maintenance_options,
    open_maintenance,
    open_storage,
    read_time,
)
from kyanite.cli.repo.locks import show
from kyanite.cli.repo.points import find_point


@click.command("lock", help="Lock what the points at ADDRESS need; nobody can shorten a lock.")
@maintenance_options
@click.option("--until", metavar="TIME", help="ISO 8601: 2026-12-31 or 2026-12-31T20:00:00Z.")
@click.option("--days", type=click.IntRange(1, 36500), help="So many days from now.")
@click.option("--point", "labels", multiple=True, help="Only this point (repeatable).")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def command(
    address: str,
    password_file: Path | None,
    maintenance_key_file: Path | None,
    until: str | None,
    days: int | None,
    labels: tuple[str, ...],
    as_json: bool,
) -> None:
    if (until is None) == (days is None):
        raise click.UsageError("Say until when: with --until or with --days.")
    end = (
        read_time(until)
        if until is not None
        else datetime.now(UTC).replace(microsecond=0) + timedelta(days=days or 0)
    )
    repository = open_maintenance(open_storage(address), password_file, maintenance_key_file)
    chosen = {find_point(repository, label).session_id for label in labels} if labels else None
    show(repository.lock(end, chosen), as_json)
