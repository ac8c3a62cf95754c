"""The JSON of a storage account: which members it may have, and what becomes of them.

A switch for something that the lab does not do (other encryption keys, file systems) is taken in
its harmless position and refused in any other.
"""

import re

from azlab.core.clock import iso
from azlab.core.errors import ArmError, invalid_parameter, not_simulated
from azlab.core.json_types import (
    JsonObject,
    JsonValue,
    flag_at,
    make_object_at,
    object_at,
    string_map_at,
    text_at,
)
from azlab.core.members import Shape, check_members
from azlab.core.service import Lab
from azlab.services.storage import account_network, account_worm
from azlab.services.storage_blob.tiers import BLOCK_BLOB_TIERS

_NAME = re.compile(r"[a-z0-9]{3,24}")
SKUS = (
    *(f"Standard_{name}" for name in ("LRS", "ZRS", "GRS", "RAGRS", "GZRS", "RAGZRS")),
    *("Premium_LRS", "Premium_ZRS"),
)
KINDS = ("StorageV2", "Storage", "BlobStorage", "BlockBlobStorage")
_TLS_VERSIONS = ("TLS1_0", "TLS1_1", "TLS1_2", "TLS1_3")
_DEFAULT_TIERS = ("Hot", "Cool", "Cold")

SHAPE: Shape = {
    "id": None,
    "name": None,
    "type": None,
    "location": None,
    "kind": None,
    "sku": {"name": None, "tier": None},
    "tags": None,
    "properties": {
        "accessTier": None,
        "allowBlobPublicAccess": None,
        "allowCrossTenantReplication": None,
        "allowSharedKeyAccess": None,
        "creationTime": None,
        "defaultToOAuthAuthentication": None,
        "dnsEndpointType": None,
        "encryption": None,
        "immutableStorageWithVersioning": account_worm.SHAPE,
        "isHnsEnabled": None,
        "isLocalUserEnabled": None,
        "isNfsV3Enabled": None,
        "isSftpEnabled": None,
        "keyCreationTime": None,
        "largeFileSharesState": None,
        "minimumTlsVersion": None,
        "networkAcls": {
            "bypass": None,
            "defaultAction": None,
            "ipRules": None,
            "virtualNetworkRules": None,
            "resourceAccessRules": None,
            "ipv6Rules": None,
        },
        "primaryEndpoints": None,
        "primaryLocation": None,
        "privateEndpointConnections": None,
        "provisioningState": None,
        "publicNetworkAccess": None,
        "secondaryLocation": None,
        "statusOfPrimary": None,
        "statusOfSecondary": None,
        "supportsHttpsTrafficOnly": None,
    },
}
_SET_IN_PROPERTIES = (
    *("accessTier", "allowBlobPublicAccess", "allowCrossTenantReplication"),
    "allowSharedKeyAccess",
    *("defaultToOAuthAuthentication", "minimumTlsVersion"),
)
_ONLY_OFF = (*("isHnsEnabled", "isLocalUserEnabled", "isNfsV3Enabled", "isSftpEnabled"),)
_ONLY_VALUE = {
    "dnsEndpointType": "Standard",
    "largeFileSharesState": "Disabled",
}


def check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ArmError(
            400,
            "AccountNameInvalid",
            f"{name} is not a valid storage account name. Storage account name must be between 3 "
            "and 24 characters in length and use numbers and lower-case letters only.",
        )


