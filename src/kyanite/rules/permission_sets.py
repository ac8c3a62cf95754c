"""Which Azure rights each purpose of a service account needs.

The table is docs/behaviour/accounts-and-users.md, section 3, spelled as there: a heading
names the namespace, each row an action below it and the purposes that need it, by the
letters of ``PURPOSE_LETTERS``. The union of all columns is 173 actions and 10 data actions.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

PURPOSE_LETTERS: Final = MappingProxyType(
    {
        "R": "Repository",
        "W": "WorkerManagement",
        "VB": "VirtualMachineBackup",
        "VR": "VirtualMachineRestore",
        "SB": "AzureSqlBackup",
        "SR": "AzureSqlRestore",
        "CB": "CosmosBackup",
        "CR": "CosmosRestore",
        "F": "AzureFiles",
        "NB": "VnetBackup",
        "NR": "VnetRestore",
    }
)
"""Column of the table → purpose of the contract."""

ALL_PURPOSES: Final = tuple(PURPOSE_LETTERS.values())


@dataclass(frozen=True)
class PermissionSet:
    """The rights one purpose needs; spelled as Azure documents them, sorted."""

    purpose: str
    actions: tuple[str, ...]
    data_actions: tuple[str, ...]


_ACTIONS: Final = """
Microsoft.Authorization:
  locks/delete W
  locks/Read W VR
  locks/write W
  roleAssignments/read all
Microsoft.Commerce:
  RateCard/read W
Microsoft.Compute:
  availabilitySets/read VR
  availabilitySets/vmSizes/read VR
  diskAccesses/delete R W VR
  diskAccesses/privateEndpointConnections/read R W VR
  diskAccesses/privateEndpointConnections/write R W VR
  diskAccesses/PrivateEndpointConnectionsApproval/action R W VR
  diskAccesses/read R W VR
  diskAccesses/write R W VR
  diskEncryptionSets/read VR
  disks/beginGetAccess/action VB VR
  disks/delete W VR
  disks/endGetAccess/action VB VR
  disks/read W VB VR
  disks/write W VR
  snapshots/beginGetAccess/action W VB VR
  snapshots/delete VB
  snapshots/endGetAccess/action W VB
  snapshots/read W VB VR
  snapshots/write W VB
  virtualMachines/deallocate/action W VR
  virtualMachines/delete W VR
  virtualMachines/extensions/delete W
  virtualMachines/extensions/read W
  virtualMachines/extensions/write W
  virtualMachines/read W VB VR
  virtualMachines/runCommand/action W VB VR
  virtualMachines/start/action W
  virtualMachines/write W VR
Microsoft.DBforPostgreSQL:
  servergroupsv2/*/read CB CR
  servergroupsv2/*/write CR
  serverGroupsv2/privateEndpointConnections/read CB
  serverGroupsv2/privateEndpointConnections/write CB
  serverGroupsv2/privateEndpointConnectionsApproval/action CB CR
Microsoft.DevTestLab:
  Schedules/read VB
  Schedules/write VR
