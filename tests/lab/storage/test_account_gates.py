"""Switches of an account that let nobody, fewer or more people in, and what else it is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from azure.core.exceptions import HttpResponseError
from azure.mgmt.storage.models import (
    BlobContainer,
    StorageAccount,
    StorageAccountUpdateParameters,
)
from azure.storage.blob import ContainerClient, PublicAccess

from support.lab import Azure
from support.storage import Account, code, made_account, storage_client


@pytest.fixture
def account(azure: Azure) -> Iterator[Account]:
    """One for each test, since the switches are the account's."""
    with made_account(azure) as made:
        yield made


@pytest.fixture
def container(account: Account) -> ContainerClient:
    made = account.client(account.key).create_container("box")
    made.upload_blob("b", b"one")
    return made


def update(account: Account, body: dict[str, object]) -> StorageAccount:
    client = storage_client(account.azure, account.subscription_id)
    return client.storage_accounts.update(
        account.group, account.name, StorageAccountUpdateParameters(body)
    )


def switch(account: Account, **properties: object) -> None:
    update(account, {"properties": properties})


def said(container: ContainerClient) -> str:
    """The code with which reading the blob is refused, empty when it is not."""
    try:
        container.download_blob("b").readall()
    except HttpResponseError as error:
        return f"{error.status_code} {code(error)}"
    return ""


def anonymous(
    account: Account, path: str, query: dict[str, str] | None = None
) -> requests.Response:
    return account.raw("GET", path, query=query, sas="", version="")


def test_a_firewall_lets_only_its_addresses_in(
    account: Account, container: ContainerClient
) -> None:
    switch(account, networkAcls={"defaultAction": "Deny"})
    assert said(container) == "403 AuthorizationFailure"
    token = account.client(account.azure.credential()).get_container_client("box")
    assert said(token) == "403 AuthorizationFailure"
    for ranges, refusal in (
        (["203.0.113.7"], "403 AuthorizationFailure"),
        (["203.0.113.7", "127.0.0.0/8"], ""),
    ):
        rules = [{"value": one, "action": "Allow"} for one in ranges]
        switch(account, networkAcls={"defaultAction": "Deny", "ipRules": rules})
        assert said(container) == refusal
    switch(account, publicNetworkAccess="Disabled")
    assert said(container) == "403 AuthorizationFailure"
    switch(account, publicNetworkAccess="Enabled", networkAcls={"defaultAction": "Allow"})
    assert said(container) == ""


def test_without_shared_keys_only_tokens_and_their_signatures_count(
    account: Account, container: ContainerClient
) -> None:
    sas = account.container("box", account.sas("rl"))
    assert said(sas) == ""
    switch(account, allowSharedKeyAccess=False)
    assert said(container) == "403 KeyBasedAuthenticationNotPermitted"
    assert said(sas) == "403 KeyBasedAuthenticationNotPermitted"
    token = account.client(account.azure.credential()).get_container_client("box")
    assert said(token) == ""


def test_a_container_is_public_only_if_its_account_allows_it(
    account: Account, container: ContainerClient
) -> None:
    with pytest.raises(HttpResponseError) as refusal:
        container.set_container_access_policy({}, public_access=PublicAccess.BLOB)
    assert refusal.value.status_code == 409
    assert code(refusal.value) == "PublicAccessNotPermitted"
    assert anonymous(account, "box/b").status_code == 401
    switch(account, allowBlobPublicAccess=True)
    assert anonymous(account, "box/b").status_code == 401
    container.set_container_access_policy({}, public_access=PublicAccess.BLOB)
    assert container.get_container_properties().public_access == "blob"
    assert anonymous(account, "box/b").content == b"one"
    listing = {"restype": "container", "comp": "list"}
    assert anonymous(account, "box", listing).status_code == 401
    client = storage_client(account.azure, account.subscription_id)
    everything = BlobContainer({"properties": {"publicAccess": "Container"}})
    client.blob_containers.update(account.group, account.name, "box", everything)
    assert "<Name>b</Name>" in anonymous(account, "box", listing).text
    assert account.raw("DELETE", "box/b", sas="", version="").status_code == 401
    switch(account, allowBlobPublicAccess=False)
    assert anonymous(account, "box/b").status_code == 401


def test_an_account_tells_its_redundancy_and_its_oldest_tls(account: Account) -> None:
    changed = update(account, {"sku": {"name": "Standard_GRS"}})
    assert changed.sku is not None
    assert changed.sku.name == "Standard_GRS"
    assert changed.properties is not None
    assert changed.properties.status_of_secondary == "available"
    back = update(account, {"sku": {"name": "Standard_LRS"}})
    assert back.properties is not None
    assert back.properties.status_of_secondary is None
    assert account.client(account.key).get_account_information()["sku_name"] == "Standard_LRS"
    with pytest.raises(HttpResponseError) as refusal:
        update(account, {"sku": {"name": "Premium_LRS"}})
    assert refusal.value.status_code == 409
    newer = update(account, {"properties": {"minimumTlsVersion": "TLS1_3"}})
    assert newer.properties is not None
    assert newer.properties.minimum_tls_version == "TLS1_3"


def test_an_account_is_made_behind_its_firewall(azure: Azure) -> None:
    shut = {"networkAcls": {"defaultAction": "Deny", "ipRules": [{"value": "127.0.0.1"}]}}
    with made_account(azure, properties=shut) as account:
        client = account.client(account.key)
        client.create_container("box").upload_blob("b", b"one")
        found = storage_client(azure, account.subscription_id).storage_accounts.get_properties(
            account.group, account.name
        )
        assert found.properties is not None
        rules = found.properties.network_rule_set
        assert rules is not None
        assert rules.default_action == "Deny"
        assert [one.ip_address_or_range for one in rules.ip_rules or []] == ["127.0.0.1"]
