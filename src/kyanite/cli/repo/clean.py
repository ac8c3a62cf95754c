"""``kyanite repo clean``: give back what no point needs; and forget points first, if asked."""

from __future__ import annotations

from pathlib import Path

import click

from kyanite.base.units import format_bytes
from kyanite.cli.repo.address import maintenance_options, open_maintenance, open_storage
from kyanite.cli.repo.points import find_point
from kyanite.engine.storage.folder import FolderStorage


@click.command("clean", help="Give back the space of deleted points in the repository at ADDRESS.")
@maintenance_options
@click.option("--delete", "labels", multiple=True, help="Delete this point first (repeatable).")
@click.option(
    "--give-up",
    "sessions",
    multiple=True,
    help="This open session will never be resumed (repeatable); `info` lists them.",
)
def command(
    address: str,
    password_file: Path | None,
    maintenance_key_file: Path | None,
    labels: tuple[str, ...],
    sessions: tuple[str, ...],
) -> None:
    storage = open_storage(address)
    repository = open_maintenance(storage, password_file, maintenance_key_file)
    repository.delete_points([find_point(repository, label).session_id for label in labels])
    for session_id in sessions:
        repository.abandon_session(session_id, "given up by the operator")
    report = repository.clean()
    if isinstance(storage, FolderStorage):
        storage.remove_leftovers()
    click.echo(
        f"Deleted {report.deleted_packs} packs, {format_bytes(report.freed_bytes)}; "
        f"{report.kept_packs} packs are kept."
    )
    if report.condemned_packs:
        click.echo(
            f"{report.condemned_packs} packs wait for open sessions: "
            + ", ".join(report.waiting_for)
            + ". Clean again when they have ended, or give them up with --give-up."
        )
