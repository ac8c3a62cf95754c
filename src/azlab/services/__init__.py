"""The services of the lab. To add one: make its folder and append its name to SERVICES."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeAlias

from azlab.core.json_types import JsonObject
from azlab.core.state import Transaction

if TYPE_CHECKING:
    from azlab.core.service import Lab

# In the order in which scenes are loaded: what others refer to comes first.
SERVICES: tuple[str, ...] = (
    "identity",
    "resources",
    "authorization",
    "graph",
    "key_vault",
    "storage",
    "disks",
    "network",
    "compute",
    "sql",
)

Load: TypeAlias = "Callable[[Lab, Transaction, JsonObject], None]"


@dataclass(frozen=True)
class SceneLoader:
    """The part of a service that makes its sections of a scene."""

    service: str
    sections: tuple[str, ...]
    load: Load


def register_all(lab: "Lab") -> None:
    """Let every service add its types and routes."""
    for name in SERVICES:
        import_module(f"azlab.services.{name}.routes").register(lab)


def scene_loaders() -> list[SceneLoader]:
    """The scene modules of the services that have one."""
    found: list[SceneLoader] = []
    for name in SERVICES:
        module_name = f"azlab.services.{name}.scene"
        if find_spec(module_name) is not None:
            module = import_module(module_name)
            found.append(SceneLoader(name, tuple(module.SECTIONS), module.load))
    return found
