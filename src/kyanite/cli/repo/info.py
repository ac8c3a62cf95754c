"""``kyanite repo info``: what a repository is and holds."""

from __future__ import annotations

import json
from pathlib import Path

import click

from kyanite.base.units import format_bytes
from kyanite.cli.repo.address import open_storage, read_password, repository_options
from kyanite.cli.repo.points import warn
from kyanite.engine.format import INDEX_PREFIX, PACKS_PREFIX
from kyanite.engine.repository import Repository


@click.command("info", help="Say what the repository at ADDRESS is and holds.")
@repository_options
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def command(address: str, password_file: Path | None, as_json: bool) -> None:
    storage = open_storage(address)
    repository = Repository.open(storage, read_password(password_file))
    packs = [info.size_bytes for info in storage.list(PACKS_PREFIX)]
    segments = [info.size_bytes for info in storage.list(INDEX_PREFIX)]
    facts = {
        "id": repository.repository_id.hex(),
        "points": len(repository.points(warn)),
        "openSessions": repository.open_sessions(),
        "packs": len(packs),
        "packBytes": sum(packs),
        "indexSegments": len(segments),
        "indexBytes": sum(segments),
        "settings": repository.settings.to_json(),
    }
    if as_json:
        click.echo(json.dumps(facts, indent=1))
        return
    click.echo(f"Repository  {facts['id']}")
    click.echo(f"Points      {facts['points']}")
    click.echo(f"Packs       {len(packs)}, {format_bytes(sum(packs))}")
    click.echo(f"Index       {len(segments)} segments, {format_bytes(sum(segments))}")
    for session_id in repository.open_sessions():
        click.echo(f"Open        session {session_id}")
