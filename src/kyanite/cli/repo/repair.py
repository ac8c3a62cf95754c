"""``kyanite repo repair``: store anew what is damaged or missing, from wherever it can be had."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from kyanite.cli.repo.address import open_storage, read_password, repository_options
from kyanite.cli.repo.points import describe_holes
from kyanite.cli.repo.progress import Progress
from kyanite.cli.repo.second_repository import open_second, second_password_option
from kyanite.engine.repair import RepairReport, repair
from kyanite.engine.repository import Repository
from kyanite.engine.verify import Level


@click.command("repair", help="Repair the repository at ADDRESS; exit 1 if holes are left.")
@repository_options
@click.option("--from", "second", help="Address of another repository of the same machines.")
@second_password_option
@click.option(
    "--level",
    type=click.Choice([Level.PRESENT.value, Level.FULL.value]),
    default=Level.PRESENT.value,
    show_default=True,
    help="How deep to look for damage first, besides what was found before.",
)
@click.option("--json", "as_json", is_flag=True, help="Result and progress as JSON, for programs.")
def command(
    address: str,
    password_file: Path | None,
    second: str | None,
    second_password_file: Path | None,
    level: str,
    as_json: bool,
) -> None:
    repository = Repository.open(open_storage(address), read_password(password_file))
    other = open_second(second, second_password_file) if second else None
    progress = Progress("Looking:", None, as_json)
    repository.remember(repository.verify(Level(level), progress))
    progress.end()
    report = repair(repository, other)
    if as_json:
        click.echo(json.dumps(_document(report), indent=1))
    else:
        _say(repository, report)
    if report.holes:
        sys.exit(1)


def _document(report: RepairReport) -> dict[str, object]:
    return {
        "refilled": report.refilled,
        "fromSecond": report.from_second,
        "repairedPacks": report.repaired_packs,
        "lost": report.lost,
        "holes": {session_id: describe_holes(disks) for session_id, disks in report.holes.items()},
    }


def _say(repository: Repository, report: RepairReport) -> None:
    labels = {point.session_id: point.label for point in repository.points(lambda _, __: None)}
    for session_id, disks in report.holes.items():
        for disk_id, ranges in disks.items():
            places = ", ".join(f"{one.length} bytes at {one.offset}" for one in ranges)
            click.echo(
                f"INCOMPLETE {labels.get(session_id, session_id)} ({session_id}), disk "
                f"{disk_id}: {places}"
            )
    click.echo(
        f"Stored {report.refilled} chunks and pages anew, {report.from_second} of them from the "
        f"other repository; {report.repaired_packs} packs are replaced."
    )
    if report.lost:
        click.echo(
            f"{report.lost} are nowhere: back up the same machines again, or name another "
            "repository with --from, and repair again; `restore --holes` restores the rest."
        )
    elif report.repaired_packs:
        click.echo("Clean to give the space of the replaced packs back.")
