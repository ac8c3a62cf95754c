"""One machine's part of a backup session: from its snapshots into the repository."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from kyanite.areas.accounts import AzureAccess
from kyanite.areas.inventory import Machine, get_machine
from kyanite.areas.repositories import USED_KIND as REPOSITORY_USED_KIND
from kyanite.areas.repositories import Repositories, RepositoryFacts, SecondLook
from kyanite.areas.vm import points
from kyanite.areas.vm.jobs import marks
from kyanite.areas.vm.jobs.access import READ_SECONDS, none_left_by_earlier, read_access
from kyanite.areas.vm.jobs.attempts import payload_text
from kyanite.areas.vm.jobs.locking import generations_to_json, lock_for
from kyanite.areas.vm.jobs.resource import machine_item
from kyanite.areas.vm.jobs.retire import retire_snapshots
from kyanite.areas.vm.jobs.transfer import beside, show_on, with_movers
from kyanite.areas.vm.policy_queries import get_policy
from kyanite.areas.vm.policy_settings import ages_to_json, backup_ages, snapshots_to_keep
from kyanite.areas.vm.recipes import recipe_document
from kyanite.areas.vm.tables import DiskSnapshotRow, PolicyRow, RestorePointRow
from kyanite.azure.arm import ArmClient
from kyanite.azure.compute import access as azure_access
from kyanite.azure.compute import snapshots as azure_snapshots
from kyanite.azure.signed_urls import SignedUrl
from kyanite.base.errors import Damaged, Missing, NotFound, PointVoided, Rejected
from kyanite.base.json_types import JsonObject, JsonValue, as_int, as_list, as_object, as_text, dig
from kyanite.base.units import format_bytes
from kyanite.datamover.client import mover_ahead, run
from kyanite.datamover.messages import CredentialNeed
from kyanite.datamover.orders import BackupOrder, BackupOutcome, SourceDisk, StorageAccess
from kyanite.db.uses import Thing, lock_used
from kyanite.durable.context import JobContext
from kyanite.durable.item import Item
from kyanite.engine.repository import Repository
from kyanite.rules.immutability import Lock
from kyanite.rules.retention import Flag, format_flags
from kyanite.rules.sessions import SessionStatus

_REGISTERED = "session in the repository"


@dataclass(frozen=True)
class Parent:
    """What the new backup builds on: a point, and snapshots to compare with, by disk id."""

    point_id: str | None = None
    snapshots: tuple[tuple[str, str], ...] = ()
    reason: str = "the first backup of this machine in this repository"
    """Why everything allocated is read, when nothing can be compared."""

    def snapshot_of(self, disk_id: str) -> str | None:
        """The older snapshot of a disk."""
        return dict(self.snapshots).get(disk_id)


@dataclass(frozen=True)
class _Work:
    """Everything one transfer needs to know."""

    machine: Machine
    policy: PolicyRow
    repository: RepositoryFacts
    snapshot_point: RestorePointRow
    disks: Sequence[DiskSnapshotRow]
    point_id: str
    flags: frozenset[Flag]
    lock: Lock | None


def back_up_machine(ctx: JobContext, payload: JsonObject) -> JsonValue:
    """Differences, transfer, restore point, retention of snapshots."""
    machine_id = payload_text(payload, "machineId")
    attempt = as_int(payload["attempt"])
    with ctx.database.reading() as db:
        machine = get_machine(db, machine_id)
    item = ctx.item(machine_item(machine), attempt=attempt, total_bytes=machine.total_size_bytes)
    snapshot_point_id = as_text(payload.get("snapshotPointId"))
    if not snapshot_point_id:
        raise Rejected(f"{machine.name} has no snapshot to read from: its snapshots have failed")
    with ctx.database.reading() as db:
        work = _work(db, ctx, payload, machine, snapshot_point_id, attempt)
    arm = ctx.provided(AzureAccess).arm_client(work.policy.service_account_id)

    def snapshots() -> set[str]:
        with ctx.database.reading() as db:
            return points.snapshots_to_read(
                db, machine_id, work.repository.id, snapshot_point_id, work.point_id
            )

    with none_left_by_earlier(ctx, work.policy.service_account_id, snapshots):
        stored = ctx.step("transfer", lambda: _transfer(ctx, arm.with_check(ctx.check), work, item))
    outcome = BackupOutcome.from_json(as_object(stored))
    if as_object(stored).get("fromOtherSnapshots") is True:
        ctx.log(
            f"The point of this session is in {work.repository.name} already, read from earlier "
            "snapshots: this appliance was put back from a copy. That point stays",
            resource_id=machine_id,
        )
        ctx.step("adopt", lambda: ctx.provided(SecondLook).look(ctx, work.repository.id))
        return {"pointId": work.point_id}
    item.set_moved(
        read=outcome.read_bytes,
        processed=outcome.processed_bytes,
        transferred=outcome.transferred_bytes,
    )
    ctx.record("publish", lambda db: _publish(db, ctx, work, outcome))
    for disk, why in outcome.read_in_full:
        ctx.log(f"Everything allocated on {disk} was read: {why}", resource_id=machine_id)
    retire_snapshots(ctx, machine_id, snapshots_to_keep(as_object(work.policy.settings)))
    return {"pointId": work.point_id}


def _work(
    db: Session,
    ctx: JobContext,
    payload: JsonObject,
    machine: Machine,
    snapshot_point_id: str,
    attempt: int,
) -> _Work:
    repository = ctx.provided(Repositories).facts(db, payload_text(payload, "repositoryId"))
    policy = get_policy(db, payload_text(payload, "policyId"))
    flags = frozenset(Flag(as_text(flag)) for flag in as_list(payload.get("flags")))
    snapshot_point = points.get_point(db, snapshot_point_id)
    ages = backup_ages(as_object(policy.settings))
    taken_at = snapshot_point.point_in_time
    point_id = marks.point_id(ctx.session_id, machine.id, attempt)
    return _Work(
        machine=machine,
        policy=policy,
        repository=repository,
        snapshot_point=snapshot_point,
        disks=points.disk_snapshots(db, snapshot_point_id),
        point_id=point_id,
        flags=flags,
        lock=lock_for(db, repository, machine.id, point_id, taken_at, flags, ages),
    )


def _transfer(ctx: JobContext, arm: ArmClient, work: _Work, item: Item) -> JsonValue:
    """Have a data mover bring the disks into the repository; harmless when repeated."""
    repositories = ctx.provided(Repositories)
    repository = repositories.open_for_writing(work.repository.id, check=ctx.check)
    with ctx.database.reading() as db:
        parent = _parent(db, arm, repository, work)
    ticket = repository.open_session(
        work.point_id,
        work.machine.id,
        work.machine.name,
        parent=parent.point_id,
        again=ctx.find_step(_REGISTERED) is not None,
    )
    # Given up and cleaned away since, it must not be opened once more under its id.
    ctx.step(_REGISTERED, lambda: work.point_id)
    # Whoever took the repository over ended the sessions that were open then: one that was not
    # open yet has to look after it is.
    repositories.confirm_ours(work.repository.id, check=ctx.check)
    keys = repository.backup_keys(ticket)
    recipe = json.dumps(
        recipe_document(
            work.machine,
            as_object(work.snapshot_point.recipe),
            policy=(work.policy.id, work.policy.name),
            flags=format_flags(work.flags),
            retention=ages_to_json(backup_ages(as_object(work.policy.settings))),
            taken_at=work.snapshot_point.point_in_time,
        )
    ).encode()
    read = [disk.azure_id for disk in work.disks] + [snapshot for _, snapshot in parent.snapshots]
    text = f"Transfer of {work.machine.name} to {work.repository.name}"

    def storage_access() -> StorageAccess:
        return repositories.access(work.repository.id, "rlc")

    with (
        ctx.line(text, resource_id=work.machine.id) as line,
        # Azure takes its time to grant access: the mover and its storage get ready meanwhile.
        mover_ahead(ctx.epoch) as ahead,
        beside(storage_access) as storage,
        read_access(ctx, arm, read) as access,
    ):
        movers = iter((ahead,))

        def renew(need: CredentialNeed) -> SignedUrl:
            if need.kind == "storage":
                return storage_access().container
            disk = next(d for d in work.disks if d.disk_azure_id.lower() == need.disk_id)
            previous = parent.snapshot_of(disk.disk_azure_id.lower())
            wanted = previous if need.kind == "previous" and previous else disk.azure_id
            return azure_access.grant_read(arm, wanted, READ_SECONDS)

        order = BackupOrder(
            epoch=ctx.epoch,
            keys=keys,
            ticket=ticket,
            storage=storage.result(),
            disks=tuple(_source(disk, parent, access) for disk in work.disks),
            recipe=recipe,
            ca_file=arm.cloud.ca_file,
            lock_until=work.lock.until if work.lock else None,
        )
        try:
            outcome = with_movers(
                ctx,
                work.machine.id,
                lambda: run(
                    order,
                    ahead=next(movers, None),  # it was lost, if there is a second time
                    renew=renew,
                    on_progress=show_on(item),
                    check=repositories.watched(work.repository.id, ctx.check),
                ),
            )
        except PointVoided:
            repositories.confirm_ours(work.repository.id, check=ctx.check)  # says who has done it
            raise
        line.end(
            SessionStatus.SUCCESS,
            f"{text}: {format_bytes(outcome.read_bytes)} read, "
            f"{format_bytes(outcome.stored_bytes)} stored"
            + (f" ({parent.reason})" if not parent.snapshots else ""),
        )
    return {
        **outcome.to_json(),
        "fromOtherSnapshots": outcome.committed_before and _is_older(repository, work),
    }


def _is_older(repository: Repository, work: _Work) -> bool:
    """Whether the point of this session was read from other snapshots than it has now.

    So it is when the database was put back from a copy that was made while the session ran: it
    runs again then, under the same id, and takes its snapshots anew.
    """
    recipe = as_object(json.loads(repository.read_point(work.point_id).recipe))
    return as_text(recipe.get("takenAt")) != work.snapshot_point.point_in_time.isoformat()


def _parent(db: Session, arm: ArmClient, repository: Repository, work: _Work) -> Parent:
    """What the backup builds on (docs/behaviour/virtual-machines.md, sections 7.6 and 7.7)."""
    latest = points.latest_backup(db, work.machine.id, work.repository.id, work.point_id)
    if latest is None or latest.engine_point_id is None:
        return Parent()
    try:
        point = repository.read_point(latest.engine_point_id)
    except (Damaged, Missing, NotFound):
        return Parent(reason="the previous backup is not whole in the repository any more")
    if not repository.can_be_parent(point):
        return Parent(reason="the previous backup has damaged parts")
    if points.is_after(work.policy.cbt_reset_at, latest.point_in_time):
        return Parent(reason="change tracking was reset")
    older = {
        disk.disk_azure_id.lower(): disk
        for disk in points.disk_snapshots(db, latest.snapshot_point_id or "")
    }
    comparable = [
        (disk.disk_azure_id.lower(), old.azure_id)
        for disk in work.disks
        if (old := older.get(disk.disk_azure_id.lower())) is not None
        and old.disk_unique_id == disk.disk_unique_id
        and _is_same(azure_snapshots.find(arm, old.azure_id), old)
    ]
    return Parent(latest.engine_point_id, tuple(comparable), "the previous snapshot is gone")


def _is_same(found: JsonObject | None, known: DiskSnapshotRow) -> bool:
    """Whether a snapshot in Azure is the one that was taken, and not a later one of its name."""
    created = as_text(dig(found, "properties", "timeCreated"))
    return bool(created) and datetime.fromisoformat(created) == known.created_at


def _source(disk: DiskSnapshotRow, parent: Parent, access: dict[str, SignedUrl]) -> SourceDisk:
    disk_id = disk.disk_azure_id.lower()
    previous = parent.snapshot_of(disk_id)
    return SourceDisk(
        disk_id=disk_id,
        name=disk.disk_name,
        size_bytes=disk.size_bytes,
        source=access[disk.azure_id],
        previous=access[previous] if previous else None,
    )


def _publish(db: Session, ctx: JobContext, work: _Work, outcome: BackupOutcome) -> JsonValue:
    lock_used(db, [Thing(REPOSITORY_USED_KIND, work.repository.id)])  # it may be adopted as well
    points.remember_machine(db, work.machine, work.policy.service_account_id)
    db.merge(
        RestorePointRow(
            id=work.point_id,
            machine_id=work.machine.id,
            destination=points.BACKUP,
            kind=outcome.kind,
            state="Ok",
            point_in_time=work.snapshot_point.point_in_time,
            flags=format_flags(work.flags),
            policy_id=work.policy.id,
            policy_name=work.policy.name,
            retention=ages_to_json(backup_ages(as_object(work.policy.settings))),
            job_session_id=ctx.session_id,
            repository_id=work.repository.id,
            engine_point_id=work.point_id,
            snapshot_point_id=work.snapshot_point.id,
            backup_size_bytes=outcome.stored_bytes,
            region=work.repository.region,
            access_tier=work.repository.tier,
            generations=generations_to_json(work.lock),
            recipe=work.snapshot_point.recipe,
        )
    )
    points.hand_to_policy(db, work.machine.id, work.repository.id, work.policy.id)
    return None
