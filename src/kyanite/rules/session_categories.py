"""What kind of work a type of session is, and on what: docs/behaviour/sessions.md, section 4.

Exports select by these two, lists by the types themselves. `CATEGORY_OF` gives the contract's
``SessionType``, `WORKLOAD_OF` its ``WorkloadType``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

_CATEGORIES: Final[Mapping[str, str]] = {
    "PolicySnapshot": "PolicySnapshot FileSharePolicySnapshot",
    "PolicyBackup": "PolicyBackup SnapshotBackup SqlPolicyBackup PostgresDbPolicyBackup "
    "MongoDbPolicyBackup VnetPolicyBackup VnetPolicyBackupToRepository",
    "PolicyArchive": "PolicyArchive SqlPolicyArchive PostgresDbPolicyArchive MongoDbPolicyArchive",
    "ManualSnapshot": "ManualSnapshot FileShareManualSnapshot",
    "ManualBackup": "SqlManualBackup PostgresDbManualBackup MongoDbManualBackup",
    "Retention": "BackupRetention VmSnapshotRetention ObsoleteSnapshotRetention "
    "InvalidSnapshotRetention OrphanedSnapshotRetention CosmosDbContinuousRetention "
    "FileShareSnapshotRetention VnetRetention",
    "Restore": "RestoreVms RestoreDisks RestorePointDataRetrieval SqlRestore "
    "SqlRestorePointDataRetrieval CosmosDbRestore CosmosDbRestorePointDataRetrieval "
    "FileShareRestore VnetFullRestore VnetGranularRestore",
    "FileLevelRestore": "FileLevelRestore FileShareFileRestore",
    "Deletion": "ManualSnapshotDeletion SnapshotDeletion BackupDeletion SqlBackupDeletion "
    "CosmosDbBackupDeletion CosmosDbContinuousBackupDeletion FileShareSnapshotDeletion "
    "FileShareManualSnapshotDeletion VnetBackupDeletion",
    "ConfigurationBackup": "ConfigurationBackupManual ConfigurationBackupScheduled "
    "ConfigurationBackupDeletion ConfigurationBackupDownload ConfigurationBackupSync "
    "ConfigurationRestoreStatus",
    "RepositoryTasks": "RepositoryCreation RepositoryEdit RepositoryDeletion VnetRepositoryImport",
    "FileShareIndexing": "FileShareIndexing",
    "HealthCheck": "HealthCheck",
    "CosmosDbConfiguration": "CosmosDbConfiguration",
    "InfrastructureRescan": "InfrastructureRescan SnapshotRescan",
}
CATEGORY_OF: Final[Mapping[str, str]] = {
    name: category for category, names in _CATEGORIES.items() for name in names.split()
}

_INDEPENDENT: Final = frozenset(
    {"BackupRetention", "ObsoleteSnapshotRetention", "InfrastructureRescan"}
)
_WORKLOAD_BY_PREFIX: Final = (
    ("Sql", "SQL"),
    ("CosmosDb", "CosmosDb"),
    ("PostgresDb", "CosmosDb"),
    ("MongoDb", "CosmosDb"),
    ("FileShare", "FileShares"),
    ("Vnet", "VirtualNetwork"),
    ("Repository", "WorkloadIndependent"),
    ("Configuration", "WorkloadIndependent"),
)

HEALTH_CHECK: Final = "HealthCheck"
POLICY_TYPES_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "VirtualMachine": ("VirtualMachines", "ProtectionVmPolicy"),
    "SQL": ("AzureSql",),
    "FileShares": ("FileShares",),
    "VirtualNetwork": ("Vnet",),
    "CosmosDb": ("CosmosDb",),
    "WorkloadIndependent": (),
}
"""The types of policies of a workload: a health check belongs to the workload of its policy."""


def _workload(name: str) -> str:
    if name in _INDEPENDENT:
        return "WorkloadIndependent"
    for prefix, workload in _WORKLOAD_BY_PREFIX:
        if name.startswith(prefix):
            return workload
    return "VirtualMachine"


WORKLOAD_OF: Final[Mapping[str, str]] = {
    name: _workload(name) for name in CATEGORY_OF if name != HEALTH_CHECK
}


def types_of(categories: Collection[str]) -> list[str]:
    """The types of these categories."""
    return [name for name, category in CATEGORY_OF.items() if category in categories]


def types_working_on(workloads: Collection[str]) -> list[str]:
    """The types that work on these workloads, health checks left out."""
    return [name for name, workload in WORKLOAD_OF.items() if workload in workloads]
