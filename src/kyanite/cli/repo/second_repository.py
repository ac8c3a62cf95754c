"""A second repository on the command line: where copies go, where repairs come from."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import click

from kyanite.cli.repo.address import open_storage, read_first_line
from kyanite.engine.repository import Repository
from kyanite.engine.storage.base import Storage

SECOND_SAS: Final = "KYANITE_SECOND_STORAGE_SAS"
SECOND_PASSWORD: Final = "KYANITE_SECOND_REPOSITORY_PASSWORD"

_Command = TypeVar("_Command", bound=Callable[..., object])


def second_password_option(function: _Command) -> _Command:
    """``--second-password-file``."""
    return click.option(
        "--second-password-file",
        type=click.Path(path_type=Path, dir_okay=False),
        help=f"First line: the other repository's password. Else {SECOND_PASSWORD}.",
    )(function)


def open_second(
    address: str,
    password_file: Path | None,
    wrapped: Callable[[Storage], Storage] = lambda storage: storage,
) -> Repository:
    """Open the other repository. Its SAS is in ``KYANITE_SECOND_STORAGE_SAS``.

    Raises ``UsageError`` without a password, and what opening raises.
    """
    if password_file is not None:
        password = read_first_line(password_file, "second password file")
    else:
        password = os.environ.get(SECOND_PASSWORD, "")
    if not password:
        raise click.UsageError(
            "No password of the other repository: give --second-password-file, or set "
            f"{SECOND_PASSWORD}."
        )
    return Repository.open(wrapped(open_storage(address, SECOND_SAS)), password)
