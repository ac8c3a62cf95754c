"""Resource groups as stored records."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from azlab.core.clock import iso
from azlab.core.json_types import JsonObject
from azlab.core.resource_ids import ResourceId
from azlab.core.resources import GROUP, Record, record_of
from azlab.core.state import Transaction


@dataclass
class Groups:
    """Reads and writes groups; what lies in them is the business of Resources."""

    now: Callable[[], datetime]

    def find(self, tx: Transaction, group_id: ResourceId) -> Record | None:
        """The group with its stored case, or None."""
        found = tx.get(GROUP, group_id.key)
        return None if found is None else record_of(found)

    def list(self, tx: Transaction, subscription: str) -> list[Record]:
        """The groups of a subscription, sorted by id."""
        prefix = ResourceId(subscription).key + "/"
        return [record_of(found) for _, found in tx.list(GROUP, prefix)]

    def put(self, tx: Transaction, group_id: ResourceId, body: JsonObject) -> JsonObject:
        """Create or replace; fills in id, name and type and returns the whole body."""
        now = iso(self.now())
        known = self.find(tx, group_id)
        kept = known.id if known else group_id
        whole: JsonObject = {
            "id": kept.text,
            "name": kept.group,
            "type": "Microsoft.Resources/resourceGroups",
        }
        whole.update({key: value for key, value in body.items() if key not in whole})
        record: JsonObject = {
            "id": kept.text,
            "createdTime": known.created if known else now,
            "changedTime": now,
            "body": whole,
        }
        tx.put(GROUP, kept.key, record)
        return whole

    def remove(self, tx: Transaction, group_id: ResourceId) -> None:
        """Forget an (emptied) group."""
        tx.delete(GROUP, group_id.key)
