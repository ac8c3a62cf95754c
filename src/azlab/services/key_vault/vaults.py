"""Vaults in ARM: create, recover, change, access policies, names."""

import re
from datetime import datetime, timedelta

from azlab.core.arm import ArmCall, ArmError
from azlab.core.clock import iso
from azlab.core.errors import invalid_parameter
from azlab.core.http import Response, json_response
from azlab.core.json_types import (
    JsonObject,
    JsonValue,
    flag_at,
    integer_at,
    make_object_at,
    object_at,
    objects_at,
    text_at,
    texts_at,
)
from azlab.core.resource_ids import ResourceId
from azlab.core.service import Lab
from azlab.core.state import Transaction
from azlab.services.key_vault import state
from azlab.services.key_vault.versions import RBAC_BY_DEFAULT_SINCE
from azlab.services.placement import check_region, location_of

TYPE = "Microsoft.KeyVault/vaults"
_NAME = re.compile(r"[A-Za-z](?!.*--)[0-9A-Za-z-]{1,22}[0-9A-Za-z]")
_FLAGS = (
    "enabledForDeployment",
    "enabledForDiskEncryption",
    "enabledForTemplateDeployment",
    "enableRbacAuthorization",
)


def put_vault(call: ArmCall) -> Response:
    """201 for a new vault (or one taken out of the bin), 200 for a change."""
    asked = call.json()
    known = call.lab.resources.find(call.tx, call.id)
    name = call.id.name
    if known is None:
        _check_free(call, name, recovering=_is_recovery(asked))
    if _is_recovery(asked):
        return json_response(201, _recovered(call, name))
    location = location_of(asked)
    check_region(call, location)
    properties = _properties(call, asked, object_at(known.body, "properties") if known else {})
    body = make_vault(call.lab, call.tx, call.id, location, properties, asked.get("tags"))
    return json_response(200 if known else 201, body)


def make_vault(
    lab: Lab,
    tx: Transaction,
    vault_id: ResourceId,
    location: str,
    properties: JsonObject,
    tags: JsonValue,
) -> JsonObject:
    """Store a vault and let it answer at its URL."""
    url = lab.open_vault(vault_id.name)
    state.put_vault(tx, vault_id.name, vault_id.text, url)
    shown: JsonObject = {
        "location": location,
        "tags": tags if isinstance(tags, dict) else {},
        "properties": {
            **properties,
            "vaultUri": f"{url}/",
            "provisioningState": "Succeeded",
        },
    }
    return lab.resources.put(tx, vault_id, shown)


def patch_vault(call: ArmCall) -> Response:
    """Change some properties or the tags."""
    record = call.record()
    asked = call.json()
    before = object_at(record.body, "properties")
    merged: JsonObject = {"properties": {**before, **object_at(asked, "properties")}}
    record.body["properties"] = {**before, **_properties(call, merged, before)}
    if "tags" in asked:
        record.body["tags"] = asked["tags"]
    return json_response(200, call.lab.resources.put(call.tx, record.id, record.body))


def change_policies(call: ArmCall) -> Response:
    """PUT …/accessPolicies/{add|replace|remove}."""
    vault = call.id
    record = call.lab.resources.find(call.tx, vault)
    if record is None:
        raise call.not_found()
    kind = call.params["operation"].lower()
    asked = objects_at(call.json(), "properties", "accessPolicies")
    properties = make_object_at(record.body, "properties")
    kept = objects_at(properties, "accessPolicies")
    named = {text_at(one, "objectId").lower() for one in asked}
    others = [one for one in kept if text_at(one, "objectId").lower() not in named]
    if kind == "replace":
        others, fresh = [], asked
    elif kind == "remove":
        fresh = []
    elif kind == "add":
        fresh = [_united(one, kept) for one in asked]
    else:
        raise invalid_parameter("operationKind", "One of add, replace and remove is expected.")
    policies: list[JsonValue] = [*others, *fresh]
    properties["accessPolicies"] = policies
    call.lab.resources.put(call.tx, record.id, record.body)
    shown: JsonObject = {
        "id": f"{record.id.text}/accessPolicies/",
        "type": f"{TYPE}/accessPolicies",
        "properties": {"accessPolicies": policies},
    }
    return json_response(200, shown)


def check_name(call: ArmCall) -> Response:
    """POST …/checkNameAvailability: never an error, the answer says what is wrong."""
    name = text_at(call.json(), "name")
    reason = ""
    if not _is_name(name):
        reason, message = "AccountNameInvalid", "The vault name is invalid."
    elif _is_taken(call.tx, name, call.request.now):
        reason, message = "AlreadyExists", f"The name '{name}' is already in use."
    if not reason:
        return json_response(200, {"nameAvailable": True})
    return json_response(200, {"nameAvailable": False, "reason": reason, "message": message})


def to_bin(lab: Lab, tx: Transaction, vault_id: ResourceId, body: JsonObject) -> None:
    """A vault that is deleted, in whatever way, can be recovered for a while."""
    properties = object_at(body, "properties")
    days = integer_at(properties, "softDeleteRetentionInDays") or 90
    now = lab.clock.now()
    document: JsonObject = {
        "name": vault_id.name,
        "vaultId": vault_id.text,
        "location": text_at(body, "location"),
        "deletionDate": iso(now),
        "scheduledPurgeDate": iso(now + timedelta(days=days)),
        "body": body,
    }
    tx.put(state.DELETED_VAULT, vault_id.name.lower(), document)
    state.forget_vault(tx, vault_id.name)


