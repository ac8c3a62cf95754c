"""One lab for all tests of a run that only need some Azure, and our clients pointed at it.

It is started by the first test that asks and stopped at the end of the process. Tests that
kill it, move its clock or set faults that others could meet start their own
(``support.lab.running_lab``).
"""

from __future__ import annotations

import uuid
from functools import cache

from kyanite.azure.arm import ArmClient
from kyanite.azure.blob import accounts, delegation
from kyanite.azure.blob.storage import BlobStorage
from kyanite.azure.cloud import Cloud
from kyanite.azure.credentials import AzureLogin, ServicePrincipal
from kyanite.azure.signed_urls import RenewableUrl, SignedUrl
from kyanite.base.json_types import JsonObject, as_text
from support.lab import Azure, LabProcess, lab_until_exit


@cache
def shared_lab() -> LabProcess:
    """The lab of this run."""
    return lab_until_exit()


def arm_client(azure: Azure) -> ArmClient:
    """Our client, signed in as the application that ``azure`` names."""
    cloud = Cloud.discover(azure.arm, azure.ca or None)
    principal = ServicePrincipal(azure.tenant_id, azure.client_id, azure.client_secret)
    return ArmClient(cloud, AzureLogin(cloud, principal))


def backup_account(arm: ArmClient, azure: Azure) -> JsonObject:
    """A storage account with a container ``backups``."""
    for account in accounts.list_accounts(arm, azure.subscription_ids[0]):
        if accounts.find_container(arm, as_text(account["id"]), "backups") is not None:
            return account
    raise AssertionError("the scene has no account with a container 'backups'")


def container_access(
    arm: ArmClient, azure: Azure, rights: str = delegation.MAINTENANCE_RIGHTS
) -> SignedUrl:
    """A SAS of that container."""
    account = backup_account(arm, azure)
    return delegation.container_access(arm, as_text(account["id"]), "backups", rights, 3600)


def fresh_storage(arm: ArmClient, azure: Azure) -> BlobStorage:
    """A repository's storage in a folder that nobody has used."""
    access = RenewableUrl(container_access(arm, azure))
    return BlobStorage.signed(access, f"test-{uuid.uuid4().hex}", ca_file=azure.ca or None)
