"""Key Vault, driven by the official SDKs: vaults in ARM, keys behind the URL of each."""

import base64
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import requests
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys.crypto import CryptographyClient, EncryptionAlgorithm, KeyWrapAlgorithm
from azure.mgmt.keyvault import KeyVaultManagementClient
from azure.mgmt.keyvault.models import (
    Vault,
    VaultAccessPolicyParameters,
    VaultCreateOrUpdateParameters,
)
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from support.key_vaults import OWNER_OBJECT, vault_body
from support.lab import Azure, Control, LabProcess
from support.lab_clients import vault_keys, vaults

GROUP = "backup"
RESTRICTED = ("0c8f6d1e-6a52-4b8e-8d6f-1f2b7a3c4d02", "restricted-secret-of-the-small-scene")
RESTRICTED_OBJECT = "7b1e2f3a-4c5d-4e6f-8a9b-0c1d2e3f4a02"
OFFICER = "14b46e9e-c2b7-41b4-b07b-48a6ebf60603"


@pytest.fixture(scope="module")
def management(azure: Azure) -> KeyVaultManagementClient:
    return vaults(azure)


def make(
    azure: Azure, management: KeyVaultManagementClient, name: str = "", **properties: object
) -> Vault:
    """A vault whose keys the owner of the lab may manage."""
    wanted = VaultCreateOrUpdateParameters(vault_body(azure.tenant_id, **properties))
    named = name or f"kv-{uuid.uuid4().hex[:12]}"
    return management.vaults.begin_create_or_update(GROUP, named, wanted).result()


def url_of(vault: Vault) -> str:
    assert vault.properties.vault_uri is not None
    return vault.properties.vault_uri


@pytest.fixture
def vault(azure: Azure, management: KeyVaultManagementClient) -> Vault:
    return make(azure, management)


@pytest.fixture
def keys(azure: Azure, vault: Vault) -> Iterator[KeyClient]:
    with vault_keys(azure, url_of(vault)) as client:
        yield client


def crypto(azure: Azure, key: object) -> CryptographyClient:
    return CryptographyClient(
        key,  # type: ignore[arg-type]
        azure.credential(),
        verify_challenge_resource=False,
        connection_verify=azure.ca or True,
    )


def test_what_is_encrypted_can_be_decrypted_with_its_version_for_ever(
    azure: Azure, keys: KeyClient
) -> None:
    first = keys.create_rsa_key("versions")
    sealed = crypto(azure, first.id).encrypt(EncryptionAlgorithm.rsa_oaep_256, b"the master key")
    second = keys.create_rsa_key("versions")
    assert keys.get_key("versions").id == second.id != first.id
    opened = crypto(azure, first.id).decrypt(EncryptionAlgorithm.rsa_oaep_256, sealed.ciphertext)
    assert opened.plaintext == b"the master key"
    with pytest.raises(HttpResponseError):
        crypto(azure, second.id).decrypt(EncryptionAlgorithm.rsa_oaep_256, sealed.ciphertext)
    listed = {one.id for one in keys.list_properties_of_key_versions("versions")}
    assert listed == {first.id, second.id}


def test_the_public_half_is_real(azure: Azure, keys: KeyClient) -> None:
    key = keys.create_rsa_key("public", size=3072)
    found: dict[str, bytes] = vars(key.key)
    numbers = rsa.RSAPublicNumbers(
        int.from_bytes(found["e"], "big"), int.from_bytes(found["n"], "big")
    )
    public = numbers.public_key()
    assert public.key_size == 3072
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    wrapped = public.encrypt(bytes(32), oaep)
    client = crypto(azure, key.id)
    assert client.unwrap_key(KeyWrapAlgorithm.rsa_oaep_256, wrapped).key == bytes(32)


def test_a_deleted_key_is_recovered_or_purged(keys: KeyClient) -> None:
    made = keys.create_rsa_key("deleted")
    gone = keys.begin_delete_key("deleted").result()
    assert gone.recovery_id is not None
    with pytest.raises(ResourceNotFoundError):
        keys.get_key("deleted")
    with pytest.raises(ResourceExistsError):
        keys.create_rsa_key("deleted")
    assert [one.name for one in keys.list_deleted_keys()] == ["deleted"]
    keys.begin_recover_deleted_key("deleted").wait()
    assert keys.get_key("deleted").id == made.id
    keys.begin_delete_key("deleted").wait()
    keys.purge_deleted_key("deleted")
    with pytest.raises(ResourceNotFoundError):
        keys.get_deleted_key("deleted")


