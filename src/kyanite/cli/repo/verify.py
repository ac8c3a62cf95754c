"""``kyanite repo verify``: is everything there, and is it what was written?"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from kyanite.base.units import format_bytes
from kyanite.cli.repo.address import maintenance_options, open_maintenance, open_storage
from kyanite.engine.verify import Level


@click.command("verify", help="Look for damage in the repository at ADDRESS; exit 1 if any.")
@maintenance_options
@click.option(
    "--level",
    type=click.Choice([level.value for level in Level]),
    default=Level.PRESENT.value,
    show_default=True,
    help="present: listings; sample: reads one pack in twenty; full: reads everything.",
)
def command(
    address: str, password_file: Path | None, maintenance_key_file: Path | None, level: str
) -> None:
    repository = open_maintenance(open_storage(address), password_file, maintenance_key_file)
    report = repository.verify(Level(level))
    for damage in report.damages:
        click.echo(f"DAMAGED {damage.name}: {damage.reason}")
        for hurt in damage.hurts:
            click.echo(
                f"  hurts {hurt.label or hurt.session_id} ({hurt.session_id}), disk "
                f"{hurt.disk_id}, {hurt.length} bytes at {hurt.offset}"
            )
    click.echo(
        f"{report.points} points, {report.packs} packs, {report.chunks_opened} chunks opened, "
        f"{format_bytes(report.bytes_read)} read: "
        + (f"{len(report.damages)} damaged objects." if report.damages else "no damage found.")
    )
    if report.damages:
        sys.exit(1)
