"""Which machines a policy run processes: the selection rules over the inventory."""

from __future__ import annotations

from sqlalchemy.orm import Session

from kyanite.areas.inventory import Machine, MachineFilter, machines_query
from kyanite.areas.vm.policy_queries import enabled_policies_beside
from kyanite.areas.vm.policy_settings import claim_of
from kyanite.areas.vm.tables import PolicyRow
from kyanite.rules.selection import Candidate, Resolved, resolve


def candidate(machine: Machine) -> Candidate:
    """A machine as the selection rules see it."""
    return Candidate(
        machine_id=machine.id,
        subscription_id=machine.subscription_id,
        resource_group_id=machine.resource_group_id,
        region=machine.region,
        tags=machine.tags,
    )


def chosen_machines(db: Session, policy: PolicyRow) -> tuple[list[Machine], Resolved]:
    """The machines that a run of ``policy`` processes now, and those another policy has.

    Enabled policies claim machines; the policy itself does also while it is disabled, for a run
    that was started by hand (docs/behaviour/virtual-machines.md, section 3.8).
    """
    machines = machines_query(
        db, MachineFilter(account_id=policy.service_account_id, tenant_id=policy.tenant_id)
    )
    others = enabled_policies_beside(db, policy.id)
    resolved = resolve(
        [candidate(machine) for machine in machines],
        claim_of(policy),
        [claim_of(other) for other in others],
    )
    wanted = {chosen.machine_id for chosen in resolved.protected}
    return [machine for machine in machines if machine.id in wanted], resolved
