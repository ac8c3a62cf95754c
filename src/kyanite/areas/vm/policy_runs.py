"""Runs of a policy: started by hand or by the timetable, stopped, looked up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.repositories import find_repository
from kyanite.areas.sessions import last_sessions, stop_sessions
from kyanite.areas.vm.jobs.backups import BACKUP
from kyanite.areas.vm.jobs.snapshots import SNAPSHOT
from kyanite.areas.vm.policy_queries import find_policy, get_policy, lock_policy
from kyanite.areas.vm.policy_schedule import policy_id_of
from kyanite.areas.vm.policy_settings import target_repositories
from kyanite.areas.vm.repository_follower import POLICY_TYPE
from kyanite.areas.vm.tables import PolicyRow
from kyanite.base.identifiers import new_id
from kyanite.base.json_types import as_object
from kyanite.durable.start import NewSession, start_session
from kyanite.durable.timetable import Schedule
from kyanite.rules.retention import Flag
from kyanite.rules.schedule import Part, Slot
from kyanite.rules.sessions import SessionStatus

SNAPSHOT_TYPE: Final = "PolicySnapshot"
BACKUP_TYPE: Final = "PolicyBackup"
ARCHIVE_TYPE: Final = "PolicyArchive"
HEALTH_CHECK_TYPE: Final = "HealthCheck"
_TYPES: Final = (SNAPSHOT_TYPE, BACKUP_TYPE, ARCHIVE_TYPE, HEALTH_CHECK_TYPE)


@dataclass(frozen=True)
class Run:
    """Which sessions a run consists of and how it came about."""

    with_backup: bool
    scheduled: bool
    initiator: str


def start_run(db: Session, policy: PolicyRow, run: Run) -> list[str]:
    """Start all sessions of a run in the caller's transaction; returns their ids in order.

    The backup session waits, Pending, until the snapshot session releases it. Raises Conflict
    naming the session of a run that is still going.
    """
    repository_id = (
        target_repositories(as_object(policy.settings)).get(Flag.DAILY) if run.with_backup else None
    )
    snapshot_id, backup_id = new_id(), new_id() if repository_id else None
    start_session(
        db,
        NewSession(
            type=SNAPSHOT_TYPE,
            job=SNAPSHOT,
            payload={
                "policyId": policy.id,
                "flags": [Flag.DAILY.value],
                "scheduled": run.scheduled,
                "backupSessionId": backup_id,
            },
            initiator=run.initiator,
            policy_id=policy.id,
            policy_name=policy.name,
            policy_type=POLICY_TYPE,
            exclusive_key=exclusive_key(policy.id, SNAPSHOT_TYPE),
            session_id=snapshot_id,
        ),
    )
    if backup_id is None or repository_id is None:
        return [snapshot_id]
    repository = find_repository(db, repository_id)
    start_session(
        db,
        NewSession(
            type=BACKUP_TYPE,
            job=BACKUP,
            payload={
                "policyId": policy.id,
                "flags": [Flag.DAILY.value],
                "scheduled": run.scheduled,
                "repositoryId": repository_id,
            },
            initiator=run.initiator,
            policy_id=policy.id,
            policy_name=policy.name,
            policy_type=POLICY_TYPE,
            repository_id=repository_id,
            repository_name=repository.name if repository else None,
            exclusive_key=exclusive_key(policy.id, BACKUP_TYPE),
            held_by=snapshot_id,
            session_id=backup_id,
        ),
    )
    return [snapshot_id, backup_id]


def start_by_hand(db: Session, policy_id: str, initiator: str) -> list[str]:
    """All sessions of a run that a person asked for. Retries do not apply to it (2.5)."""
    lock_policy(db, policy_id)
    run = Run(with_backup=True, scheduled=False, initiator=initiator)
    return start_run(db, get_policy(db, policy_id), run)


def start_by_schedule(db: Session, schedule: Schedule, slot: Slot) -> None:
    """What the timetable does when a policy is due. A policy that is gone does nothing."""
    policy_id = policy_id_of(schedule)
    lock_policy(db, policy_id)
    policy = find_policy(db, policy_id)
    if policy is not None and policy.is_enabled:
        start_run(db, policy, Run(Part.BACKUP in slot.parts, scheduled=True, initiator=""))


def stop_runs(db: Session, policy_id: str) -> None:
    """Ask all sessions of the policy to stop; an idle policy is left as it is."""
    get_policy(db, policy_id)
    stop_sessions(db, policy_id)


@dataclass(frozen=True)
class LatestRuns:
    """The status of the newest session of each kind; NeverExecuted where there is none."""

    snapshot: str = SessionStatus.NEVER_EXECUTED.value
    backup: str = SessionStatus.NEVER_EXECUTED.value
    archive: str = SessionStatus.NEVER_EXECUTED.value
    health_check: str = SessionStatus.NEVER_EXECUTED.value

    @property
    def all(self) -> frozenset[str]:
        """Every status there is; only NeverExecuted when nothing ever ran."""
        never = SessionStatus.NEVER_EXECUTED.value
        ran = frozenset({self.snapshot, self.backup, self.archive, self.health_check}) - {never}
        return ran or frozenset({never})


def latest_runs(db: Session, policy_ids: list[str]) -> dict[str, LatestRuns]:
    """Policy id → its latest runs, for policies that ever ran. One statement for all."""
    found: dict[str, dict[str, str]] = {}
    for (policy_id, kind), session in last_sessions(db, policy_ids, _TYPES).items():
        found.setdefault(policy_id, {})[kind] = session.status
    never = SessionStatus.NEVER_EXECUTED.value
    return {
        policy_id: LatestRuns(
            snapshot=of.get(SNAPSHOT_TYPE, never),
            backup=of.get(BACKUP_TYPE, never),
            archive=of.get(ARCHIVE_TYPE, never),
            health_check=of.get(HEALTH_CHECK_TYPE, never),
        )
        for policy_id, of in found.items()
    }


def exclusive_key(policy_id: str, session_type: str) -> str:
    """The key under which at most one session of a kind runs for a policy."""
    return f"vm-policy:{policy_id}:{session_type}"
