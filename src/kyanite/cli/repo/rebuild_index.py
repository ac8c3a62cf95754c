"""``kyanite repo rebuild-index``: make the index anew from the packs."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from kyanite.cli.repo.address import maintenance_options, open_maintenance, open_storage


@click.command(
    "rebuild-index",
    help="Make the index of the repository at ADDRESS anew; exit 1 if a pack is unreadable.",
)
@maintenance_options
def command(address: str, password_file: Path | None, maintenance_key_file: Path | None) -> None:
    repository = open_maintenance(open_storage(address), password_file, maintenance_key_file)
    report = repository.rebuild_index()
    for name, reason in report.unreadable:
        click.echo(f"DAMAGED {name}: {reason}")
    click.echo(
        f"Indexed {report.records} chunks in {report.packs} packs; "
        f"replaced {report.replaced_segments} segments."
    )
    if report.unreadable:
        sys.exit(1)
