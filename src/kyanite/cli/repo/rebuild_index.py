"""``kyanite repo rebuild-index``: make the index anew from the packs."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from kyanite.cli.repo.address import open_storage, read_password, repository_options
from kyanite.engine.repository import Repository


@click.command(
    "rebuild-index",
    help="Make the index of the repository at ADDRESS anew; exit 1 if a pack is unreadable.",
)
@repository_options
def command(address: str, password_file: Path | None) -> None:
    repository = Repository.open(open_storage(address), read_password(password_file))
    report = repository.rebuild_index()
    for name, reason in report.unreadable:
        click.echo(f"DAMAGED {name}: {reason}")
    click.echo(
        f"Indexed {report.records} chunks in {report.packs} packs; "
        f"replaced {report.replaced_segments} segments."
    )
    if report.unreadable:
        sys.exit(1)
