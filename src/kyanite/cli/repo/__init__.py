"""``kyanite repo``: use a repository with its address and password alone."""

from __future__ import annotations

from typing import Final

from kyanite.cli.main import LazyGroup

_COMMANDS: Final = {
    "backup": "kyanite.cli.repo.backup:command",
    "clean": "kyanite.cli.repo.clean:command",
    "copy": "kyanite.cli.repo.copy:command",
    "diff": "kyanite.cli.repo.diff:command",
    "excise": "kyanite.cli.repo.excise:command",
    "info": "kyanite.cli.repo.info:command",
    "init": "kyanite.cli.repo.init:command",
    "key": "kyanite.cli.repo.key:command",
    "list": "kyanite.cli.repo.points:command",
    "lock": "kyanite.cli.repo.lock:command",
    "locks": "kyanite.cli.repo.locks:command",
    "rebuild-index": "kyanite.cli.repo.rebuild_index:command",
    "repair": "kyanite.cli.repo.repair:command",
    "restore": "kyanite.cli.repo.restore:command",
    "verify": "kyanite.cli.repo.verify:command",
}

command = LazyGroup(
    "repo",
    _COMMANDS,
    "Work on a repository alone, with its address and password, without the appliance.",
)
