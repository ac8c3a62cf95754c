"""``kyanite user``: local accounts, from the host of the appliance."""

from __future__ import annotations

import os
from pathlib import Path

import click


@click.group("user")
def command() -> None:
    """Local accounts of the appliance."""


@command.command("add")
@click.argument("name")
@click.option(
    "--data",
    "data_dir",
    required=True,
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="Folder of the appliance.",
)
@click.option("--role", required=True, help="A role of the contract, such as PortalOperator.")
@click.option(
    "--password-file",
    required=True,
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="File whose first line is the password.",
)
def add(name: str, data_dir: Path, role: str, password_file: Path) -> None:
    """Add the user NAME. Whoever may read the folder of the appliance may do this."""
    from kyanite.base.settings import Settings
    from kyanite.server.users import add_user

    password = password_file.read_text().partition("\n")[0]
    settings = Settings.from_environment(os.environ, data_dir=data_dir)
    click.echo(f"Added {name} as {role}: {add_user(settings, name, password, role)}")