def test_a_disabled_key_does_nothing_and_an_expired_one_only_opens(
    azure: Azure, keys: KeyClient
) -> None:
    key = keys.create_rsa_key("attributes")
    client = crypto(azure, key.id)
    sealed = client.encrypt(EncryptionAlgorithm.rsa_oaep, b"x").ciphertext
    keys.update_key_properties("attributes", enabled=False)
    with pytest.raises(HttpResponseError) as disabled:
        crypto(azure, key.id).decrypt(EncryptionAlgorithm.rsa_oaep, sealed)
    assert disabled.value.status_code == 403
    ended = datetime.now(UTC) - timedelta(days=1)
    keys.update_key_properties("attributes", enabled=True, expires_on=ended)
    opened = crypto(azure, key.id).decrypt(EncryptionAlgorithm.rsa_oaep, sealed)
    assert opened.plaintext == b"x"


def test_many_keys_come_in_pages(keys: KeyClient, azure: Azure, vault: Vault) -> None:
    assert keys.vault_url
    names = [f"page-{number:02}" for number in range(30)]
    for name in names:
        key = rsa.generate_private_key(65537, 2048).private_numbers()
        _import(azure, url_of(vault), name, key)
    found = [one.name for one in keys.list_properties_of_keys()]
    assert [one for one in found if one and one.startswith("page-")] == names


