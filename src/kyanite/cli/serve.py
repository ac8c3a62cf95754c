"""`kyanite serve`."""

from __future__ import annotations

import os
from pathlib import Path

import click


@click.command("serve")
@click.option(
    "--data",
    "data_dir",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for everything the appliance keeps.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=443, show_default=True, help="Port to listen on.")
def command(data_dir: Path, host: str, port: int) -> None:
    """Run the appliance: API, scheduler and job workers, until SIGTERM."""
    from kyanite.base.settings import Settings
    from kyanite.server.run import serve

    serve(Settings.from_environment(os.environ, data_dir=data_dir, host=host, port=port))
