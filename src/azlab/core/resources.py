"""Every ARM resource as one stored document, so that lists, tags and deletion work for all types.

A record is `{"id", "createdTime", "changedTime", "body"}` under the lower-case id; the body is what
GET answers, `id`, `name` and `type` included. Groups lie under the kind "group", subscriptions
under "subscription", likewise as records.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from azlab.core.clock import iso
from azlab.core.json_types import JsonObject, make_object_at, object_at, text_at
from azlab.core.resource_ids import ResourceId, parse
from azlab.core.state import Transaction

RESOURCE, GROUP, SUBSCRIPTION = "resource", "group", "subscription"

DeleteHook: TypeAlias = Callable[[Transaction, ResourceId, JsonObject], None]
"""Called with the body before a resource disappears, in whatever way it does."""


@dataclass(frozen=True)
class Record:
    """A stored resource."""

    id: ResourceId
    body: JsonObject
    created: str
    changed: str


@dataclass
class Resources:
    """Reads and writes records; knows which types want to hear of a deletion."""

    now: Callable[[], datetime]
    delete_hooks: dict[str, DeleteHook] = field(default_factory=dict)

    def find(self, tx: Transaction, resource_id: ResourceId) -> Record | None:
        """The record with its stored case, or None."""
        found = tx.get(RESOURCE, resource_id.key)
        return None if found is None else record_of(found)

    def body(self, tx: Transaction, resource_id: ResourceId) -> JsonObject | None:
        """Only the body, or None."""
        found = self.find(tx, resource_id)
        return None if found is None else found.body

    def put(self, tx: Transaction, resource_id: ResourceId, body: JsonObject) -> JsonObject:
        """Create or replace; fills in `id`, `name` and `type` and returns the body.

        An existing resource keeps the case of its id and its creation time.
        """
        now = iso(self.now())
        known = self.find(tx, resource_id)
        kept = known.id if known else resource_id
        whole: JsonObject = {"id": kept.text, "name": kept.name, "type": kept.type}
        whole.update({key: value for key, value in body.items() if key not in whole})
        record: JsonObject = {
            "id": kept.text,
            "createdTime": known.created if known else now,
            "changedTime": now,
            "body": whole,
        }
        tx.put(RESOURCE, kept.key, record)
        return whole

    def list_after(
        self, tx: Transaction, inside: ResourceId, type_name: str, last: str, limit: int
    ) -> list[Record]:
        """The first `limit` records of `list` whose id follows `last` (lower case).

        Reads nothing else, so that a page of a long list costs no more than one of a short one.
        """
        wanted = type_name.lower()
        part = f"/{wanted.rpartition('/')[2]}/"
        found: list[Record] = []
        while len(found) < limit:
            rows = tx.after(RESOURCE, inside.key + "/", part, last, limit)
            records = [record_of(document) for _, document in rows]
            found += [one for one in records if one.id.type.lower() == wanted]
            if len(rows) < limit:
                break
            last = rows[-1][0]
        return found[:limit]

    def list(
        self, tx: Transaction, inside: ResourceId, type_name: str | None = None
    ) -> list[Record]:
        """The records below `inside` (not itself), of one type or of all, sorted by id."""
        wanted = type_name.lower() if type_name is not None else None
        records = [record_of(found) for _, found in tx.list(RESOURCE, inside.key + "/")]
        return [one for one in records if wanted is None or one.id.type.lower() == wanted]

    def remove(self, tx: Transaction, resource_id: ResourceId) -> bool:
        """Delete a resource and everything inside it, telling the types; False if absent."""
        known = self.find(tx, resource_id)
        for inner in reversed(self.list(tx, resource_id)):
            self._forget(tx, inner)
        if known is None:
            return False
        self._forget(tx, known)
        return True

    def _forget(self, tx: Transaction, record: Record) -> None:
        hook = self.delete_hooks.get(record.id.type.lower())
        if hook is not None:
            hook(tx, record.id, record.body)
        tx.delete(RESOURCE, record.id.key)

    def rename(self, tx: Transaction, old: ResourceId, new: ResourceId) -> None:
        """Give one record another id (moving to another group); its times stay."""
        found = tx.get(RESOURCE, old.key)
        if found is None:
            return
        tx.delete(RESOURCE, old.key)
        found["id"] = new.text
        object_at(found, "body").update({"id": new.text, "name": new.name, "type": new.type})
        tx.put(RESOURCE, new.key, found)

    def set_provisioning_state(self, tx: Transaction, resource_id: ResourceId, state: str) -> None:
        """Change `properties.provisioningState`; nothing when the resource is gone."""
        body = self.body(tx, resource_id)
        if body is not None:
            make_object_at(body, "properties")["provisioningState"] = state
            self.put(tx, resource_id, body)


def record_of(found: JsonObject) -> Record:
    """A resource or group as the state keeps it."""
    return Record(
        parse(text_at(found, "id")),
        object_at(found, "body"),
        text_at(found, "createdTime"),
        text_at(found, "changedTime"),
    )
