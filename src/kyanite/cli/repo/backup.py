"""``kyanite repo backup``: back up a disk image or block device."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from kyanite.base.errors import Invalid, KyaniteError, StorageError
from kyanite.base.units import format_bytes
from kyanite.cli.repo.address import (
    open_storage,
    parallelism_for,
    read_password,
    repository_options,
)
from kyanite.cli.repo.byte_range import SizeType
from kyanite.cli.repo.early_opening import EarlyOpening

if TYPE_CHECKING:
    from kyanite.engine.limits import Limits
    from kyanite.engine.ranges import RangeList
    from kyanite.engine.storage.base import Storage

_STANDARD_INPUT: Final = Path("-")


@click.command(
    "backup", help="Back up IMAGE (a file, a block device, or - for standard input) into ADDRESS."
)
@repository_options
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--label", required=True, help="How the point is called.")
@click.option("--changes", type=click.Path(path_type=Path), help="RANGES.json: what changed.")
@click.option("--parent", help="Label of the point that --changes refers to.")
@click.option("--lock-days", type=click.IntRange(1, 36500), help="Lock the point for so long.")
@click.option("--machine", default="", help="Name of the machine; default: the image's name.")
@click.option("--limit-upload", type=SizeType(), help="Send at most so many bytes a second.")
@click.option("--limit-download", type=SizeType(), help="Receive at most so many bytes a second.")
@click.option("--uploads", type=click.IntRange(1, 64), help="At most so many packs sent at once.")
def command(
    address: str,
    password_file: Path | None,
    image: Path,
    label: str,
    changes: Path | None,
    parent: str | None,
    lock_days: int | None,
    machine: str,
    limit_upload: int | None,
    limit_download: int | None,
    uploads: int | None,
) -> None:
    if parent and changes is None:
        raise click.UsageError("--parent needs --changes.")
    if changes and image == _STANDARD_INPUT:
        raise click.UsageError("What comes from standard input is always taken whole.")
    password = read_password(password_file)
    storage = open_storage(address)
    end = None if lock_days is None else _end_of_lock(storage, lock_days)
    opening = EarlyOpening(storage, password)
    # What follows is imported while the password is stretched.
    from kyanite.base.identifiers import new_id
    from kyanite.cli.repo.image import ImageSource
    from kyanite.cli.repo.points import find_point
    from kyanite.engine.backup import back_up
    from kyanite.engine.disk_input import DiskInput, StreamInput

    with ExitStack() as opened:
        if image == _STANDARD_INPUT:
            repository, base, name = opening.repository(), None, "standard input"
            disk: DiskInput | StreamInput = StreamInput("image", name, sys.stdin.buffer)
        else:
            source, name = opened.enter_context(ImageSource(image)), image.name
            ranges = None if changes is None else _read_ranges(changes, source.size_bytes)
            if parent is None and ranges is None:
                ranges = source.allocated()
            if ranges is not None:
                source.survey(ranges)
            repository = opening.repository()
            base = find_point(repository, parent) if parent else None
            disk = DiskInput(
                base.disks[0].disk_id if base and len(base.disks) == 1 else "image",
                name,
                source.size_bytes,
                source,
                allocated=None if base else ranges,
                changes=ranges if base else None,
            )
        ticket = repository.open_session(
            new_id(), machine or name, label, base.session_id if base else None
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
                limits=_limits(limit_upload, limit_download, uploads),
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


def _limits(
    sending_bytes_per_second: int | None,
    receiving_bytes_per_second: int | None,
    uploads: int | None,
) -> Limits | None:
    if sending_bytes_per_second or receiving_bytes_per_second or uploads:
        from kyanite.engine.limits import Limits

        return Limits(sending_bytes_per_second or None, receiving_bytes_per_second or None, uploads)
    return None


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
