"""Registers vaults in ARM and the data plane of their keys."""

from collections.abc import Callable

from azlab.core.arm import ArmType
from azlab.core.arm_types import delete_now
from azlab.core.http import HttpError, Request, Response
from azlab.core.json_types import JsonObject, WrongShape, parse_object, text_at
from azlab.core.routing import Router
from azlab.core.service import Lab
from azlab.services.key_vault import bin as vault_bin
from azlab.services.key_vault import errors, keys, state, vaults
from azlab.services.key_vault.access import open_call
from azlab.services.key_vault.versions import DATA, MANAGEMENT

_SUBSCRIPTION = "/subscriptions/{subscription}"
_PROVIDER = f"{_SUBSCRIPTION}/providers/Microsoft.KeyVault"
_DELETED = f"{_PROVIDER}/locations/{{location}}/deletedVaults/{{vault}}"
_BODY_LIMIT = 256 << 10


def register(lab: Lab) -> None:
    """Add all routes, and let the vaults of an earlier start answer again."""
    _register_arm(lab)
    router = Router("vault", errors.render_error, ignore_case=True, max_body_bytes=_BODY_LIMIT)
    lab.routers["vault"] = router
    one, version = "/keys/{name}", "/keys/{name}/{version}"
    for method, path, handler, operation, note in (
        ("GET", "/keys", keys.list_keys, "keys.list", ""),
        ("POST", f"{one}/create", keys.create, "keys.create", "RSA only; HSM keys are RSA keys"),
        ("PUT", one, keys.import_key, "keys.import", "RSA only"),
        ("POST", f"{one}/rotate", keys.rotate, "keys.rotate", ""),
        ("GET", one, keys.get, "keys.get", ""),
        ("GET", f"{one}/versions", keys.list_versions, "keys.listVersions", ""),
        ("GET", version, keys.get, "keys.getVersion", ""),
        ("PATCH", one, keys.update, "keys.update", ""),
        ("PATCH", version, keys.update, "keys.update", ""),
        ("DELETE", one, keys.delete, "keys.delete", "in the bin at once"),
        ("GET", "/deletedkeys", keys.list_deleted, "deletedKeys.list", ""),
        ("GET", "/deletedkeys/{name}", keys.get_deleted, "deletedKeys.get", ""),
        ("POST", "/deletedkeys/{name}/recover", keys.recover, "deletedKeys.recover", ""),
        ("DELETE", "/deletedkeys/{name}", keys.purge, "deletedKeys.purge", ""),
    ):
        router.add(
            method, path, _wrapped(lab, handler), operation=operation, api_versions=DATA, note=note
        )
    for word in ("encrypt", "decrypt", "wrapKey", "unwrapKey"):
        for path in (one, version):
            router.add(
                "POST", f"{path}/{word.lower()}", _wrapped(lab, keys.cipher(word)),
                operation=f"keys.{word}", api_versions=DATA,
                note="RSA-OAEP-256, RSA-OAEP and RSA1_5",
            )  # fmt: skip
    with lab.state.transaction() as tx:
        for name, document in tx.list(state.VAULT):
            state.put_vault(tx, name, text_at(document, "armId"), lab.open_vault(name))


def _register_arm(lab: Lab) -> None:
    lab.arm.type(
        ArmType(
            vaults.TYPE,
            MANAGEMENT,
            put=vaults.put_vault,
            patch=vaults.patch_vault,
            delete=delete_now,
            queries={"list": ("$top",)},
            on_delete=lambda tx, vault_id, body: vaults.to_bin(lab, tx, vault_id, body),
            on_move=vaults.moved,
            notes={"put": "the URL is a port of this machine"},
        )
    )
    route = lab.arm.route
    group = (
        f"{_SUBSCRIPTION}/resourceGroups/{{group}}/providers/Microsoft.KeyVault/vaults/{{name1}}"
    )
    route(
        "PUT", f"{group}/accessPolicies/{{operation}}", vaults.change_policies,
        operation="vaults.updateAccessPolicy", api_versions=MANAGEMENT,
        action="Microsoft.KeyVault/vaults/accessPolicies/write",
    )  # fmt: skip
    route(
        "GET", f"{_PROVIDER}/deletedVaults", vault_bin.list_deleted,
        operation="deletedVaults.list", api_versions=MANAGEMENT,
        action="Microsoft.KeyVault/deletedVaults/read",
    )  # fmt: skip
    route(
        "GET", _DELETED, vault_bin.get_deleted, operation="deletedVaults.get",
        api_versions=MANAGEMENT, action="Microsoft.KeyVault/locations/deletedVaults/read",
    )  # fmt: skip
    route(
        "POST", f"{_DELETED}/purge", vault_bin.purge, operation="deletedVaults.purge",
        api_versions=MANAGEMENT, action="Microsoft.KeyVault/locations/deletedVaults/purge/action",
        note="done at once",
    )  # fmt: skip
    route(
        "POST", f"{_PROVIDER}/checkNameAvailability", vaults.check_name,
        operation="vaults.checkNameAvailability", api_versions=MANAGEMENT,
        action="Microsoft.KeyVault/checkNameAvailability/read",
    )  # fmt: skip


def _wrapped(lab: Lab, handler: Callable[..., Response]) -> Callable[..., Response]:
    def handle(request: Request, **params: str) -> Response:
        try:
            content = request.body.read()
            with lab.transaction() as tx:
                call = open_call(lab, request, tx)
                body: JsonObject = parse_object(content) if content else {}
                response = handler(call, body, **params)
            response.headers.setdefault("x-ms-keyvault-region", "lab")
            return response
        except WrongShape as error:
            return errors.bad_parameter(str(error)).to_response(request)
        except HttpError as error:
            return error.to_response(request)

    return handle