def created(lab: Lab, name: str, asked: JsonObject) -> JsonObject:
    """The stored body of a new account. Raises ArmError for what the lab cannot do."""
    _check(asked)
    location = text_at(asked, "location")
    if not location:
        raise ArmError(400, "LocationRequired", "The location property is required.")
    sku, kind = text_at(asked, "sku", "name"), text_at(asked, "kind")
    if sku not in SKUS:
        raise invalid_parameter("sku.name", f"The sku '{sku}' is not known; {SKUS} are.")
    if kind not in KINDS:
        raise invalid_parameter("kind", f"The kind '{kind}' is not known; {KINDS} are.")
    now = iso(lab.clock.now())
    place = location.lower().replace(" ", "")
    properties: JsonObject = {
        "accessTier": "Hot",
        "allowBlobPublicAccess": False,
        "allowCrossTenantReplication": False,
        "allowSharedKeyAccess": True,
        "creationTime": now,
        "encryption": {
            "keySource": "Microsoft.Storage",
            "services": {"blob": {"enabled": True, "keyType": "Account", "lastEnabledTime": now}},
        },
        "isHnsEnabled": False,
        "keyCreationTime": {"key1": now, "key2": now},
        "minimumTlsVersion": "TLS1_2",
        "networkAcls": {
            "bypass": "AzureServices",
            "defaultAction": "Allow",
            "ipRules": [],
            "virtualNetworkRules": [],
        },
        "primaryEndpoints": {"blob": f"{lab.endpoints.blob}/{name}/"},
        "primaryLocation": place,
        "privateEndpointConnections": [],
        "provisioningState": "Creating",
        "publicNetworkAccess": "Enabled",
        "statusOfPrimary": "available",
        "supportsHttpsTrafficOnly": True,
    }
    tags: dict[str, JsonValue] = {**string_map_at(asked, "tags")}
    body: JsonObject = {
        "location": place,
        "kind": kind,
        "sku": {"name": sku, "tier": sku.split("_")[0]},
        "tags": tags,
        "properties": properties,
    }
    _apply_properties(body, asked)
    account_worm.set_on_new(body, asked)
    return body


def changed(body: JsonObject, asked: JsonObject) -> JsonObject:
    """`body` with the members of a PATCH (or of a PUT on an existing account) in place."""
    _check(asked)
    location = text_at(asked, "location")
    if location and location.lower().replace(" ", "") != text_at(body, "location"):
        raise ArmError(
            409,
            "StorageAccountCannotBeMoved",
            "The location of an existing storage account cannot be changed.",
        )
    sku = text_at(asked, "sku", "name")
    if sku:
        if sku not in SKUS:
            raise invalid_parameter("sku.name", f"The sku '{sku}' is not known; {SKUS} are.")
        if sku.split("_")[0] != text_at(body, "sku", "tier"):
            raise ArmError(
                409,
                "StorageAccountTypeCannotBeChanged",
                "A standard account cannot become a premium one, nor the other way round.",
            )
        body["sku"] = {"name": sku, "tier": sku.split("_")[0]}
    kind = text_at(asked, "kind")
    if kind and kind != text_at(body, "kind"):
        raise not_simulated("The lab does not change the kind of a storage account.")
    if asked.get("tags") is not None:
        body["tags"] = {**string_map_at(asked, "tags")}
    _apply_properties(body, asked)
    account_worm.change(body, asked)
    return body


def _apply_properties(body: JsonObject, asked: JsonObject) -> None:
    account_network.apply(body, asked)
    properties = make_object_at(body, "properties")
    wanted = object_at(asked, "properties")
    for name in _SET_IN_PROPERTIES:
        if wanted.get(name) is not None:
            properties[name] = wanted[name]
    version = text_at(properties, "minimumTlsVersion")
    if version not in _TLS_VERSIONS:
        raise invalid_parameter("minimumTlsVersion", f"'{version}' is none of {_TLS_VERSIONS}.")
    _set_secondary(body, properties)
    tier = text_at(properties, "accessTier")
    if tier not in _DEFAULT_TIERS:
        known = ", ".join(t for t in BLOCK_BLOB_TIERS if t in _DEFAULT_TIERS)
        raise invalid_parameter("accessTier", f"The tier '{tier}' is none of {known}.")


def _set_secondary(body: JsonObject, properties: JsonObject) -> None:
    """An account that is replicated to another region shows that there is one."""
    if "G" in text_at(body, "sku", "name").split("_")[-1]:
        properties["statusOfSecondary"] = "available"
    else:
        properties.pop("statusOfSecondary", None)


def _check(asked: JsonObject) -> None:
    check_members(asked, SHAPE)
    properties = object_at(asked, "properties")
    for name in _ONLY_OFF:
        if flag_at(properties, name):
            raise not_simulated(f"The lab has no storage accounts with {name}.")
    for name, value in _ONLY_VALUE.items():
        if text_at(properties, name) not in ("", value):
            raise not_simulated(f"The lab knows {name} only as '{value}'.")
    if flag_at(properties, "supportsHttpsTrafficOnly") is False:
        raise not_simulated("The lab serves storage over HTTPS only.")
    if text_at(properties, "encryption", "keySource") not in ("", "Microsoft.Storage"):
        raise not_simulated("The lab encrypts storage with keys of the platform only.")
