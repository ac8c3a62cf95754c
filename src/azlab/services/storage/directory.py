"""Storage accounts by name, with their keys: what the data plane asks for at every request.

Account names are unique in the whole lab. A document of the kind KIND under the name says where the
account lies in ARM and which generation each of its keys has; the keys themselves are derived from
the secret of the lab's directory, so a reset brings the same ones back.
"""

import hashlib
import hmac
from dataclasses import dataclass

from azlab.core.json_types import JsonObject, flag_at, integer_at, text_at
from azlab.core.resource_ids import ResourceId, parse
from azlab.core.service import Lab
from azlab.core.state import Transaction
from azlab.services.storage import account_network, account_worm
from azlab.services.storage_blob.accounts import Account

KIND = "storageAccountName"
KEY_NAMES = ("key1", "key2")


@dataclass(frozen=True)
class Listed:
    """An account's entry in the directory."""

    id: ResourceId
    generations: tuple[int, int]


def find(tx: Transaction, name: str) -> Listed | None:
    found = tx.get(KIND, name.lower())
    if found is None:
        return None
    first, second = (integer_at(found, key) or 0 for key in KEY_NAMES)
    return Listed(parse(text_at(found, "id")), (first, second))


def put(tx: Transaction, account_id: ResourceId, generations: tuple[int, int] = (0, 0)) -> None:
    document: JsonObject = {"id": account_id.text}
    document.update(zip(KEY_NAMES, generations, strict=True))
    tx.put(KIND, account_id.name.lower(), document)


def remove(tx: Transaction, name: str) -> None:
    tx.delete(KIND, name.lower())


def names(tx: Transaction) -> set[str]:
    return {key for key, _ in tx.list(KIND)}


def key(lab: Lab, name: str, key_name: str, generation: int) -> bytes:
    """64 bytes, as account keys have."""
    secret = lab.secret("storage account key", name, key_name, str(generation))
    return hmac.new(secret, b"storage account key", hashlib.sha512).digest()


def keys(lab: Lab, name: str, listed: Listed) -> tuple[bytes, ...]:
    return tuple(
        key(lab, name, key_name, generation)
        for key_name, generation in zip(KEY_NAMES, listed.generations, strict=True)
    )


def account(lab: Lab, name: str) -> Account | None:
    """For the data plane; None unless the account exists and is completely made."""
    with lab.transaction() as tx:
        listed = find(tx, name)
        body = lab.resources.body(tx, listed.id) if listed else None
    if listed is None or body is None or name != name.lower():
        return None
    if text_at(body, "properties", "provisioningState") != "Succeeded":
        return None
    allowed = flag_at(body, "properties", "allowSharedKeyAccess")
    return Account(
        name=name,
        arm_id=listed.id.text,
        tenant_id=lab.tenant_id,
        keys=keys(lab, name, listed),
        allows_shared_key=allowed is None or allowed,
        sku=text_at(body, "sku", "name"),
        kind=text_at(body, "kind"),
        default_tier=text_at(body, "properties", "accessTier") or "Hot",
        immutable_versions=account_worm.is_enabled(body),
        default_retention=account_worm.default_retention(body),
        firewall=account_network.firewall(body),
        allows_public_access=bool(flag_at(body, "properties", "allowBlobPublicAccess")),
    )
