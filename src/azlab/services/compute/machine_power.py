"""Whether machines run. Kept beside the resource, since its body does not show it."""

from __future__ import annotations

from azlab.core.json_types import text_at
from azlab.core.state import Transaction

KIND = "vm-power"
RUNNING, STOPPED, DEALLOCATED = "running", "stopped", "deallocated"
STARTING, STOPPING, DEALLOCATING = "starting", "stopping", "deallocating"


def power_of(tx: Transaction, machine_id: str) -> str:
    """One of the states of this module; machines that were never stopped run."""
    return text_at(tx.get(KIND, machine_id.lower()) or {}, "state") or RUNNING


def set_power(tx: Transaction, machine_id: str, state: str) -> None:
    """The machine is in this state from now on."""
    tx.put(KIND, machine_id.lower(), {"state": state})


def forget(tx: Transaction, machine_id: str) -> None:
    """The machine is gone."""
    tx.delete(KIND, machine_id.lower())


def is_allocated(tx: Transaction, machine_id: str) -> bool:
    """Whether the machine holds its host, and so its disks open; `stopped` still does."""
    return power_of(tx, machine_id) != DEALLOCATED
