"""The ``kyanite`` command: finds the asked-for command, and imports only that.

Start-up is part of the product's figures: nothing but click is imported before a command
is chosen.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Final

import click

from kyanite.base import interpreter
from kyanite.base.errors import Invalid, KyaniteError

# Name → where its click command is. Add a command: one file, one line.
COMMANDS: Final = {
    "audit": "kyanite.cli.audit:command",
    "openapi": "kyanite.cli.openapi:command",
    "repo": "kyanite.cli.repo:command",
    "serve": "kyanite.cli.serve:command",
    "user": "kyanite.cli.user:command",
    "worker": "kyanite.cli.worker:command",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used."""

    def __init__(self, name: str, commands: dict[str, str], text: str) -> None:
        super().__init__(name, help=text)
        self._places = commands

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return sorted(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        place = self._places.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        found = getattr(import_module(module), name)
        assert isinstance(found, click.Command), place
        return found


kyanite = LazyGroup(
    "kyanite", COMMANDS, "Kyanite: backup and recovery for Azure, and its repositories."
)
click.version_option(package_name="kyanite", message="%(prog)s %(version)s")(kyanite)


def main() -> None:
    """Run the command line; exit status 0 success, 1 the work failed, 2 wrong usage."""
    interpreter.set_up()
    try:
        kyanite.main(prog_name="kyanite", standalone_mode=False)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2 if isinstance(error, click.UsageError) else 1)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        sys.exit(1)
    except Invalid as error:
        click.echo(f"kyanite: {error}", err=True)
        sys.exit(2)
    except (KyaniteError, OSError) as error:
        click.echo(f"kyanite: {error}", err=True)
        sys.exit(1)
    finally:
        interpreter.wind_up()
