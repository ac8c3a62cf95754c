"""Tenants, subscriptions and their regions."""

from azlab.core.arm import ArmCall, ArmError
from azlab.core.errors import invalid_parameter, subscription_not_found
from azlab.core.http import Response, json_response
from azlab.core.json_types import JsonObject, JsonValue, object_at, text_at, texts_at
from azlab.core.service import Lab
from azlab.services.identity.state import read_tenant
from azlab.services.resources.regions import REGIONS, code_name, physical_zone, to_json
from azlab.services.resources.state import (
    find_subscription,
    location_names,
    locations,
    subscriptions,
)
from azlab.services.resources.versions import RESOURCES, SUBSCRIPTIONS

_SUBSCRIPTION = "/subscriptions/{subscription}"


def register(lab: Lab) -> None:
    """Add the routes."""
    arm = lab.arm
    arm.route(
        "GET", "/tenants", _tenants, operation="tenants.list", action=None,
        api_versions=SUBSCRIPTIONS,
    )  # fmt: skip
    arm.route(
        "GET", "/subscriptions", _subscriptions, operation="subscriptions.list", action=None,
        api_versions=SUBSCRIPTIONS + RESOURCES, queries=("$top", "$skiptoken"),
    )  # fmt: skip
    arm.route(
        "GET", _SUBSCRIPTION, _subscription, operation="subscriptions.get", action=None,
        api_versions=SUBSCRIPTIONS + RESOURCES,
    )  # fmt: skip
    arm.route(
        "GET", _SUBSCRIPTION + "/locations", _locations, operation="locations.list",
        action=None, note="any role in the subscription is enough",
        api_versions=SUBSCRIPTIONS + RESOURCES, queries=("includeExtendedLocations",),
    )  # fmt: skip
    arm.route(
        "POST", _SUBSCRIPTION + "/providers/Microsoft.Resources/checkZonePeers", _zone_peers,
        operation="checkZonePeers", action="Microsoft.Resources/checkZonePeers/action",
        api_versions=SUBSCRIPTIONS,
    )  # fmt: skip


def _tenants(call: ArmCall) -> Response:
    tenant = read_tenant(call.tx)
    shown: JsonObject = {
        "id": f"/tenants/{tenant.id}",
        "tenantId": tenant.id,
        "countryCode": "DE",
        "displayName": tenant.display_name,
        "domains": [tenant.default_domain],
        "defaultDomain": tenant.default_domain,
        "tenantCategory": "Home",
        "tenantType": "AAD",
    }
    return json_response(200, {"value": [shown]})


def _shown(body: JsonObject) -> JsonObject:
    subscription = text_at(body, "subscriptionId")
    return {
        "id": f"/subscriptions/{subscription}",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "tags": object_at(body, "tags"),
        "subscriptionId": subscription,
        "tenantId": text_at(body, "tenantId"),
        "displayName": text_at(body, "displayName"),
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
    }


def _subscriptions(call: ArmCall) -> Response:
    """Those in which the caller has any role; nobody is refused this list."""
    return call.page(
        _shown(body)
        for body in subscriptions(call.tx)
        if call.lab.rbac.has_access(
            call.principal, f"/subscriptions/{text_at(body, 'subscriptionId')}"
        )
    )


def _subscription(call: ArmCall) -> Response:
    body = find_subscription(call.tx, call.id.subscription)
    if body is None:
        raise subscription_not_found(call.id.subscription)
    call.require_any_role("Microsoft.Resources/subscriptions/read")
    return json_response(200, _shown(body))


def _locations(call: ArmCall) -> Response:
    if call.query("includeExtendedLocations").lower() not in ("", "false"):
        raise invalid_parameter("includeExtendedLocations", "The lab has no extended locations.")
    call.require_any_role("Microsoft.Resources/subscriptions/locations/read")
    names = location_names(call.tx)
    body = find_subscription(call.tx, call.id.subscription) or {}
    subscription = text_at(body, "subscriptionId")
    shown: list[JsonValue] = [to_json(one, subscription, names) for one in locations(call.tx)]
    return json_response(200, {"value": shown})


def _zone_peers(call: ArmCall) -> Response:
    asked = call.json()
    location = code_name(text_at(asked, "location"))
    region = REGIONS.get(location)
    if region is None or location not in location_names(call.tx) or not region.has_zones:
        raise ArmError(
            400,
            "InvalidLocation",
            f"The location '{location}' is not available or has no availability zones.",
        )
    others = [one.rsplit("/", 1)[-1] for one in texts_at(asked, "subscriptionIds")]
    for other in others:
        if find_subscription(call.tx, other) is None:
            raise subscription_not_found(other)
    own = call.id.subscription
    peers: list[JsonValue] = []
    for zone in (1, 2, 3):
        place = physical_zone(location, own, zone)
        same: list[JsonValue] = [
            {"subscriptionId": other, "availabilityZone": str(there)}
            for other in others
            for there in (1, 2, 3)
            if physical_zone(location, other, there) == place
        ]
        peers.append({"availabilityZone": str(zone), "peers": same})
    return json_response(
        200,
        {"subscriptionId": own, "location": location, "availabilityZonePeers": peers},
    )
