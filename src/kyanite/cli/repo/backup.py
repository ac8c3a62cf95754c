"""``kyanite repo backup``: back up a disk image or block device."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kyanite.base.errors import Invalid, KyaniteError, StorageError
from kyanite.base.identifiers import new_id
from kyanite.base.units import format_bytes
from kyanite.cli.repo.address import (
    open_storage,
    parallelism_for,
    read_password,
    repository_options,
)
from kyanite.cli.repo.early_opening import EarlyOpening

if TYPE_CHECKING:
    from kyanite.engine.ranges import RangeList
    from kyanite.engine.storage.base import Storage


@click.command("backup", help="Back up IMAGE (a file or block device) into ADDRESS.")
@repository_options
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--label", required=True, help="How the point is called.")
@click.option("--changes", type=click.Path(path_type=Path), help="RANGES.json: what changed.")
@click.option("--parent", help="Label of the point that --changes refers to.")
@click.option("--lock-days", type=click.IntRange(1, 36500), help="Lock the point for so long.")
@click.option("--machine", default="", help="Name of the machine; default: the image's name.")
def command(
    address: str,
    password_file: Path | None,
    image: Path,
    label: str,
    changes: Path | None,
    parent: str | None,
    lock_days: int | None,
    machine: str,
) -> None:
    if parent and changes is None:
        raise click.UsageError("--parent needs --changes.")
    password = read_password(password_file)
    storage = open_storage(address)
    end = None if lock_days is None else _end_of_lock(storage, lock_days)
    opening = EarlyOpening(storage, password)
    # What follows is imported while the password is stretched.
    from kyanite.cli.repo.image import ImageSource
    from kyanite.cli.repo.points import find_point
    from kyanite.engine.backup import back_up
    from kyanite.engine.disk_input import DiskInput

    with ImageSource(image) as source:
        ranges = None if changes is None else _read_ranges(changes, source.size_bytes)
        if parent is None and ranges is None:
            ranges = source.allocated()
        if ranges is not None:
            source.expect(ranges)
        repository = opening.repository()
        base = find_point(repository, parent) if parent else None
        disk_id = base.disks[0].disk_id if base and len(base.disks) == 1 else "image"
        disk = DiskInput(
            disk_id,
            image.name,
            source.size_bytes,
            source,
            allocated=None if base else ranges,
            changes=ranges if base else None,
        )
        ticket = repository.open_session(
            new_id(), machine or image.name, label, base.session_id if base else None
        )
        recipe = json.dumps({"image": str(image)}).encode()
        try:
            result = back_up(
                storage,
                repository.backup_keys(ticket),
                ticket,
                [disk],
                recipe,
                parallelism=parallelism_for(address),
                lock_until=end,
            )
        except (KyaniteError, KeyboardInterrupt):
            # Nobody will resume this session: it must not keep packs alive.
            with suppress(StorageError):  # what went wrong first is what counts
                repository.abandon_session(ticket.session_id, "the command failed")
            raise
        with suppress(StorageError):  # the point stands; the next cleaning merges as well
            repository.tidy_index()
    point = result.point
    report = None if end is None else repository.lock()
    click.echo(
        f"{point.kind} {label}: looked at {format_bytes(point.processed_bytes)}, "
        f"stored {format_bytes(point.stored_bytes)} as {point.session_id}."
    )
    if report is not None:
        from kyanite.cli.repo.locks import show

        show(report, as_json=False)


def _end_of_lock(storage: Storage, days: int) -> datetime:
    """Raises ``StorageDenied`` where nothing can be locked, before anything is stored."""
    from kyanite.engine.storage.base import versions_of
    from kyanite.engine.storage.wrapper import no_versions

    if versions_of(storage) is None:
        raise no_versions()
    return datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)


def _read_ranges(path: Path, size_bytes: int) -> RangeList:
    from kyanite.engine.ranges import RangeList

    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise Invalid(f"The range list {path} cannot be read: {error}") from None
    size, ranges = RangeList.from_json(document)
    if size != size_bytes:
        raise Invalid(f"{path} is about a disk of {size} bytes, the image has {size_bytes}.")
    return ranges
