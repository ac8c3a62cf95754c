"""Storage accounts for the tests of the lab: what is under test, and clients for it."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import requests
from azure.core.exceptions import HttpResponseError
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.storage import StorageManagementClient
from azure.mgmt.storage.models import (
    BlobContainer,
    BlobServiceProperties,
    StorageAccount,
    StorageAccountCreateParameters,
)
from azure.storage.blob import (
    BlobServiceClient,
    ContainerClient,
    ResourceTypes,
    generate_account_sas,
)

from support.lab import Azure

VERSION = "2024-11-04"
NEW_ACCOUNT = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}


@dataclass(frozen=True)
class Account:
    """An account under test. `url` is what ARM says, without a slash at the end."""

    azure: Azure
    subscription_id: str
    group: str
    name: str
    url: str
    key: str

    def client(self, credential: object) -> BlobServiceClient:
        """Without retries, so that a refusal is seen at once."""
        return BlobServiceClient(
            self.url,
            credential=credential,  # type: ignore[arg-type]
            connection_verify=self.azure.ca or True,
            retry_total=0,
        )

    def sas(self, permission: str = "racwdxyltfi", **terms: object) -> str:
        """An account SAS for an hour, unless `terms` say otherwise."""
        settings: dict[str, object] = {
            "resource_types": ResourceTypes(service=True, container=True, object=True),
            "permission": permission,
            "expiry": datetime.now(UTC) + timedelta(hours=1),
        }
        return generate_account_sas(self.name, self.key, **(settings | terms))  # type: ignore[arg-type]

    def raw(
        self,
        method: str,
        path: str = "",
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        sas: str | None = None,
        version: str = VERSION,
    ) -> requests.Response:
        """A request as no SDK would send it; with an account SAS unless `sas` is given."""
        credential = self.sas() if sas is None else sas
        arguments = "&".join(f"{name}={quote(value)}" for name, value in (query or {}).items())
        url = f"{self.url}/{path}?" + "&".join(part for part in (arguments, credential) if part)
        sent = {"x-ms-version": version, **(headers or {})}
        return requests.request(
            method,
            url,
            headers={name: value for name, value in sent.items() if value},
            data=data,
            verify=self.azure.ca or True,
            timeout=60,
        )

    def container(self, name: str, sas: str) -> ContainerClient:
        return self.client(sas).get_container_client(name)


def storage_client(azure: Azure, subscription_id: str) -> StorageManagementClient:
    return StorageManagementClient(
        azure.credential(),
        subscription_id,
        base_url=azure.arm,
        credential_scopes=[f"{azure.arm}/.default"],
        connection_verify=azure.ca or True,
        polling_interval=0,
    )


def resource_client(azure: Azure, subscription_id: str) -> ResourceManagementClient:
    return ResourceManagementClient(
        azure.credential(),
        subscription_id,
        base_url=azure.arm,
        credential_scopes=[f"{azure.arm}/.default"],
        connection_verify=azure.ca or True,
        polling_interval=0,
    )


def make_account(
    azure: Azure, *, versioning: bool = False, properties: Mapping[str, object] | None = None
) -> Account:
    """An account made through ARM in a group of its own; `versioning` switches versions on."""
    subscription_id = azure.subscription_ids[0]
    resources = resource_client(azure, subscription_id)
    group, name = f"storage-{uuid.uuid4().hex[:8]}", f"lab{uuid.uuid4().hex[:12]}"
    resources.resource_groups.create_or_update(group, {"location": "westeurope"})
    storage = storage_client(azure, subscription_id)
    made = storage.storage_accounts.begin_create(
        group,
        name,
        StorageAccountCreateParameters({**NEW_ACCOUNT, "properties": dict(properties or {})}),
    ).result()
    if versioning:
        switches = BlobServiceProperties({"properties": {"isVersioningEnabled": True}})
        storage.blob_services.set_service_properties(group, name, switches)
    url = blob_url(made)
    key = account_keys(storage, group, name)[0]
    return Account(azure, subscription_id, group, name, url.rstrip("/"), key)


def blob_url(account: StorageAccount) -> str:
    """The blob endpoint, as ARM tells it."""
    assert account.properties is not None
    assert account.properties.primary_endpoints is not None
    return account.properties.primary_endpoints.blob or ""


def account_keys(storage: StorageManagementClient, group: str, name: str) -> list[str]:
    keys = storage.storage_accounts.list_keys(group, name).keys_property or []
    return [key.value or "" for key in keys]


@contextmanager
def made_account(
    azure: Azure, *, versioning: bool = False, properties: Mapping[str, object] | None = None
) -> Iterator[Account]:
    """An account that is deleted at the end of a `with`, its group too."""
    made = make_account(azure, versioning=versioning, properties=properties)
    yield made
    resource_client(azure, made.subscription_id).resource_groups.begin_delete(made.group).result()


def immutable_container(account: Account) -> ContainerClient:
    """A new container with immutable versions, opened with the account key."""
    name = f"worm-{uuid.uuid4().hex[:12]}"
    wanted = {"properties": {"immutableStorageWithVersioning": {"enabled": True}}}
    storage_client(account.azure, account.subscription_id).blob_containers.create(
        account.group, account.name, name, BlobContainer(wanted)
    )
    return account.client(account.key).get_container_client(name)


def code(error: HttpResponseError) -> str:
    """The error code of Azure, whatever form the SDK gave it."""
    found = getattr(error, "error_code", None)
    return str(getattr(found, "value", found))
