"""The section `network` of a scene: resources of Microsoft.Network, in the order to make them."""

from __future__ import annotations

from azlab.core.json_types import JsonObject, objects_at
from azlab.core.scene_puts import put_resource
from azlab.core.service import Lab
from azlab.core.state import Transaction

SECTIONS = ("network",)


def load(lab: Lab, tx: Transaction, scene: JsonObject) -> None:
    """Make the networks, groups, addresses and interfaces."""
    for entry in objects_at(scene, "network"):
        put_resource(lab, tx, entry)