Microsoft.DocumentDB:
  databaseAccounts/delete CR
  databaseAccounts/gremlinDatabases/graphs/read CR
  databaseAccounts/gremlinDatabases/graphs/write CR
  databaseAccounts/gremlinDatabases/read CR
  databaseAccounts/gremlinDatabases/write CR
  databaseAccounts/listConnectionStrings/action CB CR
  databaseAccounts/metrics/read CB
  databaseAccounts/mongodbDatabases/collections/read CB CR
  databaseAccounts/mongodbDatabases/collections/throughputSettings/read CB CR
  databaseAccounts/mongodbDatabases/collections/write CR
  databaseAccounts/mongodbDatabases/read CB CR
  databaseAccounts/mongodbDatabases/throughputSettings/read CB CR
  databaseAccounts/mongodbDatabases/write CR
  databaseAccounts/privateEndpointConnections/read CB
  databaseAccounts/privateEndpointConnections/write CB CR
  databaseAccounts/PrivateEndpointConnectionsApproval/action CB CR
  databaseAccounts/read CB CR
  databaseAccounts/sqlDatabases/containers/read CR
  databaseAccounts/sqlDatabases/read CR
  databaseAccounts/sqlDatabases/write CR
  databaseAccounts/tables/read CR
  databaseAccounts/tables/write CR
  databaseAccounts/write CB CR
  locations/restorableDatabaseAccounts/*/read CB CR
  locations/restorableDatabaseAccounts/read CB CR
  locations/restorableDatabaseAccounts/restore/action CR
Microsoft.Insights:
  eventtypes/values/Read R W VB VR SB SR CB CR F
  MetricDefinitions/Read R
  Metrics/Read R CB
Microsoft.KeyVault:
  vaults/deploy/action R
  vaults/keys/versions/read R
  vaults/read R
Microsoft.Network:
  ddosProtectionPlans/join/action NR
  ddosProtectionPlans/read NR
  loadBalancers/backendAddressPools/join/action VR
  loadBalancers/read VB VR
  natGateways/join/action W NR
  natGateways/read NR
  networkInterfaces/delete W VR
  networkInterfaces/join/action W VR NR
  networkInterfaces/read W VB VR NB NR
  networkInterfaces/write W VR NR
  networkSecurityGroups/join/action W VR NR
  networkSecurityGroups/read W VB VR NB NR
  networkSecurityGroups/securityRules/delete NR
  networkSecurityGroups/securityRules/read NB NR
  networkSecurityGroups/securityRules/write NR
  networkSecurityGroups/write W NR
  privateDnsZones/A/write W
  privateDnsZones/delete NR
  privateDnsZones/join/action W NR
  privateDnsZones/read W NB NR
  privateDnsZones/virtualNetworkLinks/read W
  privateDnsZones/virtualNetworkLinks/write W
  privateDnsZones/write W NR
  privateEndpoints/delete R W VR NR
  privateEndpoints/privateDnsZoneGroups/read W NB NR
  privateEndpoints/privateDnsZoneGroups/write W NR
  privateEndpoints/read R W VR NB NR
  privateEndpoints/write R W VR CB NR
  privateLinkServices/delete NR
  privateLinkServices/privateEndpointConnections/delete R W VR NR
  privateLinkServices/privateEndpointConnections/read R W VR NB NR
  privateLinkServices/privateEndpointConnections/write R W VR NR
  privateLinkServices/PrivateEndpointConnectionsApproval/action NR
  privateLinkServices/read NB NR
  privateLinkServices/write NR
  publicIPAddresses/delete W
  publicIPAddresses/join/action W VR NR
  publicIPAddresses/read W VB VR NB NR
  publicIPAddresses/write W VR NR
  routeTables/join/action VB NR
  routeTables/read NB NR
  routeTables/routes/delete NR
  routeTables/routes/read NB NR
  routeTables/routes/write NR
  routeTables/write NR
  virtualNetworks/checkIpAddressAvailability/read VR
  virtualNetworks/delete W
  virtualNetworks/join/action W NR
  virtualNetworks/peer/action NR
  virtualNetworks/read W VB VR NB NR
  virtualNetworks/subnets/join/action W VR NR
  virtualNetworks/subnets/joinViaServiceEndpoint/action R W VR NR
  virtualNetworks/subnets/read W NR
  virtualNetworks/subnets/write W NR
  virtualNetworks/virtualNetworkPeerings/delete NR
  virtualNetworks/virtualNetworkPeerings/read NR
  virtualNetworks/virtualNetworkPeerings/write NR
  virtualNetworks/write W VR NR
Microsoft.Resources:
  subscriptions/resourceGroups/delete VR
  subscriptions/resourceGroups/moveResources/action VR
  subscriptions/resourceGroups/read R W VB VR SB SR CB CR F NR
  subscriptions/resourceGroups/validateMoveResources/action VR
  subscriptions/resourceGroups/write VR
Microsoft.Search:
  searchServices/sharedPrivateLinkResources/operationStatuses/read W
  searchServices/sharedPrivateLinkResources/read W
  searchServices/sharedPrivateLinkResources/write W
Microsoft.Sql:
  locations/* SB SR
  managedInstances/databases/delete SB SR
  managedInstances/databases/read SB SR
  managedInstances/databases/write SB SR
  managedInstances/encryptionProtector/read SB
  ManagedInstances/privateEndpointConnections/read SB SR
  ManagedInstances/privateEndpointConnections/write SB SR
  managedInstances/read SB SR
  servers/databases/azureAsyncOperation/read SB SR
  servers/databases/delete SB SR
  servers/databases/read SB SR
  servers/databases/syncGroups/read SB
  servers/databases/transparentDataEncryption/read SB
  servers/databases/usages/read SB
  servers/databases/write SB SR
  servers/elasticPools/read SB SR
  servers/encryptionProtector/read SB
  servers/privateEndpointConnections/read SB SR
  servers/privateEndpointConnections/write SB SR
  servers/PrivateEndpointConnectionsApproval/action SB SR
  servers/read SB SR
Microsoft.Storage:
  storageAccounts/blobServices/containers/delete W
  storageAccounts/blobServices/containers/read R W
  storageAccounts/blobServices/containers/write R W
  storageAccounts/blobServices/generateUserDelegationKey/action W
  storageAccounts/blobServices/read R W
  storageAccounts/listKeys/action R W VB VR F
  storageAccounts/managementPolicies/write W
  storageAccounts/privateEndpointConnections/write R W VR
  storageAccounts/PrivateEndpointConnectionsApproval/action R W VR
  storageAccounts/queueServices/queues/delete W
  storageAccounts/queueServices/queues/read W
  storageAccounts/queueServices/queues/write W
  storageAccounts/read R W VB VR F
  storageAccounts/write W VR
"""

_DATA_ACTIONS: Final = """
Microsoft.KeyVault/vaults:
  keys/decrypt/action R
  keys/encrypt/action R
  keys/read R
Microsoft.Storage/storageAccounts:
  blobServices/containers/blobs/add/action R W
  blobServices/containers/blobs/delete R W
  blobServices/containers/blobs/read R W
  blobServices/containers/blobs/write R W
  queueServices/queues/messages/delete W
  queueServices/queues/messages/read W
  queueServices/queues/messages/write W
"""

_PROVIDERS: Final = MappingProxyType(
    {
        "Microsoft.Authorization": ALL_PURPOSES,
        "Microsoft.Commerce": ("WorkerManagement",),
        "Microsoft.Compute": (
            "Repository",
            "WorkerManagement",
            "VirtualMachineBackup",
            "VirtualMachineRestore",
        ),
        "Microsoft.DevTestLab": ("VirtualMachineBackup", "VirtualMachineRestore"),
        "Microsoft.DocumentDB": ("CosmosBackup", "CosmosRestore"),
        "Microsoft.DBforPostgreSQL": ("CosmosBackup", "CosmosRestore"),
        "Microsoft.KeyVault": ("Repository",),
        "Microsoft.Network": (
            "Repository",
            "WorkerManagement",
            "VirtualMachineBackup",
            "VirtualMachineRestore",
            "VnetBackup",
            "VnetRestore",
        ),
        "Microsoft.Resources": ALL_PURPOSES,
        "Microsoft.Storage": (
            "Repository",
            "WorkerManagement",
            "VirtualMachineBackup",
            "VirtualMachineRestore",
            "AzureFiles",
        ),
        "Microsoft.Sql": ("AzureSqlBackup", "AzureSqlRestore"),
    }
)
"""Resource providers that must be registered (section 1.6, point 6), by purpose."""


def permission_set(purpose: str) -> PermissionSet:
    """The rights for ``purpose``. Raises ``KeyError`` for a purpose the table does not have."""
    return _SETS[purpose]


def providers_for(purposes: tuple[str, ...]) -> tuple[str, ...]:
    """The resource providers that the given purposes need, sorted."""
    return tuple(sorted(p for p, users in _PROVIDERS.items() if set(users) & set(purposes)))


def _rows(table: str) -> list[tuple[str, frozenset[str]]]:
    """(full action, purposes) of each row."""
    rows: list[tuple[str, frozenset[str]]] = []
    prefix = ""
    for line in table.strip().splitlines():
        if not line.startswith(" "):
            prefix = line.rstrip(":")
            continue
        action, *letters = line.split()
        purposes = (
            frozenset(ALL_PURPOSES)
            if letters == ["all"]
            else frozenset(PURPOSE_LETTERS[letter] for letter in letters)
        )
        rows.append((f"{prefix}/{action}", purposes))
    return rows


def _build() -> dict[str, PermissionSet]:
    actions, data_actions = _rows(_ACTIONS), _rows(_DATA_ACTIONS)
    return {
        purpose: PermissionSet(
            purpose=purpose,
            actions=tuple(sorted(a for a, users in actions if purpose in users)),
            data_actions=tuple(sorted(a for a, users in data_actions if purpose in users)),
        )
        for purpose in ALL_PURPOSES
    }


_SETS: Final = _build()
