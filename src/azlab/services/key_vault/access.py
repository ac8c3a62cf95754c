"""Who may do what in a vault: by roles, or by the access policies of the vault."""

from dataclasses import dataclass

from azlab.core.http import Request
from azlab.core.json_types import JsonObject, flag_at, object_at, objects_at, text_at, texts_at
from azlab.core.rbac import groups_of
from azlab.core.resource_ids import parse
from azlab.core.service import Lab
from azlab.core.state import Transaction
from azlab.core.tokens import Principal, TokenError
from azlab.services.key_vault import errors, state
from azlab.services.key_vault.errors import VaultError
from azlab.services.key_vault.versions import DATA

RESOURCE = "https://vault.azure.net"
_NAMESPACE = "Microsoft.KeyVault/vaults/keys"
# What a permission of an access policy is as a data action of a role.
_ACTIONS = {
    "get": "read",
    "list": "read",
    "create": "create/action",
    "import": "import/action",
    "update": "update/action",
    "rotate": "rotate/action",
    "delete": "delete",
    "recover": "recover/action",
    "purge": "purge/action",
    "encrypt": "encrypt/action",
    "decrypt": "decrypt/action",
    "wrapKey": "wrap/action",
    "unwrapKey": "unwrap/action",
}


@dataclass(frozen=True)
class VaultCall:
    """One authenticated request to a vault."""

    lab: Lab
    request: Request
    tx: Transaction
    principal: Principal
    name: str
    arm_id: str
    url: str
    properties: JsonObject

    def require(self, permission: str, key: str = "") -> None:
        """Raise VaultError unless the caller has the permission (the word of access policies)."""
        if flag_at(self.properties, "enableRbacAuthorization") is True:
            self._require_role(permission, key)
        else:
            self._require_policy(permission)

    @property
    def retention_days(self) -> int:
        """How long what is deleted can be recovered."""
        days = self.properties.get("softDeleteRetentionInDays")
        return days if isinstance(days, int) else 90

    @property
    def is_protected(self) -> bool:
        """Whether nothing may be purged before its time."""
        return flag_at(self.properties, "enablePurgeProtection") is True

    def _require_role(self, permission: str, key: str) -> None:
        action = f"{_NAMESPACE}/{_ACTIONS[permission]}"
        scope = f"{self.arm_id}/keys/{key}" if key else self.arm_id
        if self.lab.rbac.allowed(self.principal, action, scope, data=True):
            return
        who = self.principal
        raise VaultError(
            403,
            "Forbidden",
            "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny "
            "assignments or role definitions were changed recently, please observe propagation "
            f"time.\r\nCaller: appid={who.app_id};oid={who.object_id};iss=lab\r\nAction: "
            f"'{action}'\r\nResource: '{scope.lower()}'\r\nAssignment: (not found)\r\n"
            f"DenyAssignmentId: null\r\nDecisionReason: null \r\nVault: {self.name};",
            "ForbiddenByRbac",
        )

    def _require_policy(self, permission: str) -> None:
        own = {self.principal.object_id.lower(), *groups_of(self.tx, self.principal.object_id)}
        for policy in objects_at(self.properties, "accessPolicies"):
            granted = {one.lower() for one in texts_at(policy, "permissions", "keys")}
            if text_at(policy, "objectId").lower() in own and {permission.lower(), "all"} & granted:
                return
        who = self.principal
        raise VaultError(
            403,
            "Forbidden",
            f"The user, group or application 'appid={who.app_id};oid={who.object_id}' does not "
            f"have keys {permission} permission on key vault '{self.name}'. For help resolving "
            "this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287",
            "AccessDenied",
        )


def open_call(lab: Lab, request: Request, tx: Transaction) -> VaultCall:
    """Check vault, token, firewall and api-version, in the order of Azure. Raises VaultError."""
    found = state.vault_at(tx, request.base_url)
    if found is None:
        raise errors.vault_not_found()
    name, arm_id = found
    try:
        principal = lab.tokens.verify(request.headers.get("authorization"), (RESOURCE,))
    except TokenError as error:
        header = (
            f'Bearer authorization="{lab.endpoints.login}/{lab.tenant_id}", resource="{RESOURCE}"'
        )
        raise VaultError(
            401,
            "Unauthorized",
            f"AKV10000: Request is missing a Bearer or PoP token. {error.message}",
            headers={"WWW-Authenticate": header},
        ) from error
    version = request.query.text("api-version")
    if version not in DATA:
        raise errors.bad_parameter(
            f"The specified version ({version}) is not recognized. "
            f"Consider using the latest supported version ({DATA[-1]})."
        )
    body = lab.resources.body(tx, parse(arm_id)) or {}
    call = VaultCall(
        lab, request, tx, principal, name, arm_id, request.base_url, object_at(body, "properties")
    )
    _check_firewall(call)
    return call


def _check_firewall(call: VaultCall) -> None:
    """Every client of the lab comes from 127.0.0.1."""
    rules = object_at(call.properties, "networkAcls")
    closed = text_at(call.properties, "publicNetworkAccess").lower() == "disabled"
    if closed:
        raise VaultError(
            403,
            "Forbidden",
            "Public network access is disabled and request is not from a trusted service nor via "
            f"an approved private link.\r\nVault: {call.name}",
            "ForbiddenByConnection",
        )
    if text_at(rules, "defaultAction").lower() == "deny":
        admitted = [text_at(one, "value") for one in objects_at(rules, "ipRules")]
        if not any(one.partition("/")[0] == "127.0.0.1" for one in admitted):
            raise VaultError(
                403,
                "Forbidden",
                "Client address is not authorized and caller is not a trusted service.\r\nClient "
                f"address: 127.0.0.1\r\nVault: {call.name}",
                "ForbiddenByFirewall",
            )
