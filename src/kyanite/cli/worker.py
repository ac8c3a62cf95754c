"""`kyanite worker`."""

from __future__ import annotations

import os
from pathlib import Path

import click


@click.command("worker")
@click.option(
    "--data",
    "data_dir",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the appliance, or on another host one with a copy of its master.key.",
)
def command(data_dir: Path) -> None:
    """Join further job workers to the appliance's database, until SIGTERM.

    The database is that of the folder, or the one in KYANITE_DATABASE_URL. What a worker was
    doing when it dies or freezes is continued by the others.
    """
    from kyanite.base.settings import Settings
    from kyanite.server.run import work

    work(Settings.from_environment(os.environ, data_dir=data_dir))
