"""``kyanite repo clean``: give back what no point needs; and forget points first, if asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kyanite.base.units import GIB, format_bytes
from kyanite.cli.repo.address import maintenance_options, open_maintenance, open_storage
from kyanite.cli.repo.points import find_point
from kyanite.engine.storage.folder import FolderStorage

if TYPE_CHECKING:
    from kyanite.engine.cleaning import CleanPlan
    from kyanite.engine.maintenance import Maintenance


@click.command("clean", help="Give back the space of deleted points in the repository at ADDRESS.")
@maintenance_options
@click.option("--delete", "labels", multiple=True, help="Delete this point first (repeatable).")
@click.option(
    "--give-up",
    "sessions",
    multiple=True,
    help="This open session will never be resumed (repeatable); `info` lists them.",
)
@click.option(
    "--plan/--execute",
    "only_plan",
    default=False,
    help="Only show what would be done, and change nothing; or do it (the default).",
)
@click.option("--whole", is_flag=True, help="List every pack, also where nothing has expired.")
@click.option(
    "--repack",
    "repack_gib",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="GIB",
    help="First move up to so much live data out of wasteful packs. Needs a password.",
)
def command(
    address: str,
    password_file: Path | None,
    maintenance_key_file: Path | None,
    labels: tuple[str, ...],
    sessions: tuple[str, ...],
    only_plan: bool,
    whole: bool,
    repack_gib: float,
) -> None:
    storage = open_storage(address)
    repository = open_maintenance(storage, password_file, maintenance_key_file)
    if only_plan:
        if labels or sessions or repack_gib:
            raise click.UsageError("--plan changes nothing: leave out what would.")
        _show(repository.plan_cleaning(whole=whole))
        return
    repository.delete_points([find_point(repository, label).session_id for label in labels])
    for session_id in sessions:
        repository.abandon_session(session_id, "given up by the operator")
    if repack_gib:
        _repack(repository, int(repack_gib * GIB))
    report = repository.clean(whole=whole)
    if isinstance(storage, FolderStorage):
        storage.remove_leftovers()
    click.echo(
        f"Deleted {report.deleted_packs} packs, {format_bytes(report.freed_bytes)}; "
        f"{report.kept_packs} packs are kept."
    )
    if report.locked_packs:
        click.echo(f"{report.locked_packs} more are needed by no point, but locked; later.")
    if report.condemned_packs:
        click.echo(
            f"{report.condemned_packs} packs wait for open sessions: "
            + ", ".join(report.waiting_for)
            + ". Clean again when they have ended, or give them up with --give-up."
        )


def _show(plan: CleanPlan) -> None:
    click.echo(
        f"{len(plan.unused)} packs, {format_bytes(plan.unused_bytes)}, are needed by no point"
        + (" (all packs were listed)." if plan.whole else " (looked at where something expired).")
    )
    if plan.locked:
        click.echo(f"{len(plan.locked)} more are locked and would stay until their locks end.")
    if plan.condemned:
        click.echo(f"{plan.condemned} more packs were condemned by an earlier cleaning.")
    if plan.open:
        click.echo(
            "They would be deleted after these open sessions have ended: "
            + ", ".join(plan.open)
            + "; or give them up with --give-up."
        )


def _repack(repository: Maintenance, budget_bytes: int) -> None:
    from kyanite.engine.repository import Repository

    if not isinstance(repository, Repository):
        raise click.UsageError(
            "The maintenance key opens no data, so nothing can be moved; use a password."
        )
    report = repository.repack(budget_bytes=budget_bytes)
    click.echo(
        f"Moved {format_bytes(report.moved_bytes)} out of {report.moved_packs} packs; "
        f"{format_bytes(report.wasted_bytes)} in them come free."
    )
    for reason in report.damaged:
        click.echo(f"kyanite: a pack was left where it is: {reason}", err=True)
