"""``kyanite repo verify``: is everything there, and is it what was written?"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path

import click

from kyanite.base.errors import StorageDenied
from kyanite.base.json_types import JsonObject
from kyanite.base.units import format_bytes
from kyanite.cli.repo.address import maintenance_options, open_maintenance, open_storage
from kyanite.cli.repo.byte_range import SizeType
from kyanite.cli.repo.progress import Progress
from kyanite.engine.format import text_of
from kyanite.engine.storage.throttled import Bandwidth, ThrottledStorage
from kyanite.engine.verify import Level, VerifyReport


@click.command("verify", help="Look for damage in the repository at ADDRESS; exit 1 if any.")
@maintenance_options
@click.option(
    "--level",
    type=click.Choice([level.value for level in Level]),
    default=Level.PRESENT.value,
    show_default=True,
    help="present: listings; sample: reads one pack in twenty; rolling: a part a day, what was "
    "read longest ago first; full: reads everything.",
)
@click.option("--rolling", is_flag=True, help="The same as --level rolling.")
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=30,
    show_default=True,
    help="Rolling: everything is read within so many days, if it runs every day.",
)
@click.option("--bandwidth", type=SizeType(), help="Read at most so many bytes a second.")
@click.option(
    "--note/--no-note",
    default=True,
    show_default=True,
    help="Keep in the repository what was read when, and what is damaged.",
)
@click.option("--json", "as_json", is_flag=True, help="Result and progress as JSON, for programs.")
def command(
    address: str,
    password_file: Path | None,
    maintenance_key_file: Path | None,
    level: str,
    rolling: bool,
    days: int,
    bandwidth: int | None,
    note: bool,
    as_json: bool,
) -> None:
    storage = open_storage(address)
    if bandwidth:
        storage = ThrottledStorage(storage, receiving=Bandwidth(bandwidth))
    repository = open_maintenance(storage, password_file, maintenance_key_file)
    progress = Progress("Reading:", None, as_json)
    report = repository.verify(Level.ROLLING if rolling else Level(level), progress, days)
    progress.end()
    if note:
        with suppress(StorageDenied):  # who may only read can verify all the same
            repository.remember(report)
    if as_json:
        click.echo(json.dumps(document(report), indent=1))
    else:
        _say(report)
    if report.level is Level.ROLLING and bandwidth:
        _warn_if_too_slow(report, days, bandwidth)
    if report.damages:
        sys.exit(1)


def document(report: VerifyReport) -> JsonObject:
    """A report for programs."""
    return {
        "level": report.level.value,
        "chunksOpened": report.chunks_opened,
        "bytesRead": report.bytes_read,
        "damages": [
            {
                "name": damage.name,
                "reason": damage.reason,
                "hurts": [
                    {
                        "point": hurt.session_id,
                        "label": hurt.label,
                        "disk": hurt.disk_id,
                        "offset": hurt.offset,
                        "length": hurt.length,
                    }
                    for hurt in damage.hurts
                ],
            }
            for damage in report.damages
        ],
        "points": [
            {
                "id": state.session_id,
                "machine": state.machine_id,
                "label": state.label,
                "createdAt": state.created_at,
                "hurt": state.hurt,
                "readOn": state.read_on.isoformat() if state.read_on else None,
            }
            for state in report.states
        ],
        "packs": [
            {
                "session": text_of(number.session_id),
                "ordinal": number.ordinal,
                "readOn": day.isoformat(),
            }
            for number, day in sorted(report.read_on.items())
        ],
        "packsThere": report.packs,
    }


def _say(report: VerifyReport) -> None:
    for damage in report.damages:
        click.echo(f"DAMAGED {damage.name}: {damage.reason}")
        for hurt in damage.hurts:
            click.echo(
                f"  hurts {hurt.label or hurt.session_id} ({hurt.session_id}), disk "
                f"{hurt.disk_id}, {hurt.length} bytes at {hurt.offset}"
            )
    if report.level is not Level.PRESENT:
        for state in report.states:
            read = f"read whole since {state.read_on}" if state.read_on else "not read whole yet"
            click.echo(f"{'HURT' if state.hurt else 'ok':<5} {state.label}: {read}")
    click.echo(
        f"{report.points} points, {report.packs} packs, {report.chunks_opened} chunks opened, "
        f"{format_bytes(report.bytes_read)} read: "
        + (f"{len(report.damages)} damaged objects." if report.damages else "no damage found.")
    )


def _warn_if_too_slow(report: VerifyReport, days: int, bandwidth: int) -> None:
    needed = report.pack_bytes / bandwidth / 86400
    if needed > days:
        click.echo(
            f"kyanite: at {format_bytes(bandwidth)}/s reading everything takes {needed:.1f} days "
            f"and not {days}; allow more bandwidth or more days.",
            err=True,
        )
