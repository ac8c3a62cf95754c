"""Storage accounts and their containers, through the Resource Manager. Raw JSON."""

from __future__ import annotations

from collections.abc import Iterator

from kyanite.azure.arm import ArmClient
from kyanite.base.errors import Rejected
from kyanite.base.json_types import JsonObject, as_list, as_object, as_text, dig


def list_accounts(arm: ArmClient, subscription_id: str) -> Iterator[JsonObject]:
    """The storage accounts of a subscription."""
    return arm.list(f"/subscriptions/{subscription_id}/providers/Microsoft.Storage/storageAccounts")


def blob_endpoint(account: JsonObject) -> str:
    """The address of the account's blobs, without a slash at its end."""
    endpoint = as_text(dig(account, "properties", "primaryEndpoints", "blob")).rstrip("/")
    if not endpoint:
        raise Rejected(f"The storage account {as_text(account.get('name'))} keeps no blobs.")
    return endpoint


def get_account(arm: ArmClient, account_id: str) -> JsonObject:
    """One storage account. Raises ``Gone``."""
    return arm.get(account_id)


def keys(arm: ArmClient, account_id: str) -> list[str]:
    """The account's keys: secrets. Raises ``Denied`` without ``listKeys/action``."""
    answer = arm.post(f"{account_id}/listKeys")
    found = [as_text(as_object(key).get("value")) for key in as_list(answer.get("keys"))]
    return [key for key in found if key]


def blob_service(arm: ArmClient, account_id: str) -> JsonObject:
    """The settings of the account's blob service: versioning, soft delete."""
    return arm.get(f"{account_id}/blobServices/default")


def containers(arm: ArmClient, account_id: str) -> Iterator[JsonObject]:
    """The account's containers."""
    return arm.list(f"{account_id}/blobServices/default/containers")


def find_container(arm: ArmClient, account_id: str, name: str) -> JsonObject | None:
    """One container, or ``None``."""
    return arm.find(f"{account_id}/blobServices/default/containers/{name}")


def create_container(
    arm: ArmClient, account_id: str, name: str, *, immutable_versions: bool
) -> JsonObject:
    """A new private container; one that exists stays as it is and is returned.

    ``immutable_versions`` lets single versions of its blobs be locked; needs versioning.
    """
    properties: JsonObject = {"publicAccess": "None"}
    if immutable_versions:
        properties = {**properties, "immutableStorageWithVersioning": {"enabled": True}}
    path = f"{account_id}/blobServices/default/containers/{name}"
    return arm.put(path, {"properties": properties})
