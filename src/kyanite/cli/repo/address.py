"""A repository address becomes a storage; a password comes from a file or the environment.

Credentials never stand in the address or the arguments: others can read those.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit

import click

from kyanite.base.errors import Invalid
from kyanite.engine.parallelism import Parallelism
from kyanite.engine.storage.base import Storage

_Command = TypeVar("_Command", bound=Callable[..., object])


def repository_options(function: _Command) -> _Command:
    """The argument and option of every ``repo`` command: ADDRESS and --password-file."""
    option = click.option(
        "--password-file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="First line: the password. Else KYANITE_REPOSITORY_PASSWORD.",
    )
    return click.argument("address")(option(function))


def open_storage(address: str) -> Storage:
    """The storage at ``file:///folder`` or at an https blob container URL with a folder."""
    parts = urlsplit(address)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise Invalid(
            "A repository address holds no credentials and no query; put a SAS into "
            "KYANITE_STORAGE_SAS."
        )
    from kyanite.engine.storage.folder import FolderStorage

    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost") or not parts.path.strip("/"):
            raise Invalid("A local address is file:///path/of/the/folder.")
        return FolderStorage(Path(unquote(parts.path)))
    if parts.scheme == "https":
        from kyanite.cli.repo.blob_address import open_blob_storage

        return open_blob_storage(address)
    if not parts.scheme and address:
        return FolderStorage(Path(address).absolute())
    raise Invalid(
        f"{address[:80]!r} is no repository address: use file:///folder or "
        "https://account.blob.core.windows.net/container/folder."
    )


def parallelism_for(address: str) -> Parallelism:
    """How much at once suits the way to this storage."""
    return Parallelism.network() if address.startswith("https:") else Parallelism.local()


def read_password(password_file: Path | None) -> str:
    """The password, from the file or the environment. Raises ``UsageError`` without one."""
    if password_file is not None:
        try:
            lines = password_file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise click.UsageError(f"The password file cannot be read: {error}") from None
        password = lines[0] if lines else ""
    else:
        password = os.environ.get("KYANITE_REPOSITORY_PASSWORD", "")
    if not password:
        raise click.UsageError(
            "No password: give --password-file, or set KYANITE_REPOSITORY_PASSWORD."
        )
    return password
