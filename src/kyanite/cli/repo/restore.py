"""``kyanite repo restore``: write a disk of a point into a file or onto a block device."""

from __future__ import annotations

from pathlib import Path

import click

from kyanite.base.errors import NotFound
from kyanite.base.units import format_bytes
from kyanite.cli.repo.address import (
    as_of_option,
    open_storage,
    parallelism_for,
    read_password,
    repository_options,
    seen_as_of,
)
from kyanite.cli.repo.image import ImageTarget
from kyanite.cli.repo.points import find_point
from kyanite.engine.repository import Repository
from kyanite.engine.restore import restore_disk


@click.command("restore", help="Restore the point LABEL of the repository at ADDRESS into OUT.")
@repository_options
@as_of_option
@click.argument("label")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--disk", help="Id or name of the disk, if the point has several.")
@click.option("--overwrite", is_flag=True, help="OUT is a block device that may be overwritten.")
def command(
    address: str,
    password_file: Path | None,
    as_of: str | None,
    label: str,
    out: Path,
    disk: str | None,
    overwrite: bool,
) -> None:
    storage = seen_as_of(open_storage(address), as_of)
    repository = Repository.open(storage, read_password(password_file))
    point = find_point(repository, label)
    chosen = [one for one in point.disks if disk in (None, one.disk_id, one.name)]
    if len(chosen) != 1:
        names = ", ".join(one.name for one in point.disks) or "none"
        raise NotFound(f"Name one disk of the point with --disk; it has: {names}.")
    target = ImageTarget(out, chosen[0].size_bytes, overwrite)
    try:
        result = restore_disk(
            storage,
            repository.restore_keys(point, {chosen[0].disk_id}),
            point,
            chosen[0].disk_id,
            target,
            parallelism=parallelism_for(address),
            holes=target.write_zeros if target.is_device else None,
        )
    except BaseException:
        target.give_up()
        raise
    target.finish()
    click.echo(f"Restored {format_bytes(result.written_bytes)} of {point.label} into {out}.")
