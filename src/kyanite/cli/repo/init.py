"""``kyanite repo init``: make a repository."""

from __future__ import annotations

from pathlib import Path

import click

from kyanite.cli.repo.address import open_storage, read_password, repository_options


@click.command("init", help="Make a new, empty, encrypted repository at ADDRESS.")
@repository_options
def command(address: str, password_file: Path | None) -> None:
    from kyanite.engine.repository import Repository

    repository = Repository.create(open_storage(address), read_password(password_file))
    click.echo(f"Made repository {repository.repository_id.hex()}.")
