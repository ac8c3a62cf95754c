"""``kyanite repo key``: passwords of a repository."""

from __future__ import annotations

from pathlib import Path

import click

from kyanite.cli.repo.address import open_storage, read_password, repository_options
from kyanite.engine.repository import Repository


@click.group("key", help="Passwords of a repository.")
def command() -> None:
    return


_new_password = click.option(
    "--new-password-file",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="First line: the new password.",
)


@command.command("add", help="Add a further password to the repository at ADDRESS.")
@repository_options
@_new_password
def add(address: str, password_file: Path | None, new_password_file: Path) -> None:
    repository = Repository.open(open_storage(address), read_password(password_file))
    slot_id = repository.add_password(read_password(new_password_file))
    click.echo(f"Added key slot {slot_id}.")


@command.command("change", help="Replace the given password of the repository at ADDRESS.")
@repository_options
@_new_password
def change(address: str, password_file: Path | None, new_password_file: Path) -> None:
    old = read_password(password_file)
    repository = Repository.open(open_storage(address), old)
    repository.change_password(read_password(new_password_file), old)
    click.echo("Changed the password.")
