"""The backup session of a policy run.

``vm.backup`` gives each machine to a child ``vm.backup_machine``, at most as many at a time as
the repository allows. Payload: ``policyId``, ``repositoryId``, ``flags``, ``scheduled``, and from
the snapshot session ``machines``: ``[{machineId, snapshotPointId}]``.
"""

from __future__ import annotations

from typing import Final

from kyanite.areas.inventory import get_machine
from kyanite.areas.repositories import Repositories, SecondLook
from kyanite.areas.vm import points
from kyanite.areas.vm.jobs import marks
from kyanite.areas.vm.jobs.access import none_left_by_earlier
from kyanite.areas.vm.jobs.attempts import MachineResult, child_id, over_machines, payload_text
from kyanite.areas.vm.jobs.locking import lock_backups
from kyanite.areas.vm.jobs.resource import machine_item
from kyanite.areas.vm.policy_queries import get_policy
from kyanite.areas.vm.policy_settings import retry_count
from kyanite.areas.vm.tables import PolicyRow
from kyanite.base.errors import Cancelled, KyaniteError, LeaseLost
from kyanite.base.json_types import JsonObject, JsonValue, as_list, as_object, as_text
from kyanite.durable.children import Child
from kyanite.durable.context import JobContext

BACKUP: Final = "vm.backup"
BACKUP_MACHINE: Final = "vm.backup_machine"


def back_up_policy(ctx: JobContext, payload: JsonObject) -> JsonValue:
    """The whole session."""
    with ctx.database.reading() as db:
        policy = get_policy(db, payload_text(payload, "policyId"))
    account_id = policy.service_account_id
    with none_left_by_earlier(ctx, account_id, lambda: _snapshots(ctx, payload)):
        return _back_up(ctx, payload, policy)


def _back_up(ctx: JobContext, payload: JsonObject, policy: PolicyRow) -> JsonValue:
    repository_id = payload_text(payload, "repositoryId")
    with ctx.database.reading() as db:
        repository = ctx.provided(Repositories).facts(db, repository_id)
        snapshots = {
            as_text(as_object(entry).get("machineId")): as_object(entry).get("snapshotPointId")
            for entry in as_list(payload.get("machines"))
        }
        items = [machine_item(get_machine(db, machine_id)) for machine_id in snapshots]
    ctx.pending_items(items)
    # The repository is right: what is not known of it would make the next backup build on less.
    ctx.provided(Repositories).confirm_ours(repository_id, check=ctx.check)
    ctx.step("look", lambda: ctx.provided(SecondLook).look(ctx, repository_id))
    ctx.log(f"Backup of {len(snapshots)} machines to {repository.name}", key="begin")
    if warning := ctx.provided(Repositories).key_warning(repository_id):
        ctx.warn(warning, key="key")

    def child(machine_id: str, attempt: int) -> Child:
        return Child(
            child_id(machine_id, attempt),
            BACKUP_MACHINE,
            {
                "policyId": policy.id,
                "repositoryId": repository_id,
                "machineId": machine_id,
                "attempt": attempt,
                "snapshotPointId": snapshots[machine_id],
                "flags": payload.get("flags"),
            },
            limit_key=f"repository/{repository_id}",
            limit=repository.concurrency_limit,
        )

    retries = retry_count(as_object(policy.settings)) if payload.get("scheduled") is True else 0
    try:
        results = over_machines(ctx, list(snapshots), child, retries=retries)
    except Cancelled:
        with ctx.uninterrupted():
            _settle(ctx, repository_id, _attempts(list(snapshots), retries))
        raise
    _settle(ctx, repository_id, _failed(results))
    lock_backups(ctx, repository_id)
    return None


def _snapshots(ctx: JobContext, payload: JsonObject) -> set[str]:
    """What machines of this session may have been read from: they end with it."""
    repository_id = payload_text(payload, "repositoryId")
    machines = [as_object(entry) for entry in as_list(payload.get("machines"))]
    with ctx.database.reading() as db:
        return {
            snapshot
            for entry in machines
            for snapshot in points.snapshots_to_read(
                db,
                as_text(entry.get("machineId")),
                repository_id,
                as_text(entry.get("snapshotPointId")),
            )
        }


def _attempts(machine_ids: list[str], retries: int) -> list[tuple[str, int]]:
    return [(machine_id, n) for machine_id in machine_ids for n in range(1, retries + 2)]


def _failed(results: list[MachineResult]) -> list[tuple[str, int]]:
    """Every attempt that did not end with a point."""
    return [
        (result.machine_id, attempt)
        for result in results
        for attempt in range(1, result.attempt + (0 if result.done else 1))
    ]


def _settle(ctx: JobContext, repository_id: str, attempts: list[tuple[str, int]]) -> None:
    """Leave the repository tidy after a run.

    The writing sessions of ``attempts`` will never commit: they end, and what they had stored
    goes. The index segments of the machines are merged when there have come to be many.
    """
    points = [marks.point_id(ctx.session_id, machine_id, n) for machine_id, n in attempts]
    try:
        repository = ctx.provided(Repositories).open_for_writing(repository_id, check=ctx.check)
        if [point_id for point_id in points if repository.abandon_session(point_id)]:
            repository.clean()
        else:
            repository.tidy_index()
    except LeaseLost:
        raise
    except KyaniteError as error:
        # The points do not exist, whatever becomes of the space; the daily retention tries again.
        ctx.log(f"The repository could not be tidied after the run: {error}", key="junk")
