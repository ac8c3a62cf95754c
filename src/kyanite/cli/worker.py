"""`kyanite worker`."""

from __future__ import annotations

import os
from pathlib import Path

import click


@click.command("worker")
@click.option(
    "--data",
    "data_dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the appliance, or on another host one with a copy of its master.key. "
    "Not needed with KYANITE_DATABASE_URL on the host of the appliance.",
)
def command(data_dir: Path | None) -> None:
    """Join further job workers to the appliance's database, until SIGTERM.

    The database is that of the folder, or the one in KYANITE_DATABASE_URL. What a worker was
    doing when it dies or freezes is continued by the others.
    """
    from kyanite.base.settings import Settings
    from kyanite.server.run import work
    from kyanite.server.wiring import folder_for_worker

    folder = data_dir or folder_for_worker(os.environ.get("KYANITE_DATABASE_URL", ""))
    work(Settings.from_environment(os.environ, data_dir=folder))
