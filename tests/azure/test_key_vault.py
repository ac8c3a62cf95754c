"""Keys of a vault through our adapter, with no more than the documented rights."""

from __future__ import annotations

import uuid

import pytest

from kyanite.azure.arm import ArmClient
from kyanite.azure.key_vault import MOST_BYTES, KeyVaultKeys
from kyanite.base.errors import Denied, Gone, Rejected
from kyanite.base.json_types import as_text, dig
from support.key_vaults import vault_body
from support.lab import Azure, with_application
from support.lab_clients import vault_keys
from support.shared_lab import arm_client, shared_lab


@pytest.fixture(scope="module")
def azure() -> Azure:
    return shared_lab().azure


@pytest.fixture(scope="module")
def arm(azure: Azure) -> ArmClient:
    return arm_client(azure)


def shop_vault(azure: Azure, arm: ArmClient) -> str:
    """The URL of the vault of the scene, on which the owner is a Crypto User."""
    path = f"/subscriptions/{azure.subscription_ids[0]}/providers/Microsoft.KeyVault/vaults"
    (vault,) = (one for one in arm.list(path) if one["name"] == "shopkeys")
    return as_text(dig(vault, "properties", "vaultUri"))


def test_what_is_sealed_opens_with_the_version_that_sealed_it(azure: Azure, arm: ArmClient) -> None:
    keys = KeyVaultKeys(arm.login, shop_vault(azure, arm))
    (key,) = keys.keys()
    assert (key.name, key.version, key.is_enabled) == ("backups", "", True)
    version, sealed = keys.seal(key.id, bytes(range(64)))
    assert version == keys.current("backups").id
    assert [one.id for one in keys.versions("backups")] == [version]
    assert keys.open(version, sealed) == bytes(range(64))
    with pytest.raises(Rejected):
        keys.open(version, bytes(256))


def test_more_than_fits_is_refused_before_it_is_sent(azure: Azure, arm: ArmClient) -> None:
    keys = KeyVaultKeys(arm.login, shop_vault(azure, arm))
    assert keys.seal(keys.current("backups").id, bytes(MOST_BYTES))
    with pytest.raises(Rejected, match="190"):
        keys.seal(keys.current("backups").id, bytes(MOST_BYTES + 1))


def test_the_key_of_another_vault_gets_no_token(azure: Azure, arm: ArmClient) -> None:
    keys = KeyVaultKeys(arm.login, shop_vault(azure, arm))
    with pytest.raises(Rejected, match="not one of the vault"):
        keys.seal("https://elsewhere.example.org/keys/x", b"x")


def test_what_is_missing_or_forbidden_is_told_apart(azure: Azure, arm: ArmClient) -> None:
    url = shop_vault(azure, arm)
    with pytest.raises(Gone):
        KeyVaultKeys(arm.login, url).current("nothing")
    restricted = arm_client(
        with_application(
            azure, "0c8f6d1e-6a52-4b8e-8d6f-1f2b7a3c4d02", "restricted-secret-of-the-small-scene"
        )
    )
    with pytest.raises(Denied, match="keys/read"):
        list(KeyVaultKeys(restricted.login, url).keys())


def test_a_vault_with_policies_and_many_keys(azure: Azure, arm: ArmClient) -> None:
    group = f"/subscriptions/{azure.subscription_ids[0]}/resourceGroups/backup"
    vault = arm.put(
        f"{group}/providers/Microsoft.KeyVault/vaults/kv-{uuid.uuid4().hex[:12]}",
        vault_body(azure.tenant_id),
    )
    url = as_text(dig(vault, "properties", "vaultUri"))
    made = vault_keys(azure, url)
    first = made.create_rsa_key("k")
    keys = KeyVaultKeys(arm.login, url)
    version, sealed = keys.seal(keys.current("k").id, b"secret")
    made.create_rsa_key("k")
    assert version == first.id
    assert keys.current("k").id != version
    assert keys.open(version, sealed) == b"secret"
    made.begin_delete_key("k").wait()
    with pytest.raises(Gone):
        keys.open(version, sealed)


def test_throttling_and_broken_connections_are_waited_out(arm: ArmClient, azure: Azure) -> None:
    lab = shared_lab()
    keys = KeyVaultKeys(arm.login, shop_vault(azure, arm))
    current = keys.current("backups").id
    for fault in ({"status": 429, "retryAfter": 0}, {"status": 503}, {"drop": True}):
        lab.control.add_fault(path="/encrypt", times=1, **fault)
        assert keys.seal(current, b"x")[0] == current
    assert [one["struck"] for one in lab.control.faults()] == [1, 1, 1]
    lab.control.clear_faults()