def _import(azure: Azure, url: str, name: str, key: rsa.RSAPrivateNumbers) -> None:
    def text(number: int) -> str:
        data = number.to_bytes((number.bit_length() + 7) // 8, "big")
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    public = key.public_numbers
    jwk = {
        "kty": "RSA", "n": text(public.n), "e": text(public.e), "d": text(key.d),
        "p": text(key.p), "q": text(key.q), "dp": text(key.dmp1), "dq": text(key.dmq1),
        "qi": text(key.iqmp),
    }  # fmt: skip
    answer = azure.call(
        "PUT",
        f"{url}keys/{name}?api-version=2025-07-01",
        {"key": jwk},
        token=azure.token("https://vault.azure.net/.default"),
    )
    assert answer.status_code == 200, answer.text


def test_without_a_policy_nothing_is_allowed_and_the_answer_says_what(
    azure: Azure, vault: Vault
) -> None:
    restricted = vault_keys(azure, url_of(vault), azure.credential(*RESTRICTED))
    with pytest.raises(HttpResponseError) as caught:
        list(restricted.list_properties_of_keys())
    assert caught.value.status_code == 403
    assert "does not have keys list permission" in str(caught.value)


def test_a_policy_added_gives_just_that(
    azure: Azure, management: KeyVaultManagementClient, keys: KeyClient, vault: Vault
) -> None:
    key = keys.create_rsa_key("policy")
    assert vault.name is not None
    entry = {
        "tenantId": azure.tenant_id,
        "objectId": RESTRICTED_OBJECT,
        "permissions": {"keys": ["list"]},
    }
    policies = VaultAccessPolicyParameters({"properties": {"accessPolicies": [entry]}})
    management.vaults.update_access_policy(
        GROUP,
        vault.name,
        "add",
        policies,
    )
    restricted = vault_keys(azure, url_of(vault), azure.credential(*RESTRICTED))
    assert "policy" in [one.name for one in restricted.list_properties_of_keys()]
    with pytest.raises(HttpResponseError):
        restricted.get_key("policy")
    assert key.name == "policy"
    management.vaults.update_access_policy(
        GROUP,
        vault.name,
        "remove",
        policies,
    )
    with pytest.raises(HttpResponseError):
        list(restricted.list_properties_of_keys())


@pytest.mark.control
def test_roles_decide_where_the_vault_says_so(
    azure: Azure, management: KeyVaultManagementClient, fresh: Control
) -> None:
    vault = make(azure, management, enableRbacAuthorization=True, accessPolicies=[])
    with pytest.raises(HttpResponseError) as caught:
        vault_keys(azure, url_of(vault)).create_rsa_key("k")  # a Crypto User makes no keys
    assert "Microsoft.KeyVault/vaults/keys/create/action" in str(caught.value)
    definition = f"/subscriptions/{azure.subscription_ids[0]}/providers/Microsoft.Authorization"
    answer = azure.call(
        "PUT",
        f"{vault.id}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
        "?api-version=2022-04-01",
        {
            "properties": {
                "roleDefinitionId": f"{definition}/roleDefinitions/{OFFICER}",
                "principalId": OWNER_OBJECT,
                "principalType": "ServicePrincipal",
            }
        },
    )
    assert answer.status_code == 201, answer.text
    assert vault_keys(azure, url_of(vault)).create_rsa_key("k").name == "k"


def test_a_deleted_vault_keeps_its_name_and_keys_until_it_is_purged(
    azure: Azure, management: KeyVaultManagementClient
) -> None:
    name = f"kv-{uuid.uuid4().hex[:12]}"
    vault = make(azure, management, name)
    key = vault_keys(azure, url_of(vault)).create_rsa_key("kept")
    management.vaults.delete(GROUP, name)
    with pytest.raises(HttpResponseError):
        vault_keys(azure, url_of(vault)).get_key("kept")
    with pytest.raises(ResourceExistsError):
        make(azure, management, name)
    assert name in [one.name for one in management.vaults.list_deleted()]
    back = make(azure, management, name, createMode="recover")
    assert vault_keys(azure, url_of(back)).get_key("kept").id == key.id
    management.vaults.delete(GROUP, name)
    management.vaults.begin_purge_deleted(name, "westeurope").wait()
    fresh = make(azure, management, name)
    with pytest.raises(ResourceNotFoundError):
        vault_keys(azure, url_of(fresh)).get_key("kept")


@pytest.mark.control
def test_what_is_in_the_bin_goes_when_its_time_is_over(
    azure: Azure, management: KeyVaultManagementClient, fresh: Control
) -> None:
    vault = make(azure, management, softDeleteRetentionInDays=7)
    client = vault_keys(azure, url_of(vault))
    client.create_rsa_key("k")
    client.begin_delete_key("k").wait()
    fresh.advance(8 * 86400)
    assert list(vault_keys(azure, url_of(vault)).list_deleted_keys()) == []
    fresh.reset()


def test_purge_protection_holds(azure: Azure, management: KeyVaultManagementClient) -> None:
    vault = make(azure, management, enablePurgeProtection=True)
    client = vault_keys(azure, url_of(vault))
    client.create_rsa_key("k")
    client.begin_delete_key("k").wait()
    with pytest.raises(HttpResponseError) as caught:
        client.purge_deleted_key("k")
    assert caught.value.status_code == 403
    assert vault.name is not None
    management.vaults.delete(GROUP, vault.name)
    with pytest.raises(HttpResponseError):
        management.vaults.begin_purge_deleted(vault.name, "westeurope").wait()


def test_the_firewall_of_a_vault_keeps_everybody_out(
    azure: Azure, management: KeyVaultManagementClient
) -> None:
    vault = make(azure, management, networkAcls={"defaultAction": "Deny", "bypass": "None"})
    with pytest.raises(HttpResponseError) as caught:
        list(vault_keys(azure, url_of(vault)).list_properties_of_keys())
    assert caught.value.status_code == 403
    assert "Client address is not authorized" in str(caught.value)


def test_a_request_without_a_token_is_told_where_to_get_one(azure: Azure, vault: Vault) -> None:
    answer = requests.get(
        f"{url_of(vault)}keys?api-version=2025-07-01", verify=azure.ca or True, timeout=30
    )
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == (
        f'Bearer authorization="{azure.login}/{azure.tenant_id}", '
        'resource="https://vault.azure.net"'
    )


def test_a_token_for_arm_opens_no_vault(azure: Azure, vault: Vault) -> None:
    answer = azure.call("GET", f"{url_of(vault)}keys?api-version=2025-07-01")
    assert answer.status_code == 401


def test_wrong_credentials_are_the_directorys_error(azure: Azure, vault: Vault) -> None:
    with pytest.raises(ClientAuthenticationError):
        vault_keys(azure, url_of(vault), azure.credential(client_secret="wrong")).get_key("x")


def test_keys_and_urls_survive_a_kill(tmp_path_factory: pytest.TempPathFactory) -> None:
    lab = LabProcess(tmp_path_factory.mktemp("lab"))
    try:
        found = next(iter(vaults(lab.azure).vaults.list_by_subscription()))
        url = found.properties.vault_uri
        assert url is not None
        before = vault_keys(lab.azure, url).get_key("backups").id
        lab.kill()
        lab.start()
        assert vault_keys(lab.azure, url).get_key("backups").id == before
    finally:
        lab.stop()
