"""beginGetAccess and endGetAccess: SAS on disks and snapshots, and the phases of an upload."""

from __future__ import annotations

from azlab.core.arm import ArmCall
from azlab.core.errors import ArmError
from azlab.core.http import Response
from azlab.core.json_types import (
    JsonObject,
    JsonValue,
    flag_at,
    integer_at,
    text_at,
)
from azlab.core.resource_ids import parse
from azlab.core.resources import Record
from azlab.core.service import Lab
from azlab.core.state import Transaction
from azlab.services.compute import errors, machine_power
from azlab.services.compute.disk_state import (
    ACTIVE_UPLOAD,
    READY_TO_UPLOAD,
    UPLOADING,
    is_snapshot,
    set_upload_state,
    volume_of,
)
from azlab.services.compute.disks import check_readable
from azlab.services.compute.shapes import check_body
from azlab.services.disks import grants
from azlab.services.disks.footer import is_footer_of
from azlab.services.disks.guest import store_of
from azlab.services.placement import location_of

GRANTED, GRANT_FAILED = "compute.accessGranted", "compute.accessNotGranted"
REVOKED, REVOKE_FAILED = "compute.accessRevoked", "compute.accessNotRevoked"
_MOST_IN_FAMILY = 5
_LONGEST_SECONDS = 4_294_967_295


def begin_get_access(call: ArmCall) -> Response:
    """Grant a SAS; the operation's output is the URL."""
    asked = call.json()
    check_body("GrantAccessData", asked)
    record = call.record()
    access, seconds = _wanted(asked)
    if grants.live_on(call.tx, record.id.text, call.request.now):
        raise errors.live_access("snapshot" if is_snapshot(record.id) else "disk", record.id.name)
    _check_network(record)
    if access == "Write":
        _open_upload(call, record)
    else:
        _check_read(call, record)
    grants.revoke(call.tx, record.id.text)  # what has expired
    family = text_at(record.body, "properties", "incrementalSnapshotFamilyId")
    now = call.request.now
    if family and grants.live_in_family(call.tx, family, now) >= _MOST_IN_FAMILY:
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"At most {_MOST_IN_FAMILY} snapshots of one disk can have an active shared access "
            "signature at a time. Call EndGetAccess on another one first.",
        )
    grant = grants.issue(
        call.tx,
        record.id.text,
        volume_of(record.body),
        access,
        now,
        seconds,
        family=family,
        taken_at=text_at(record.body, "properties", "timeCreated"),
    )
    headers = call.start_operation(
        complete=GRANTED,
        arguments={"grant": grant.key, "id": record.id.text},
        location=location_of(record.body),
        on_failure=GRANT_FAILED,
    )
    return Response(202, headers)


def end_get_access(call: ArmCall) -> Response:
    """Revoke the SAS, at once; an upload ends when the operation does."""
    record = call.record()
    grants.revoke(call.tx, record.id.text)
    headers = call.start_operation(
        complete=REVOKED,
        arguments={"id": record.id.text},
        location=location_of(record.body),
        on_failure=REVOKE_FAILED,
    )
    return Response(202, headers)


class AccessOperations:
    """The ends of these operations."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def register(self) -> None:
        """Make them known to the lab."""
        operations = self._lab.operations
        operations.register(GRANTED, self.granted)
        operations.register(GRANT_FAILED, self.not_granted)
        operations.register(REVOKED, self.revoked)
        operations.register(REVOKE_FAILED, self.not_revoked)

    def granted(self, tx: Transaction, arguments: JsonObject) -> JsonValue:
        """The output of beginGetAccess."""
        account, _, container = text_at(arguments, "grant").partition("/")
        grant = grants.at(tx, account, container)
        if grant is None:
            raise ArmError(409, "Conflict", "The access was revoked before it was granted.")
        return {"accessSAS": grant.url(self._lab.endpoints.disks, grants.signing_key(tx))}

    def not_granted(self, tx: Transaction, arguments: JsonObject) -> JsonValue:
        """The operation failed: nobody has access."""
        grants.revoke(tx, text_at(arguments, "id"))
        return None

    def revoked(self, tx: Transaction, arguments: JsonObject) -> JsonValue:
        """An upload is over: a disk if its footer is there, else refused."""
        record = self._lab.resources.find(tx, parse(text_at(arguments, "id")))
        if record is None or text_at(record.body, "properties", "diskState") != ACTIVE_UPLOAD:
            return None
        store = store_of(self._lab)
        volume_id = volume_of(record.body)
        if not is_footer_of(store.footer(volume_id), store.size_bytes(volume_id)):
            raise errors.invalid_vhd(record.id.name)
        self._move(tx, record, "Unattached")
        return None

    def not_revoked(self, tx: Transaction, arguments: JsonObject) -> JsonValue:
        """The upload was refused, or the lab was told to fail: the disk waits for another one."""
        record = self._lab.resources.find(tx, parse(text_at(arguments, "id")))
        if record is not None and text_at(record.body, "properties", "diskState") in UPLOADING:
            self._move(tx, record, READY_TO_UPLOAD)
        return None

    def _move(self, tx: Transaction, record: Record, state: str) -> None:
        set_upload_state(record.body, state)
        self._lab.resources.put(tx, record.id, record.body)


def _wanted(asked: JsonObject) -> tuple[str, int]:
    access = {"read": "Read", "write": "Write"}.get(text_at(asked, "access").lower())
    if access is None:
        raise errors.invalid("grantAccessData.access", "The access must be Read or Write.")
    seconds = integer_at(asked, "durationInSeconds")
    if seconds is None:
        raise errors.required("grantAccessData.durationInSeconds")
    if not 1 <= seconds <= _LONGEST_SECONDS:
        raise errors.invalid(
            "grantAccessData.durationInSeconds", f"The duration {seconds} s is out of range."
        )
    if flag_at(asked, "getSecureVMGuestStateSAS"):
        raise errors.unsupported("SAS for the guest state of confidential machines")
    if text_at(asked, "fileFormat").lower() not in ("", "vhd"):
        raise errors.unsupported("exports in another format than VHD")
    return access, seconds


def _check_network(record: Record) -> None:
    policy = text_at(record.body, "properties", "networkAccessPolicy").lower()
    if policy == "denyall":
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"The network access policy of {record.id.name} is DenyAll: it cannot be exported.",
        )
    if policy == "allowprivate":
        raise errors.unsupported("access to disks by private endpoint (AllowPrivate)")


def _open_upload(call: ArmCall, record: Record) -> None:
    state = text_at(record.body, "properties", "diskState")
    if is_snapshot(record.id) or state not in UPLOADING:
        raise errors.bad_disk_state(record.id.name, state, READY_TO_UPLOAD)
    set_upload_state(record.body, ACTIVE_UPLOAD)
    call.lab.resources.put(call.tx, record.id, record.body)


def _check_read(call: ArmCall, record: Record) -> None:
    check_readable(call, record)
    machine_id = text_at(record.body, "managedBy")
    if machine_id and machine_power.is_allocated(call.tx, machine_id):
        raise errors.attached_to_running(record.id.name, machine_id)
