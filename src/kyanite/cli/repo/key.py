"""``kyanite repo key``: who may open a repository."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from kyanite.base.errors import Conflict
from kyanite.cli.repo.address import (
    open_storage,
    read_new_password,
    read_password,
    repository_options,
)
from kyanite.engine.key_changes import NewPassword
from kyanite.engine.repository import Repository


@click.group("key", help="Who may open a repository: passwords, recovery key, maintenance key.")
def command() -> None:
    return


_new_password = click.option(
    "--new-password-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="First line: the new password. Else it is asked for at a terminal.",
)
_label = click.option("--label", default="", help="Whose key it is; only shown to key holders.")


def _open(address: str, password_file: Path | None) -> Repository:
    return Repository.open(open_storage(address), read_password(password_file))


@command.command("list", help="Show the key slots of the repository at ADDRESS.")
@repository_options
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def list_slots(address: str, password_file: Path | None, as_json: bool) -> None:
    slots = _open(address, password_file).key_slots()
    if as_json:
        facts = [
            {
                "id": slot.slot_id,
                "kind": slot.kind.name.lower(),
                "label": slot.label,
                "createdAt": slot.created_at.isoformat(),
            }
            for slot in slots
        ]
        click.echo(json.dumps(facts, indent=1))
        return
    for slot in slots:
        click.echo(
            f"{slot.created_at:%Y-%m-%d %H:%M}  {slot.slot_id}  "
            f"{slot.kind.name.lower():<8}  {slot.label}"
        )


@command.command("add-password", help="Add a further password to the repository at ADDRESS.")
@repository_options
@_new_password
@_label
def add_password(
    address: str, password_file: Path | None, new_password_file: Path | None, label: str
) -> None:
    repository = _open(address, password_file)
    slot_id = repository.add_password(read_new_password(new_password_file), label=label)
    click.echo(f"Added key slot {slot_id}.")


@command.command("change-password", help="Replace the given password of the repository at ADDRESS.")
@repository_options
@_new_password
def change_password(
    address: str, password_file: Path | None, new_password_file: Path | None
) -> None:
    old = read_password(password_file)
    repository = Repository.open(open_storage(address), old)
    repository.change_password(read_new_password(new_password_file), old)
    click.echo("Changed the password.")


@command.command("remove", help="Remove the key slot SLOT of the repository at ADDRESS.")
@repository_options
@click.argument("slot")
def remove(address: str, password_file: Path | None, slot: str) -> None:
    _open(address, password_file).remove_key_slot(slot)
    click.echo(
        f"Removed key slot {slot}. Whoever has opened the repository with it may have kept its "
        "keys: `kyanite repo key rotate` makes new ones."
    )


@command.command("new-recovery", help="Make a recovery key for the repository at ADDRESS.")
@repository_options
@_label
def new_recovery(address: str, password_file: Path | None, label: str) -> None:
    _show_recovery_key(_open(address, password_file).new_recovery_key(label))


@command.command("rotate", help="Make new keys for what is written from now on to ADDRESS.")
@repository_options
@_new_password
@click.option("--recovery", is_flag=True, help="Make a recovery key too, and print it.")
@_label
def rotate(
    address: str,
    password_file: Path | None,
    new_password_file: Path | None,
    recovery: bool,
    label: str,
) -> None:
    repository = _open(address, password_file)
    new = NewPassword(read_new_password(new_password_file), label)
    printed = repository.rotate_keys([new], recovery=recovery)
    click.echo(
        "Rotated the keys. Only the new password opens the repository now; appliances that use "
        "it have to be given it. What was stored before stays readable with the old keys, for "
        "whoever has kept them and reads the storage."
    )
    if printed is not None:
        _show_recovery_key(printed)


@command.command("export-maintenance", help="Write the maintenance key of ADDRESS into FILE.")
@repository_options
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def export_maintenance(address: str, password_file: Path | None, file: Path) -> None:
    printed = _open(address, password_file).export_maintenance_key()
    try:
        out = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise Conflict(f"{file} exists already; name a new file.") from None
    except OSError as error:
        raise click.UsageError(f"{file} cannot be written: {error.strerror}.") from None
    with os.fdopen(out, "w", encoding="ascii") as target:
        target.write(printed + "\n")
    click.echo(
        f"Wrote the maintenance key to {file}. It opens lists, sizes and labels, and can clean "
        "and lock; it opens no data."
    )


def _show_recovery_key(printed: str) -> None:
    click.echo(
        "The recovery key opens the repository wherever a password is asked for. It is shown "
        "only now; print it and keep it away from the repository:"
    )
    click.echo(printed)
