"""`kyanite openapi`."""

from __future__ import annotations

import json

import click


@click.command("openapi")
def command() -> None:
    """Print the OpenAPI document of the application, without starting anything."""
    from kyanite.http.provide import Provisions
    from kyanite.server.app import build

    click.echo(json.dumps(build(Provisions()).openapi()))
