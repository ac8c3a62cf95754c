"""`kyanite openapi`."""

from __future__ import annotations

import json

import click


@click.command("openapi")
@click.option("--additions", is_flag=True, help="What is served below /api/kyanite/v1 instead.")
def command(additions: bool) -> None:
    """Print the OpenAPI document of the application, without starting anything."""
    from kyanite.http.provide import Provisions
    from kyanite.server.app import build

    application = build(Provisions())
    click.echo(json.dumps(application.own_openapi() if additions else application.openapi()))
