"""The section `sql` of a scene: servers and instances as the bodies of their PUTs, with `pools`.

A pool is the body of its PUT with a `name`; its region is that of the server.
"""

from __future__ import annotations

from azlab.core.json_types import JsonObject, objects_at, text_at
from azlab.core.scene_puts import put_at, put_resource
from azlab.core.service import Lab
from azlab.core.state import Transaction

SECTIONS = ("sql",)


def load(lab: Lab, tx: Transaction, scene: JsonObject) -> None:
    """Make what the section describes."""
    for entry in objects_at(scene, "sql"):
        server_id = put_resource(lab, tx, {k: v for k, v in entry.items() if k != "pools"})
        for pool in objects_at(entry, "pools"):
            body = {k: v for k, v in pool.items() if k != "name"}
            body.setdefault("location", text_at(entry, "location"))
            put_at(lab, tx, server_id.child("elasticPools", text_at(pool, "name")), body)
