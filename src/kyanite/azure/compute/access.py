"""Access to the bytes of a disk or snapshot: grant a SAS, take it back.

Azure gives one live access at a time and refuses a second with a conflict. Our snapshots
and upload disks belong to one job, so a live access that we do not know of is the rest of
an interrupted attempt, whose SAS nobody holds any more: it is revoked and granted anew.
"""

from __future__ import annotations

from typing import Final

from kyanite.azure.arm import ArmClient
from kyanite.azure.pauses import Patience, Retries
from kyanite.azure.signed_urls import SignedUrl
from kyanite.base.errors import Gone, Rejected
from kyanite.base.json_types import JsonObject, as_text, dig

_CONFLICT: Final = 409
_LIVE_STATES: Final = frozenset({"activesas", "activesasfrozen", "activeupload"})
_WHOLE_STATES: Final = frozenset({"unattached", "attached", "reserved"})


def grant_read(arm: ArmClient, resource_id: str, seconds: int) -> SignedUrl:
    """A URL that reads the disk or snapshot for ``seconds``."""
    return _grant(arm, resource_id, "Read", seconds)


def grant_write(arm: ArmClient, disk_id: str, seconds: int) -> SignedUrl:
    """A URL that writes the pages of an upload disk for ``seconds``."""
    return _grant(arm, disk_id, "Write", seconds)


def revoke(arm: ArmClient, resource_id: str) -> None:
    """End every access, whatever was done with it.

    A missing resource, one without live access, and an upload that is not whole are fine.
    """
    try:
        arm.post(f"{resource_id}/endGetAccess")
    except Gone:
        return
    except Rejected:
        # Azure refuses to end what was never granted, and calls a half upload invalid when
        # it has ended it: what counts is whether anybody can still get at the bytes.
        if is_live(arm.find(resource_id) or {}):
            raise


def finish_upload(arm: ArmClient, disk_id: str) -> None:
    """End the access to an upload disk, which makes it a disk. Repeating it is harmless.

    Raises ``Rejected`` when Azure finds that what was uploaded is not a whole disk.
    """
    try:
        arm.post(f"{disk_id}/endGetAccess")
    except Rejected:
        if not is_whole(arm.get(disk_id)):
            raise


def is_whole(resource: JsonObject) -> bool:
    """Whether this upload disk (its raw JSON) is a finished one."""
    return as_text(dig(resource, "properties", "diskState")).lower() in _WHOLE_STATES


def is_live(resource: JsonObject) -> bool:
    """Whether somebody holds an access to this disk or snapshot (its raw JSON)."""
    return as_text(dig(resource, "properties", "diskState")).lower() in _LIVE_STATES


def _grant(arm: ArmClient, resource_id: str, access: str, seconds: int) -> SignedUrl:
    body: JsonObject = {"access": access, "durationInSeconds": seconds}
    retries = Retries(arm.check, Patience(attempts=5))
    while True:
        try:
            answer = arm.post(f"{resource_id}/beginGetAccess", body)
        except Rejected as error:
            if error.status != _CONFLICT or not retries.again():
                raise
            revoke(arm, resource_id)
            continue
        url = as_text(answer.get("accessSAS")) or as_text(
            dig(answer, "properties", "output", "accessSAS")
        )
        if not url:
            raise Rejected(f"Azure granted access to {resource_id} but gave no address for it.")
        return SignedUrl.parse(url)
