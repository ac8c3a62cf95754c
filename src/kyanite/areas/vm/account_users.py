"""Which policies work with a service account, for those who want to change it."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from kyanite.areas.inventory import find_machine, find_resource_group
from kyanite.areas.vm.policy_settings import selection_of
from kyanite.areas.vm.tables import PolicyRow
from kyanite.base.json_types import as_object
from kyanite.rules.account_edits import AccountUser
from kyanite.rules.selection import Selection

_PURPOSE = "VirtualMachineBackup"


def policies_on_account(db: Session, account_id: str) -> list[AccountUser]:
    """The policies of the account, with the subscriptions that they name."""
    query = select(PolicyRow).where(PolicyRow.service_account_id == account_id)
    return [
        AccountUser(
            row.name, _PURPOSE, False, _subscriptions(db, selection_of(as_object(row.settings)))
        )
        for row in db.scalars(query.order_by(PolicyRow.name))
    ]


def _subscriptions(db: Session, selection: Selection) -> frozenset[str]:
    """Where the selected subscriptions, groups and machines lie. Whoever selects everything, or
    by tags, names none."""
    groups = (find_resource_group(db, one) for one in selection.resource_groups)
    machines = (find_machine(db, one) for one in selection.machines)
    found = {one.lower() for one in selection.subscriptions}
    found |= {one.subscription_id.lower() for one in groups if one is not None}
    found |= {one.subscription_id.lower() for one in machines if one is not None}
    return frozenset(found)
