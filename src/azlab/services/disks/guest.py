"""What a guest system does to its disks, for the control interface.

A guest writes whole sectors; for convenience the control interface takes any range, and the
sectors at its ends are read, changed and written back. Each call is one or more writes of its
own, as a guest's are: a snapshot taken meanwhile holds some of them.
"""

from __future__ import annotations

from azlab.core.errors import ArmError
from azlab.core.json_types import text_at
from azlab.core.resource_ids import BadResourceId, parse
from azlab.core.service import Lab
from azlab.services.disks.layer import SECTOR_BYTES
from azlab.services.disks.store import OutsideVolume, PageStore, VolumeFrozen, VolumeMissing

_TYPES = ("microsoft.compute/disks", "microsoft.compute/snapshots")


class DiskGuest:
    """The hands of all guests of one lab, and the page store they work on."""

    def __init__(self, store: PageStore) -> None:
        self.store = store

    def write(self, lab: Lab, arm_id: str, offset: int, data: bytes | memoryview) -> None:
        """Write bytes anywhere on a disk, attached or not."""
        view = memoryview(data)
        if not view.nbytes:
            return
        volume_id = self._volume(lab, arm_id)
        end = offset + view.nbytes
        first, last = offset - offset % SECTOR_BYTES, end + -end % SECTOR_BYTES
        try:
            if (first, last) != (offset, end):
                whole = self.store.read(volume_id, first, last - first)
                whole[offset - first : end - first] = view
                view = memoryview(whole)
            self.store.write(volume_id, first, view)
        except (OutsideVolume, VolumeFrozen, VolumeMissing) as error:
            raise _refused(arm_id, error) from error

    def discard(self, lab: Lab, arm_id: str, offset: int, length: int) -> None:
        """Discard a range; the parts of sectors at its ends become zeros."""
        volume_id = self._volume(lab, arm_id)
        end = offset + length
        first = min(offset + -offset % SECTOR_BYTES, end)
        last = max(end - end % SECTOR_BYTES, first)
        try:
            if offset < 0 or end > self.store.size_bytes(volume_id):
                raise OutsideVolume(f"The disk has {self.store.size_bytes(volume_id)} bytes.")
            if first < last:
                self.store.clear(volume_id, first, last - first)
            self.write(lab, arm_id, offset, bytes(first - offset))
            self.write(lab, arm_id, last, bytes(end - last))
        except (OutsideVolume, VolumeFrozen, VolumeMissing) as error:
            raise _refused(arm_id, error) from error

    def read(self, lab: Lab, arm_id: str, offset: int, length: int) -> bytes:
        """Bytes of a disk or snapshot."""
        try:
            return bytes(self.store.read(self._volume(lab, arm_id), offset, length))
        except (OutsideVolume, VolumeMissing) as error:
            raise _refused(arm_id, error) from error

    def _volume(self, lab: Lab, arm_id: str) -> str:
        try:
            resource_id = parse(arm_id)
        except BadResourceId as error:
            raise ArmError(400, "InvalidResourceId", str(error)) from error
        if resource_id.type.lower() not in _TYPES:
            raise ArmError(400, "InvalidResourceId", f"{arm_id} is neither a disk nor a snapshot.")
        with lab.state.transaction() as tx:
            body = lab.resources.body(tx, resource_id)
        if body is None:
            raise ArmError(404, "ResourceNotFound", f"There is no {arm_id}.")
        return text_at(body, "properties", "uniqueId")


def store_of(lab: Lab) -> PageStore:
    """The page store of a lab, once the service is registered."""
    if not isinstance(lab.guest, DiskGuest):
        raise TypeError("The service disks is not registered.")
    return lab.guest.store


def _refused(arm_id: str, error: Exception) -> ArmError:
    if isinstance(error, VolumeFrozen):
        return ArmError(409, "SnapshotIsReadOnly", f"{arm_id} is a snapshot: nobody writes to it.")
    if isinstance(error, VolumeMissing):
        return ArmError(404, "ResourceNotFound", f"{arm_id} was deleted meanwhile.")
    return ArmError(416, "OutsideDisk", f"The range does not lie in {arm_id}: {error}")
