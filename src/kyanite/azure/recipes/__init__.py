"""From what Azure says about a resource to what it takes to make it again.

Pure functions over raw JSON. Members that are unknown here are kept: a configuration must
not lose what a newer api-version added. Only what Azure itself fills in is left out, and
what names the old resource is replaced by what the caller gives.
"""

from __future__ import annotations

from kyanite.azure.recipes.disks import disk_from_snapshot_body, disk_upload_body
from kyanite.azure.recipes.interfaces import interface_body
from kyanite.azure.recipes.machines import machine_body

__all__ = ["disk_from_snapshot_body", "disk_upload_body", "interface_body", "machine_body"]
