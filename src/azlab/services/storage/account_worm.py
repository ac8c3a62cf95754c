"""`immutableStorageWithVersioning` of an account: immutable versions for all its containers.

It is given when the account is made, never afterwards; its policy is the default for versions
whose container has none. A policy may be Disabled, Unlocked or Locked, and a locked one only grows.
Source: the description of `ImmutableStorageAccount` in the resource provider's specification.
"""

from azlab.core.errors import ArmError, invalid_parameter
from azlab.core.json_types import (
    JsonObject,
    flag_at,
    integer_at,
    make_object_at,
    object_at,
    text_at,
)
from azlab.core.members import Shape
from azlab.services.storage_blob.store.records import Retention

NAME = "immutableStorageWithVersioning"
SHAPE: Shape = {
    "enabled": None,
    "immutabilityPolicy": {
        "allowProtectedAppendWrites": None,
        "immutabilityPeriodSinceCreationInDays": None,
        "state": None,
    },
}
MAX_DAYS = 146_000


def is_enabled(body: JsonObject) -> bool:
    return bool(flag_at(body, "properties", NAME, "enabled"))


def default_retention(body: JsonObject) -> Retention | None:
    """None without a policy, or while it is disabled."""
    policy = object_at(body, "properties", NAME, "immutabilityPolicy")
    state = text_at(policy, "state")
    if not is_enabled(body) or state in ("", "Disabled"):
        return None
    days = integer_at(policy, "immutabilityPeriodSinceCreationInDays") or 0
    return Retention(days, locked=state == "Locked")


def set_on_new(body: JsonObject, asked: JsonObject) -> None:
    wanted = object_at(asked, "properties", NAME)
    if not wanted:
        return
    make_object_at(body, "properties")[NAME] = {"enabled": bool(flag_at(wanted, "enabled"))}
    if wanted.get("immutabilityPolicy") is not None:
        if not flag_at(wanted, "enabled"):
            raise invalid_parameter(NAME, "A policy needs immutable storage to be enabled.")
        if text_at(wanted, "immutabilityPolicy", "state") == "Locked":
            raise invalid_parameter(NAME, "A new policy is Disabled or Unlocked.")
        _set_policy(body, wanted)


def change(body: JsonObject, asked: JsonObject) -> None:
    """The members of a PATCH. Raises 409 for what could weaken the promise."""
    wanted = object_at(asked, "properties", NAME)
    if not wanted:
        return
    enabled = flag_at(wanted, "enabled")
    if enabled is not None and enabled != is_enabled(body):
        raise ArmError(
            409,
            "ImmutableStorageWithVersioningCannotBeChanged",
            "Immutable storage with versioning of an account is set when the account is created.",
        )
    if wanted.get("immutabilityPolicy") is not None:
        if not is_enabled(body):
            raise invalid_parameter(NAME, "A policy needs immutable storage to be enabled.")
        _set_policy(body, wanted)


def _set_policy(body: JsonObject, wanted: JsonObject) -> None:
    policy = object_at(wanted, "immutabilityPolicy")
    held = object_at(body, "properties", NAME, "immutabilityPolicy")
    state = text_at(policy, "state") or text_at(held, "state") or "Unlocked"
    days = integer_at(policy, "immutabilityPeriodSinceCreationInDays")
    days = days if days is not None else integer_at(held, "immutabilityPeriodSinceCreationInDays")
    if state not in ("Disabled", "Unlocked", "Locked"):
        raise invalid_parameter("state", f"The state '{state}' is not known.")
    if days is None or not 1 <= days <= MAX_DAYS:
        raise invalid_parameter(
            "immutabilityPeriodSinceCreationInDays", f"It must be from 1 to {MAX_DAYS}."
        )
    if state == "Locked" and text_at(held, "state") not in ("Unlocked", "Locked"):
        raise invalid_parameter("state", "Only an unlocked policy can be locked.")
    if text_at(held, "state") == "Locked":
        before = integer_at(held, "immutabilityPeriodSinceCreationInDays") or 0
        if state != "Locked" or days < before:
            raise ArmError(
                409,
                "AccountImmutabilityPolicyLocked",
                "A locked immutability policy can neither be unlocked nor shortened.",
            )
    make_object_at(body, "properties", NAME)["immutabilityPolicy"] = {
        "allowProtectedAppendWrites": bool(flag_at(policy, "allowProtectedAppendWrites")),
        "immutabilityPeriodSinceCreationInDays": days,
        "state": state,
    }
