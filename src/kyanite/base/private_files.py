"""Files that only their owner, and perhaps a group, may read: keys, and the folder of all."""

from __future__ import annotations

import stat
from pathlib import Path

from kyanite.base.errors import Invalid


def require_private_file(file: Path) -> None:
    """Raise ``Invalid`` if other users may read or write ``file``; a missing one is fine.

    A group may: that is how secrets are mounted into containers.
    """
    try:
        mode = file.stat().st_mode
    except FileNotFoundError:
        return
    if mode & stat.S_IRWXO:
        raise Invalid(f"Other users of this machine may use {file}: run chmod o-rwx on it.")


def require_own_folder(folder: Path) -> None:
    """Raise ``Invalid`` if other users may put files into ``folder``."""
    if folder.stat().st_mode & stat.S_IWOTH:
        raise Invalid(
            f"Other users of this machine may put files into {folder}: run chmod o-w on it, or "
            "name a folder of the appliance's own."
        )
