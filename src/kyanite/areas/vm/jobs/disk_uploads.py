"""Disks of a backup on their way into Azure. One that is whole is not written again.

Each disk is finished as soon as its last byte is there, while the next one is being written,
and that is stored. Whoever goes on after a kill, or with a new data mover, begins only those
anew that were not whole: Azure accepts an upload once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from kyanite.areas.repositories import Repositories
from kyanite.areas.vm.jobs import restored_resources as resources
from kyanite.areas.vm.jobs.access import write_access
from kyanite.areas.vm.jobs.transfer import beside
from kyanite.azure.arm import ArmClient
from kyanite.azure.compute import access as azure_access
from kyanite.azure.signed_urls import SignedUrl
from kyanite.base.errors import MoverLost
from kyanite.base.json_types import JsonValue, as_object
from kyanite.base.units import format_bytes
from kyanite.datamover.client import mover_ahead, run
from kyanite.datamover.messages import CredentialNeed, DiskWritten
from kyanite.datamover.orders import RestoreOrder, RestoreOutcome, StorageAccess, TargetDisk
from kyanite.durable.context import JobContext
from kyanite.engine.keys import RestoreKeys
from kyanite.engine.point import Point
from kyanite.rules.restore_plan import DiskPlan


@dataclass(frozen=True)
class DiskUploads:
    """The disks of one restore."""

    ctx: JobContext
    arm: ArmClient
    repository_id: str
    point: Point
    plans: Sequence[DiskPlan]

    def write(self) -> RestoreOutcome:
        """Write what is not whole yet, with one mover; what all attempts together have moved.

        Raises ``MoverLost``: then it is worth another try.
        """
        left = [plan for plan in self.plans if not self._is_whole(plan)]
        if left:
            self._write(left)
        done = [
            RestoreOutcome.from_json(as_object(self.ctx.find_step(_step(plan))))
            for plan in self.plans
        ]
        return RestoreOutcome(
            sum(outcome.written_bytes for outcome in done),
            sum(outcome.read_bytes for outcome in done),
        )

    def _is_whole(self, plan: DiskPlan) -> bool:
        if self.ctx.find_step(_step(plan)) is None:
            return False
        return resources.is_made(
            self.arm, plan.target_id, self.ctx.session_id
        ) and azure_access.is_whole(self.arm.get(plan.target_id))

    def _write(self, plans: Sequence[DiskPlan]) -> None:
        """One mover from empty disks to full ones."""
        ctx, arm = self.ctx, self.arm
        repositories = ctx.provided(Repositories)
        by_source = {plan.source_id.lower(): plan for plan in plans}
        left = set(by_source)
        finished: list[Future[None]] = []

        def read_keys(copies: bool) -> RestoreKeys:
            repository = repositories.open(self.repository_id)
            return repository.restore_keys(self.point, list(by_source), copies)

        def read_rights() -> tuple[RestoreKeys, StorageAccess]:
            # What the point names will do; the mover asks for more if it meets damage.
            return read_keys(copies=False), repositories.access(self.repository_id, "rl")

        def renew(need: CredentialNeed) -> SignedUrl:
            if need.kind == "storage":
                return repositories.access(self.repository_id, "rl").container
            return azure_access.grant_write(arm, by_source[need.disk_id].target_id, 3600)

        def finish_of(pool: ThreadPoolExecutor) -> Callable[[DiskWritten], None]:
            def finish(written: DiskWritten) -> None:
                if written.disk_id not in left:
                    raise MoverLost("The data mover wrote a disk that it was not asked for.")
                left.remove(written.disk_id)
                finished.append(pool.submit(self._finish, by_source[written.disk_id], written))

            return finish

        # Azure takes its time to make a disk: the mover and its rights get ready meanwhile.
        with (
            mover_ahead(ctx.epoch) as ahead,
            beside(read_rights) as rights,
            ThreadPoolExecutor(1, "finish") as pool,
        ):
            ctx.at_once(lambda plan: resources.make_empty_disk(arm, plan, ctx.session_id), plans)
            with write_access(ctx, arm, [plan.target_id for plan in plans]) as access:
                keys, storage = rights.result()
                order = RestoreOrder(
                    epoch=ctx.epoch,
                    keys=keys,
                    point=self.point,
                    storage=storage,
                    disks=tuple(
                        TargetDisk(plan.source_id.lower(), plan.size_bytes, access[plan.target_id])
                        for plan in plans
                    ),
                    ca_file=arm.cloud.ca_file,
                )
                run(
                    order,
                    ahead=ahead,
                    renew=renew,
                    keys=partial(read_keys, copies=True),
                    on_disk=finish_of(pool),
                    check=ctx.check,
                )
                if left:
                    raise MoverLost("The data mover ended before every disk was written.")
                for one in finished:
                    one.result()

    def _finish(self, plan: DiskPlan, written: DiskWritten) -> None:
        """The disk is whole, and it is known to be. ``Rejected`` when Azure finds it is not."""
        azure_access.finish_upload(self.arm, plan.target_id)
        outcome: JsonValue = RestoreOutcome(written.written_bytes, written.read_bytes).to_json()
        self.ctx.record(_step(plan), lambda _: outcome)
        name = plan.target_id.rsplit("/", 1)[-1]
        self.ctx.log(f"Disk {name} is written: {format_bytes(written.written_bytes)} of data")


def _step(plan: DiskPlan) -> str:
    return f"written {plan.target_id.lower()}"
