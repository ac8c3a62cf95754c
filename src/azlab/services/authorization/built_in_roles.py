"""Azure's built-in roles that matter here, with their real ids and permissions."""

from dataclasses import dataclass

from azlab.core.rbac import Permission

_BLOBS = "Microsoft.Storage/storageAccounts/blobServices"
_BLOB = f"{_BLOBS}/containers/blobs"
_KEY = f"{_BLOBS}/generateUserDelegationKey/action"
_QUEUES = "Microsoft.Storage/storageAccounts/queueServices/queues"
_KEYS = "Microsoft.KeyVault/vaults/keys"
_VAULT_ACTIONS = (
    "Microsoft.Authorization/*/read",
    "Microsoft.Resources/deployments/*",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.KeyVault/checkNameAvailability/read",
    "Microsoft.KeyVault/deletedVaults/read",
    "Microsoft.KeyVault/locations/*/read",
    "Microsoft.KeyVault/vaults/*/read",
    "Microsoft.KeyVault/operations/read",
)
_SUPPORT = (
    "Microsoft.Authorization/*/read",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
)


@dataclass(frozen=True)
class BuiltInRole:
    """One role; `id` is the same in every tenant."""

    id: str
    name: str
    permission: Permission


BUILT_IN_ROLES: tuple[BuiltInRole, ...] = (
    BuiltInRole("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner", Permission(("*",))),
    BuiltInRole(
        "b24988ac-6180-42a0-ab88-20f7382dd24c",
        "Contributor",
        Permission(
            ("*",),
            (
                "Microsoft.Authorization/*/Delete",
                "Microsoft.Authorization/*/Write",
                "Microsoft.Authorization/elevateAccess/Action",
                "Microsoft.Blueprint/blueprintAssignments/write",
                "Microsoft.Blueprint/blueprintAssignments/delete",
                "Microsoft.Compute/galleries/share/action",
            ),
        ),
    ),
    BuiltInRole("acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader", Permission(("*/read",))),
    BuiltInRole(
        "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        "User Access Administrator",
        Permission(("*/read", "Microsoft.Authorization/*", "Microsoft.Support/*")),
    ),
    BuiltInRole(
        "9980e02c-c2be-4d73-94e8-173b1dc7cf3c",
        "Virtual Machine Contributor",
        Permission(
            (
                *_SUPPORT,
                "Microsoft.Compute/availabilitySets/*",
                "Microsoft.Compute/locations/*",
                "Microsoft.Compute/virtualMachines/*",
                "Microsoft.Compute/virtualMachineScaleSets/*",
                "Microsoft.Compute/cloudServices/*",
                "Microsoft.Compute/disks/write",
                "Microsoft.Compute/disks/read",
                "Microsoft.Compute/disks/delete",
                "Microsoft.Network/locations/*",
                "Microsoft.Network/networkInterfaces/*",
                "Microsoft.Network/networkSecurityGroups/join/action",
                "Microsoft.Network/networkSecurityGroups/read",
                "Microsoft.Network/publicIPAddresses/join/action",
                "Microsoft.Network/publicIPAddresses/read",
                "Microsoft.Network/virtualNetworks/read",
                "Microsoft.Network/virtualNetworks/subnets/join/action",
                "Microsoft.Storage/storageAccounts/listKeys/action",
                "Microsoft.Storage/storageAccounts/read",
            )
        ),
    ),
    BuiltInRole(
        "4d97b98b-1d4f-4787-a291-c67834d212e7",
        "Network Contributor",
        Permission((*_SUPPORT, "Microsoft.Network/*")),
    ),
    BuiltInRole(
        "7efff54f-a5b4-42b5-a1c5-5411624893ce",
        "Disk Snapshot Contributor",
        Permission(
            (
                *_SUPPORT,
                "Microsoft.Compute/snapshots/delete",
                "Microsoft.Compute/snapshots/write",
                "Microsoft.Compute/snapshots/read",
                "Microsoft.Compute/snapshots/beginGetAccess/action",
                "Microsoft.Compute/snapshots/endGetAccess/action",
                "Microsoft.Compute/disks/beginGetAccess/action",
                "Microsoft.Storage/storageAccounts/listkeys/action",
                "Microsoft.Storage/storageAccounts/write",
                "Microsoft.Storage/storageAccounts/read",
                "Microsoft.Storage/storageAccounts/delete",
            )
        ),
    ),
    BuiltInRole(
        "3e5e47e6-65f7-47ef-90b5-e5dd4d455f24",
        "Disk Backup Reader",
        Permission(
            (
                *_SUPPORT,
                "Microsoft.Compute/disks/read",
                "Microsoft.Compute/disks/beginGetAccess/action",
            )
        ),
    ),
    BuiltInRole(
        "959f8984-c045-4866-89c7-12bf9737be2e",
        "Data Operator for Managed Disks",
        Permission(
            data_actions=(
                "Microsoft.Compute/disks/download/action",
                "Microsoft.Compute/disks/upload/action",
                "Microsoft.Compute/snapshots/download/action",
                "Microsoft.Compute/snapshots/upload/action",
            )
        ),
    ),
    BuiltInRole(
        "17d1049b-9a84-46fb-8f53-869881c3d3ab",
        "Storage Account Contributor",
        Permission((*_SUPPORT, "Microsoft.Storage/storageAccounts/*")),
    ),
    BuiltInRole(
        "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
        "Storage Blob Data Owner",
        Permission((f"{_BLOBS}/containers/*", _KEY), (), (f"{_BLOB}/*",)),
    ),
    BuiltInRole(
        "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
        "Storage Blob Data Contributor",
        Permission(
            (
                f"{_BLOBS}/containers/delete",
                f"{_BLOBS}/containers/read",
                f"{_BLOBS}/containers/write",
                _KEY,
            ),
            (),
            (
                f"{_BLOB}/delete",
                f"{_BLOB}/read",
                f"{_BLOB}/write",
                f"{_BLOB}/move/action",
                f"{_BLOB}/add/action",
            ),
        ),
    ),
    BuiltInRole(
        "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
        "Storage Blob Data Reader",
        Permission((f"{_BLOBS}/containers/read", _KEY), (), (f"{_BLOB}/read",)),
    ),
    BuiltInRole(
        "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
        "Storage Queue Data Contributor",
        Permission(
            (f"{_QUEUES}/delete", f"{_QUEUES}/read", f"{_QUEUES}/write"),
            (),
            (
                f"{_QUEUES}/messages/delete",
                f"{_QUEUES}/messages/read",
                f"{_QUEUES}/messages/write",
                f"{_QUEUES}/messages/process/action",
            ),
        ),
    ),
    BuiltInRole(
        "12338af0-0e69-4776-bea7-57ae8d297424",
        "Key Vault Crypto User",
        Permission(
            data_actions=(
                f"{_KEYS}/read",
                f"{_KEYS}/update/action",
                f"{_KEYS}/backup/action",
                f"{_KEYS}/encrypt/action",
                f"{_KEYS}/decrypt/action",
                f"{_KEYS}/wrap/action",
                f"{_KEYS}/unwrap/action",
                f"{_KEYS}/sign/action",
                f"{_KEYS}/verify/action",
            )
        ),
    ),
    BuiltInRole(
        "14b46e9e-c2b7-41b4-b07b-48a6ebf60603",
        "Key Vault Crypto Officer",
        Permission(_VAULT_ACTIONS, (), (f"{_KEYS}/*", f"{_KEYS}rotationpolicies/*")),
    ),
    BuiltInRole(
        "00482a5a-887f-4fb3-b363-3b7fe8e74483",
        "Key Vault Administrator",
        Permission(_VAULT_ACTIONS, (), ("Microsoft.KeyVault/vaults/*",)),
    ),
    BuiltInRole(
        "f25e0fa2-a7c8-4377-a976-54943a77a395",
        "Key Vault Contributor",
        Permission(
            (*_SUPPORT, "Microsoft.KeyVault/*"),
            (
                "Microsoft.KeyVault/locations/deletedVaults/purge/action",
                "Microsoft.KeyVault/hsmPools/*",
                "Microsoft.KeyVault/managedHsms/*",
            ),
        ),
    ),
    BuiltInRole(
        "db58b8e5-c6ad-4a2a-8342-4190687cbf4a", "Storage Blob Delegator", Permission((_KEY,))
    ),
)