def moved(tx: Transaction, old: ResourceId, new: ResourceId) -> None:
    """The vault lies in another group now."""
    found = tx.get(state.VAULT, old.name.lower())
    if found is not None:
        state.put_vault(tx, new.name, new.text, text_at(found, "url"))


def binned(tx: Transaction, name: str, now: datetime) -> JsonObject | None:
    """A deleted vault whose time is not over."""
    found = tx.get(state.DELETED_VAULT, name.lower())
    if found is None or datetime.fromisoformat(text_at(found, "scheduledPurgeDate")) > now:
        return found
    tx.delete(state.DELETED_VAULT, name.lower())
    state.remove_keys(tx, name)
    return None


def _recovered(call: ArmCall, name: str) -> JsonObject:
    found = binned(call.tx, name, call.request.now)
    if found is None:
        raise ArmError(404, "DeletedVaultNotFound", f"There is no deleted vault '{name}'.")
    body = object_at(found, "body")
    call.tx.delete(state.DELETED_VAULT, name.lower())
    return make_vault(
        call.lab,
        call.tx,
        call.id,
        text_at(body, "location"),
        object_at(body, "properties"),
        body.get("tags"),
    )


def _is_recovery(asked: JsonObject) -> bool:
    return text_at(asked, "properties", "createMode").lower() == "recover"


def _is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def _is_taken(tx: Transaction, name: str, now: datetime) -> bool:
    return state.vault_id(tx, name) is not None or binned(tx, name, now) is not None


def _check_free(call: ArmCall, name: str, *, recovering: bool) -> None:
    if not _is_name(name):
        raise ArmError(
            400,
            "VaultNameNotValid",
            f"The vault name '{name}' is invalid. A vault's name must be between 3-24 "
            "alphanumeric characters. The name must begin with a letter, end with a letter or "
            "digit, and not contain consecutive hyphens.",
        )
    if state.vault_id(call.tx, name) is not None:
        raise ArmError(409, "VaultAlreadyExists", f"The vault name '{name}' is already in use.")
    if not recovering and binned(call.tx, name, call.request.now) is not None:
        raise ArmError(
            409,
            "ConflictError",
            f"A vault with the same name already exists in deleted state. You need to either "
            f"recover or purge existing key vault '{name}'.",
        )


def _properties(call: ArmCall, asked: JsonObject, before: JsonObject) -> JsonObject:
    wanted = object_at(asked, "properties")
    if text_at(wanted, "tenantId").lower() != call.lab.tenant_id.lower():
        raise ArmError(
            400, "BadRequest", "The tenantId of the vault is missing or not that of the directory."
        )
    sku = object_at(wanted, "sku")
    if text_at(sku, "name").lower() not in ("standard", "premium"):
        raise ArmError(400, "BadRequest", "The sku of the vault is missing or unknown.")
    if (
        flag_at(before, "enablePurgeProtection")
        and flag_at(wanted, "enablePurgeProtection") is False
    ):
        raise ArmError(
            400,
            "BadRequest",
            'The property "enablePurgeProtection" cannot be set to false. Enabling the purge '
            "protection for a vault is an irreversible action.",
        )
    days = integer_at(wanted, "softDeleteRetentionInDays")
    if days is not None and not 7 <= days <= 90:
        raise ArmError(400, "BadRequest", "softDeleteRetentionInDays must be between 7 and 90.")
    kept = integer_at(before, "softDeleteRetentionInDays")
    if kept is not None and days is not None and days != kept:
        raise ArmError(
            400, "BadRequest", 'The property "softDeleteRetentionInDays" has been set already.'
        )
    flags: dict[str, JsonValue] = {name: flag_at(wanted, name) is True for name in _FLAGS}
    if flag_at(wanted, "enableRbacAuthorization") is None:
        flags["enableRbacAuthorization"] = (
            flag_at(before, "enableRbacAuthorization") is True
            if before
            else call.api_version >= RBAC_BY_DEFAULT_SINCE
        )
    policies: list[JsonValue] = list(objects_at(wanted, "accessPolicies"))
    found: JsonObject = {
        "tenantId": call.lab.tenant_id,
        "sku": {"family": "A", "name": text_at(sku, "name").lower()},
        "accessPolicies": policies,
        "enableSoftDelete": True,
        "softDeleteRetentionInDays": days or kept or 90,
        "publicNetworkAccess": text_at(wanted, "publicNetworkAccess") or "Enabled",
        **flags,
    }
    if flag_at(wanted, "enablePurgeProtection") or flag_at(before, "enablePurgeProtection"):
        found["enablePurgeProtection"] = True
    if "networkAcls" in wanted:
        found["networkAcls"] = wanted["networkAcls"]
    return found


def _united(asked: JsonObject, kept: list[JsonObject]) -> JsonObject:
    """A policy with what the same object had before."""
    same = [one for one in kept if text_at(one, "objectId") == text_at(asked, "objectId")]
    words = [word for one in (*same, asked) for word in texts_at(one, "permissions", "keys")]
    permissions: JsonObject = {
        **object_at(asked, "permissions"),
        "keys": list[JsonValue](dict.fromkeys(words)),
    }
    return {**asked, "permissions": permissions}
