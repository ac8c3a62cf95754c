"""Writes which members request bodies may have, read from the models of the Azure SDK.

``python -m azlab.services.make_shapes`` needs the packages ``azure-mgmt-compute``,
``azure-mgmt-network`` and ``azure-mgmt-sql`` (development dependencies). The results are checked
in beside the services; the lab itself needs no SDK.
"""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from types import ModuleType

_HERE = Path(__file__).parent
_MODELS = {
    "compute": (
        "Disk DiskUpdate Snapshot SnapshotUpdate VirtualMachine VirtualMachineUpdate "
        "GrantAccessData AttachDetachDataDisksRequest AvailabilitySet"
    ),
    "network": (
        "VirtualNetwork Subnet NetworkInterface PublicIPAddress NetworkSecurityGroup SecurityRule"
    ),
    "sql": "Server ManagedInstance ElasticPool",
}
_DEEPEST = 7
_MODEL = re.compile(r"_models\.(\w+)")


def shape_of(models: ModuleType, name: str, above: tuple[str, ...] = ()) -> dict[str, object]:
    """The members of one model; a model inside itself, and what is too deep, may be anything."""
    model = getattr(models, name)
    model()  # the names on the wire are worked out when the first instance is made
    found: dict[str, object] = {}
    for attribute, field in sorted(model._attr_to_rest_field.items()):
        hint = next(
            (
                str(one.__annotations__[attribute])
                for one in model.__mro__
                if attribute in getattr(one, "__annotations__", {})
            ),
            "",
        )
        found[field._rest_name] = _shape_of_hint(models, hint, (*above, name))
    return found


def _shape_of_hint(models: ModuleType, hint: str, above: tuple[str, ...]) -> object:
    named = _MODEL.search(hint)
    if named is None or named[1] in above or len(above) >= _DEEPEST or "dict[" in hint:
        return None
    if not hasattr(getattr(models, named[1]), "_is_model"):
        return None  # an enumeration
    inner = shape_of(models, named[1], above)
    return [inner] if "list[" in hint.lower() else inner


def main() -> None:
    """Write ``shapes.json`` of every service."""
    for service, names in _MODELS.items():
        models = importlib.import_module(f"azure.mgmt.{service}.models")
        shapes = {name: shape_of(models, name) for name in names.split()}
        target = _HERE / service / "shapes.json"
        target.write_text(json.dumps(shapes, separators=(",", ":"), sort_keys=True) + "\n")
        print(f"{target.name} of {service}: {target.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
