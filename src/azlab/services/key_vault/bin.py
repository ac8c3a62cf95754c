"""Deleted vaults in ARM: listing, showing and purging them."""

from azlab.core.arm import ArmCall, ArmError
from azlab.core.http import Response, json_response
from azlab.core.json_types import JsonObject, flag_at, object_at, text_at
from azlab.services.key_vault import state
from azlab.services.key_vault.vaults import binned
from azlab.services.resources.regions import code_name

_TYPE = "Microsoft.KeyVault/deletedVaults"


def list_deleted(call: ArmCall) -> Response:
    """All deleted vaults of the subscription."""
    names = [key for key, _ in call.tx.list(state.DELETED_VAULT)]
    found = (binned(call.tx, name, call.request.now) for name in names)
    return call.page(
        [_shown(call, one) for one in found if one is not None and _is_here(call, one)]
    )


def get_deleted(call: ArmCall) -> Response:
    """One deleted vault, by region and name."""
    return json_response(200, _shown(call, _asked(call)))


def purge(call: ArmCall) -> Response:
    """Gone for good, unless the vault is protected from that."""
    found = _asked(call)
    if flag_at(found, "body", "properties", "enablePurgeProtection"):
        raise ArmError(
            400,
            "MethodNotAllowed",
            "Operation 'DeletedVaultPurge' is not allowed: the vault has purge protection.",
        )
    name = text_at(found, "name")
    call.tx.delete(state.DELETED_VAULT, name.lower())
    state.remove_keys(call.tx, name)
    return Response(200)


def _asked(call: ArmCall) -> JsonObject:
    name = call.params["vault"]
    found = binned(call.tx, name, call.request.now)
    wanted = code_name(call.params["location"])
    if found is None or not _is_here(call, found) or text_at(found, "location") != wanted:
        raise ArmError(
            404, "DeletedVaultNotFound", f"The specified deleted vault '{name}' does not exist."
        )
    return found


def _is_here(call: ArmCall, found: JsonObject) -> bool:
    subscription = text_at(found, "vaultId").split("/")[2]
    return subscription.lower() == call.id.subscription.lower()


def _shown(call: ArmCall, found: JsonObject) -> JsonObject:
    name, location = text_at(found, "name"), text_at(found, "location")
    properties: JsonObject = {
        "vaultId": text_at(found, "vaultId"),
        "location": location,
        "deletionDate": text_at(found, "deletionDate"),
        "scheduledPurgeDate": text_at(found, "scheduledPurgeDate"),
        "tags": object_at(found, "body", "tags"),
    }
    if flag_at(found, "body", "properties", "enablePurgeProtection"):
        properties["purgeProtectionEnabled"] = True
    return {
        "id": f"/subscriptions/{call.id.subscription}/providers/Microsoft.KeyVault/locations/"
        f"{location}/deletedVaults/{name}",
        "name": name,
        "type": _TYPE,
        "properties": properties,
    }
