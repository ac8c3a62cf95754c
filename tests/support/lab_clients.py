"""The official SDK clients, pointed at an Azure of the shape of lab.json."""

from azure.core.credentials import TokenCredential
from azure.keyvault.keys import KeyClient
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.keyvault import KeyVaultManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.resource.subscriptions import SubscriptionClient
from azure.mgmt.sql import SqlManagementClient

from support.lab import Azure

# The lab answers at once; against a real tenant Retry-After rules anyway.
POLL_SECONDS = 0.05


def resources(
    azure: Azure, subscription: int = 0, credential: TokenCredential | None = None
) -> ResourceManagementClient:
    """Groups, generic resources, tags, providers of one of the subscriptions."""
    return ResourceManagementClient(
        credential or azure.credential(),
        azure.subscription_ids[subscription],
        base_url=azure.arm,
        connection_verify=azure.ca or True,
        polling_interval=POLL_SECONDS,
        retry_total=0,
    )


def subscriptions(azure: Azure, credential: TokenCredential | None = None) -> SubscriptionClient:
    """Tenants, subscriptions, locations."""
    return SubscriptionClient(
        credential or azure.credential(), base_url=azure.arm, connection_verify=azure.ca or True
    )


def authorization(
    azure: Azure, subscription: int = 0, credential: TokenCredential | None = None
) -> AuthorizationManagementClient:
    """Roles, assignments, permissions."""
    return AuthorizationManagementClient(
        credential or azure.credential(),
        azure.subscription_ids[subscription],
        base_url=azure.arm,
        connection_verify=azure.ca or True,
    )


def vaults(
    azure: Azure, subscription: int = 0, credential: TokenCredential | None = None
) -> KeyVaultManagementClient:
    """Key vaults in ARM."""
    return KeyVaultManagementClient(
        credential or azure.credential(),
        azure.subscription_ids[subscription],
        base_url=azure.arm,
        connection_verify=azure.ca or True,
        polling_interval=POLL_SECONDS,
        retry_total=0,
    )


def vault_keys(azure: Azure, url: str, credential: TokenCredential | None = None) -> KeyClient:
    """The keys of one vault."""
    return KeyClient(
        url,
        credential or azure.credential(),
        verify_challenge_resource=False,
        connection_verify=azure.ca or True,
        retry_total=0,
    )


def sql(azure: Azure, subscription: int = 0) -> SqlManagementClient:
    """SQL servers, managed instances and elastic pools."""
    return SqlManagementClient(
        azure.credential(),
        azure.subscription_ids[subscription],
        base_url=azure.arm,
        connection_verify=azure.ca or True,
        polling_interval=POLL_SECONDS,
        retry_total=0,
    )
