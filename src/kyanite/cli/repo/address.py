"""A repository address becomes a storage; a password comes from a file or the environment.

Credentials never stand in the address or the arguments: others can read those.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import unquote, urlsplit

import click

from kyanite.base.errors import Invalid
from kyanite.engine.parallelism import Parallelism
from kyanite.engine.storage.base import Storage

if TYPE_CHECKING:
    from kyanite.engine.maintenance import Maintenance

STORAGE_SAS: Final = "KYANITE_STORAGE_SAS"

_Command = TypeVar("_Command", bound=Callable[..., object])


def repository_options(function: _Command) -> _Command:
    """The argument and option of every ``repo`` command: ADDRESS and --password-file."""
    option = click.option(
        "--password-file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="First line: the password. Else KYANITE_REPOSITORY_PASSWORD.",
    )
    return click.argument("address")(option(function))


def maintenance_options(function: _Command) -> _Command:
    """As ``repository_options``, for commands that the maintenance key is enough for."""
    option = click.option(
        "--maintenance-key-file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="First line: the exported maintenance key, instead of a password.",
    )
    return repository_options(option(function))


def as_of_option(function: _Command) -> _Command:
    """``--as-of``: look at the storage as it was at a time."""
    return click.option(
        "--as-of",
        metavar="TIME",
        help="Read the versions of that time, ISO 8601 (2026-11-25T20:00:00Z); "
        "for storages that keep versions.",
    )(function)


def open_maintenance(
    storage: Storage, password_file: Path | None, maintenance_key_file: Path | None
) -> Maintenance:
    """The repository in a storage, opened with what there is. Raises ``UsageError``."""
    from kyanite.engine.maintenance import Maintenance
    from kyanite.engine.repository import Repository

    if maintenance_key_file is None:
        return Repository.open(storage, read_password(password_file))
    if password_file is not None:
        raise click.UsageError("Give a password file or a maintenance key file, not both.")
    key = read_first_line(maintenance_key_file, "maintenance key file")
    return Maintenance.open_with_maintenance_key(storage, key)


def seen_as_of(storage: Storage, as_of: str | None) -> Storage:
    """The storage, or how it was at a time. Raises ``Invalid``, ``StorageDenied``."""
    if as_of is None:
        return storage
    from kyanite.engine.storage.as_of import AsOfStorage
    from kyanite.engine.storage.base import versions_of
    from kyanite.engine.storage.wrapper import no_versions

    versioned = versions_of(storage)
    if versioned is None:
        raise no_versions()
    return AsOfStorage(versioned, read_time(as_of))


def read_time(text: str) -> datetime:
    """A time as people write it; without a zone it is UTC. Raises ``Invalid``."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(
            f"{text[:40]!r} is no time; write it as 2026-11-25T20:00:00Z or 2026-11-25."
        ) from None
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def open_storage(address: str, sas_variable: str = STORAGE_SAS) -> Storage:
    """The storage at ``file:///folder`` or at an https blob container URL with a folder.

    ``sas_variable``: the environment variable with its SAS.
    """
    if folder := os.environ.get("KYANITE_CACHE"):
        from kyanite.engine.index_cache import keep_caches_in

        keep_caches_in(Path(folder).absolute())
    parts = urlsplit(address)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise Invalid(
            "A repository address holds no credentials and no query; put a SAS into "
            f"{sas_variable}."
        )
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost") or not parts.path.strip("/"):
            raise Invalid("A local address is file:///path/of/the/folder.")
        return _open_folder(Path(unquote(parts.path)))
    if parts.scheme == "https":
        from kyanite.cli.repo.blob_address import open_blob_storage

        return open_blob_storage(address, sas_variable)
    if not parts.scheme and address:
        return _open_folder(Path(address).absolute())
    raise Invalid(
        f"{address[:80]!r} is no repository address: use file:///folder or "
        "https://account.blob.core.windows.net/container/folder."
    )


def _open_folder(path: Path) -> Storage:
    from kyanite.engine.storage.folder import FolderStorage
    from kyanite.engine.storage.folder_versions import VERSIONS_FOLDER, VersionedFolderStorage

    if (path / VERSIONS_FOLDER).is_dir():
        return VersionedFolderStorage(path)
    return FolderStorage(path)


def parallelism_for(address: str) -> Parallelism:
    """How much at once suits the way to this storage."""
    return Parallelism.far_storage() if address.startswith("https:") else Parallelism.local()


def read_password(password_file: Path | None) -> str:
    """The password or recovery key: from the file, the environment, or typed at a terminal.

    Raises ``UsageError`` without one.
    """
    if password_file is not None:
        password = read_first_line(password_file, "password file")
    else:
        password = os.environ.get("KYANITE_REPOSITORY_PASSWORD", "")
        if not password and sys.stdin.isatty():
            password = str(click.prompt("Password", hide_input=True, err=True))
    if not password:
        raise click.UsageError(
            "No password: give --password-file, or set KYANITE_REPOSITORY_PASSWORD."
        )
    return password


def read_new_password(new_password_file: Path | None) -> str:
    """A new password: from a file, or typed twice at a terminal. Raises ``UsageError``."""
    if new_password_file is not None:
        password = read_first_line(new_password_file, "file of the new password")
    elif sys.stdin.isatty():
        password = str(
            click.prompt("New password", hide_input=True, confirmation_prompt=True, err=True)
        )
    else:
        password = ""
    if not password:
        raise click.UsageError("No new password: give --new-password-file.")
    return password


def read_first_line(path: Path, what: str) -> str:
    """The first line of a file that holds a secret. Raises ``UsageError``."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"The {what} cannot be read: {error}") from None
    return lines[0] if lines else ""
