"""Resource providers: which types there are, and whether a subscription may use them."""

from azlab.core.arm import ArmCall, ArmError, ArmType
from azlab.core.errors import subscription_not_found
from azlab.core.http import Response, json_response
from azlab.core.json_types import JsonObject, JsonValue, texts_at
from azlab.core.service import Lab
from azlab.services.resources.state import (
    find_subscription,
    locations,
    put_subscription,
)
from azlab.services.resources.versions import RESOURCES

_MANY = "/subscriptions/{subscription}/providers"
_ONE = _MANY + "/{namespace}"
# The first two have calls but no types of their own; the others are the providers whose
# registration backup tools look at before they use them, and which the lab does not simulate.
_WITHOUT_TYPES = (
    "Microsoft.Resources",
    "Microsoft.Authorization",
    "Microsoft.Commerce",
    "Microsoft.DBforPostgreSQL",
    "Microsoft.DevTestLab",
    "Microsoft.DocumentDB",
    "Microsoft.KeyVault",
)
_READ = "Microsoft.Resources/subscriptions/providers/read"


def register(lab: Lab) -> None:
    """Add the routes."""
    for path, handler, operation in (
        (_MANY, _list, "providers.list"),
        (_ONE, _get, "providers.get"),
    ):
        lab.arm.route(
            "GET", path, handler, operation=operation, action=None, api_versions=RESOURCES,
            queries=("$top", "$skiptoken"), service="resources",
            note="any role in the subscription is enough; some providers have no types here",
        )  # fmt: skip
    for word, registered in (("register", True), ("unregister", False)):

        def change(call: ArmCall, registered: bool = registered, word: str = word) -> Response:
            call.require(f"{call.params['namespace']}/{word}/action", call.id.text)
            return _change(call, registered)

        lab.arm.route(
            "POST", f"{_ONE}/{word}", change, operation=f"providers.{word}", action=None,
            api_versions=RESOURCES, service="resources",
        )  # fmt: skip


def _namespaces(lab: Lab) -> dict[str, list[ArmType]]:
    found = lab.arm.namespaces
    for name in _WITHOUT_TYPES:
        found.setdefault(name, [])
    return found


def _shown(call: ArmCall, namespace: str, kinds: list[ArmType]) -> JsonObject:
    body = find_subscription(call.tx, call.id.subscription) or {}
    off = [one.lower() for one in texts_at(body, "unregistered")]
    regions = locations(call.tx)
    types: list[JsonValue] = []
    for kind in sorted(kinds, key=lambda one: one.name):
        places: list[JsonValue] = [region.display_name for region in regions]
        versions: list[JsonValue] = [*sorted(kind.api_versions, reverse=True)]
        zones: list[JsonValue] = [
            {"location": region.display_name, "zones": ["1", "2", "3"]}
            for region in regions
            if region.has_zones
        ]
        types.append(
            {
                "resourceType": "/".join(kind.types),
                "locations": [] if kind.is_child else places,
                "apiVersions": versions,
                "zoneMappings": [] if kind.is_child else zones,
                "capabilities": "SupportsTags, SupportsLocation"
                if kind.tracked and not kind.is_child
                else "None",
            }
        )
    return {
        "id": f"/subscriptions/{call.id.subscription}/providers/{namespace}",
        "namespace": namespace,
        "registrationPolicy": "RegistrationRequired",
        "registrationState": "NotRegistered" if namespace.lower() in off else "Registered",
        "resourceTypes": types,
    }


def _list(call: ArmCall) -> Response:
    call.require_any_role(_READ)
    found = _namespaces(call.lab)
    return call.page(_shown(call, namespace, kinds) for namespace, kinds in found.items())


def _known(call: ArmCall) -> tuple[str, list[ArmType]]:
    asked = call.params["namespace"]
    for namespace, kinds in _namespaces(call.lab).items():
        if namespace.lower() == asked.lower():
            return namespace, kinds
    raise ArmError(404, "InvalidResourceNamespace", f"The resource namespace '{asked}' is invalid.")


def _get(call: ArmCall) -> Response:
    call.require_any_role(_READ)
    return json_response(200, _shown(call, *_known(call)))


def _change(call: ArmCall, registered: bool) -> Response:
    namespace, kinds = _known(call)
    body = find_subscription(call.tx, call.id.subscription)
    if body is None:
        raise subscription_not_found(call.id.subscription)
    off: list[JsonValue] = [
        one for one in texts_at(body, "unregistered") if one.lower() != namespace.lower()
    ]
    if not registered:
        off.append(namespace)
    body["unregistered"] = off
    put_subscription(call.tx, call.id.subscription, body)
    return json_response(200, _shown(call, namespace, kinds))
