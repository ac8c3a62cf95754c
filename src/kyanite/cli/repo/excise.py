"""``kyanite repo excise``: treat all chunks of one session as missing."""

from __future__ import annotations

import json
from pathlib import Path

import click

from kyanite.cli.repo.address import open_storage, read_password, repository_options
from kyanite.cli.repo.points import describe
from kyanite.engine.excision import excise
from kyanite.engine.repository import Repository


@click.command("excise", help="Trust nothing that SESSION has stored in ADDRESS any more.")
@repository_options
@click.argument("session")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def command(address: str, password_file: Path | None, session: str, as_json: bool) -> None:
    repository = Repository.open(open_storage(address), read_password(password_file))
    done = excise(repository, session)
    if as_json:
        points = [describe(point) for point in done.points]
        click.echo(json.dumps({"packs": done.packs, "points": points}, indent=1))
        return
    for point in done.points:
        click.echo(f"hurts {point.label} ({point.session_id}) of {point.machine_id}")
    click.echo(
        f"{done.packs} packs of session {session} count as missing; {len(done.points)} points "
        "need something of them. Back up the machines again or name another repository with "
        "`repair --from`; then repair."
    )
