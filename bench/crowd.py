"""A lab with the resources of a large company, made of those of the small scene.

The documents are copies of what the lab itself has stored for its first machine, under other
names: what lists show is what the lab would show, without 200 000 requests to get there.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from pathlib import Path

SCENE_SUBSCRIPTION = "1f6d2c3b-8a4e-4f5d-9b7a-6c5d4e3f2a01"
SUBSCRIPTIONS = 20
MACHINES = 2500
DISKS = 4800
INTERFACES = 2500
STORAGE_ACCOUNTS = 200
GROUPS = 25


def subscription_ids(count: int = SUBSCRIPTIONS) -> list[str]:
    """The first subscriptions of the crowd, in order."""
    return [str(uuid.UUID(int=0xC0DE << 96 | number)) for number in range(1, count + 1)]


class Crowd:
    """Fills the state of a lab that does not run."""

    def __init__(self, lab_directory: Path, subscriptions: int = SUBSCRIPTIONS) -> None:
        self._subscription_ids = subscription_ids(subscriptions)
        self._db = sqlite3.connect(lab_directory / "state.db")
        self._models = {
            kind: self._model(f"%/{kind.lower()}/{name}")
            for kind, name in (
                ("virtualMachines", "shop-web"),
                ("disks", "shop-web-os"),
                ("networkInterfaces", "shop-web-nic"),
                ("storageAccounts", "shopdata"),
            )
        }

    def fill(self) -> int:
        """Make everything; returns how many resources there are."""
        count = 0
        for subscription in self._subscription_ids:
            rows = self._subscription(subscription)
            self._db.executemany("INSERT OR REPLACE INTO documents VALUES (?, ?, ?)", rows)
            count += sum(kind == "resource" for kind, _, _ in rows)
        self._db.commit()
        return count

    def change(self, share: float) -> int:
        """Give this share of the machines another tag; returns how many."""
        changed = 0
        for subscription in self._subscription_ids:
            for number in range(round(MACHINES * share)):
                key = self._id(subscription, "virtualMachines", number).lower()
                (body,) = self._db.execute(
                    "SELECT body FROM documents WHERE kind = 'resource' AND key = ?", (key,)
                ).fetchone()
                document = json.loads(body)
                document["body"]["tags"] = {"changed": "yes"}
                self._db.execute(
                    "UPDATE documents SET body = ? WHERE kind = 'resource' AND key = ?",
                    (json.dumps(document).encode(), key),
                )
                changed += 1
        self._db.commit()
        return changed

    def close(self) -> None:
        """Let go of the state."""
        self._db.close()

    def _model(self, pattern: str) -> str:
        (body,) = self._db.execute(
            "SELECT body FROM documents WHERE kind = 'resource' AND key LIKE ?", (pattern,)
        ).fetchone()
        return bytes(body).decode()

    def _subscription(self, subscription: str) -> list[tuple[str, str, bytes]]:
        rows = [("subscription", *self._renamed("subscription", subscription))]
        for number in range(GROUPS):
            key, body = self._renamed("group", subscription)
            name = key.rpartition("/")[2]
            text = body.decode().replace(f"/{name}", f"/group-{number}")
            text = text.replace(f'"{name}"', f'"group-{number}"')
            rows.append(("group", key.replace(f"/{name}", f"/group-{number}"), text.encode()))
        rows += [self._machine(subscription, number) for number in range(MACHINES)]
        for kind, many in (
            ("disks", DISKS),
            ("networkInterfaces", INTERFACES),
            ("storageAccounts", STORAGE_ACCOUNTS),
        ):
            rows += [self._copy(kind, subscription, n, self._models[kind]) for n in range(many)]
        return rows

    def _renamed(self, kind: str, subscription: str) -> tuple[str, bytes]:
        """The document of the scene's first subscription, or of a group in it, in another one."""
        key, body = self._db.execute(
            "SELECT key, body FROM documents WHERE kind = ? AND instr(key, ?) ORDER BY key LIMIT 1",
            (kind, SCENE_SUBSCRIPTION),
        ).fetchone()
        text = bytes(body).decode().replace(SCENE_SUBSCRIPTION, subscription)
        return str(key).replace(SCENE_SUBSCRIPTION, subscription), text.encode()

    def _machine(self, subscription: str, number: int) -> tuple[str, str, bytes]:
        document = json.loads(self._models["virtualMachines"])
        properties = document["body"]["properties"]
        storage = properties["storageProfile"]
        disks = [storage["osDisk"], *storage.get("dataDisks", [])]
        for place, disk in enumerate(disks):
            disk["managedDisk"]["id"] = self._id(subscription, "disks", place * MACHINES + number)
        for interface in properties["networkProfile"]["networkInterfaces"]:
            interface["id"] = self._id(subscription, "networkInterfaces", number)
        document["body"]["tags"] = {"owner": f"team-{number % 50}", "stage": "production"}
        return self._copy("virtualMachines", subscription, number, json.dumps(document))

    def _copy(
        self, kind: str, subscription: str, number: int, model: str
    ) -> tuple[str, str, bytes]:
        document = json.loads(model)
        azure_id = self._id(subscription, kind, number)
        name = azure_id.rpartition("/")[2]
        document["id"] = azure_id
        document["body"].update({"id": azure_id, "name": name})
        return "resource", azure_id.lower(), json.dumps(document).encode()

    @staticmethod
    def _id(subscription: str, kind: str, number: int) -> str:
        namespace = {
            "networkInterfaces": "Microsoft.Network",
            "storageAccounts": "Microsoft.Storage",
        }.get(kind, "Microsoft.Compute")
        name = f"{kind[:3].lower()}{subscription[-4:]}{number:06}"
        group = f"group-{number % GROUPS}"
        return (
            f"/subscriptions/{subscription}/resourceGroups/{group}"
            f"/providers/{namespace}/{kind}/{name}"
        )
