"""Signed access to snapshots and disks for the time of one transfer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from kyanite.areas.accounts import AzureAccess
from kyanite.azure.arm import ArmClient
from kyanite.azure.compute import access as azure_access
from kyanite.azure.signed_urls import SignedUrl
from kyanite.base.errors import AzureError, CallerError, LeaseLost
from kyanite.durable.context import JobContext

READ_SECONDS: Final = 3600
"""A stolen order reads for an hour at most; longer transfers renew."""
WRITE_SECONDS: Final = 24 * 3600
"""Azure closes an upload with its access, so a write access has to last for the whole disk."""


@contextmanager
def read_access(
    ctx: JobContext, arm: ArmClient, resource_ids: Sequence[str]
) -> Iterator[dict[str, SignedUrl]]:
    """Read access to each resource in the block, by its id; none is left after it."""
    with _revoked_afterwards(ctx, arm, resource_ids):
        urls = ctx.at_once(
            lambda id_: azure_access.grant_read(arm, id_, READ_SECONDS), resource_ids
        )
        yield dict(zip(resource_ids, urls, strict=True))


@contextmanager
def write_access(
    ctx: JobContext, arm: ArmClient, disk_ids: Sequence[str]
) -> Iterator[dict[str, SignedUrl]]:
    """Write access to empty upload disks in the block, which has to finish each upload; when it
    is left with an error, none is left."""
    with _revoked_afterwards(ctx, arm, disk_ids, always=False):
        urls = ctx.at_once(lambda id_: azure_access.grant_write(arm, id_, WRITE_SECONDS), disk_ids)
        yield dict(zip(disk_ids, urls, strict=True))


@contextmanager
def none_left_by_earlier(
    ctx: JobContext, account_id: str, resource_ids: Callable[[], Collection[str]]
) -> Iterator[None]:
    """When the job ends with an error in the block, what it was granted before ends too.

    An attempt that was killed has revoked nothing, and the one after it may end before it comes
    to that. ``resource_ids`` are those that any attempt may read; they are asked for only then.
    """
    try:
        yield
    except LeaseLost:
        raise
    except Exception as error:  # whatever it is that ends the job; it is raised again
        # The first epoch has nothing before it.
        if ctx.epoch > 1 and not ctx.will_retry(error):
            _revoke_or_tell(ctx, account_id, resource_ids)
        raise


def _revoke_or_tell(
    ctx: JobContext, account_id: str, resource_ids: Callable[[], Collection[str]]
) -> None:
    try:
        arm = ctx.provided(AzureAccess).arm_client(account_id).with_check(ctx.check)
        with ctx.uninterrupted():
            ctx.at_once(lambda id_: azure_access.revoke(arm, id_), sorted(resource_ids()))
    except (AzureError, CallerError) as refusal:
        ctx.log(f"Access to snapshots ends by itself within an hour only: {refusal}")


@contextmanager
def _revoked_afterwards(
    ctx: JobContext, arm: ArmClient, resource_ids: Sequence[str], *, always: bool = True
) -> Iterator[None]:
    """``always``: also after a block that has ended well, and so has not revoked by itself."""
    try:
        yield
    except LeaseLost:
        # Whoever has taken over uses the same resources; they are not ours to close.
        raise
    except BaseException:
        with ctx.uninterrupted():
            ctx.at_once(lambda id_: azure_access.revoke(arm, id_), resource_ids)
        raise
    if always:
        with ctx.uninterrupted():
            ctx.at_once(lambda id_: azure_access.revoke(arm, id_), resource_ids)
