"""The types of sessions and what each is like: docs/behaviour/sessions.md, sections 4 and 8."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class InfoBlock(StrEnum):
    """Which block of a session's members is filled; its value is the member's name."""

    BACKUP = "backupJobInfo"
    HEALTH_CHECK = "healthCheckJobInfo"
    RESTORE = "restoreJobInfo"
    FILE_LEVEL_RESTORE = "fileLevelRestoreJobInfo"
    FILE_SHARE_FILE_LEVEL_RESTORE = "fileShareFileLevelRestoreJobInfo"
    REPOSITORY = "repositoryJobInfo"
    DATA_RETRIEVAL = "restorePointDataRetrievalJobInfo"
    RETENTION = "retentionJobInfo"


class Details(StrEnum):
    """Which list tells what the session did; its value is the last part of the path."""

    PROTECTED = "protectedItems"
    DELETED = "deletedItems"
    CHECKED = "checkedItems"
    RESTORED = "restoredItems"
    RESTORED_DATABASES = "restoredDatabases"
    RESTORED_ACCOUNTS = "restoredCosmosDbAccounts"
    RESTORED_FILES = "fileLevelRestoredItems"
    RESTORED_SHARE_FILES = "fileLevelRestoredFileShareItems"
    RESTORED_NETWORKS = "vnetRestoredItems"


@dataclass(frozen=True)
class SessionType:
    """One type. ``name`` is the contract's; ``display_name`` is for people."""

    name: str
    info: InfoBlock | None
    details: Details | None
    stoppable: bool

    @property
    def display_name(self) -> str:
        """``Backup Retention`` for ``BackupRetention``."""
        return _DISPLAY_NAMES.get(self.name) or " ".join(
            _WORDS_IN_CAPITALS.get(word, word) for word in re.findall("[A-Z][a-z]*", self.name)
        )


_DISPLAY_NAMES: Final[Mapping[str, str]] = {
    "PolicySnapshot": "Snapshot policy",
    "PolicyBackup": "Backup policy",
    "PolicyArchive": "Archive policy",
    "RestoreVms": "Restore VMs",
}
_WORDS_IN_CAPITALS: Final[Mapping[str, str]] = {"Vm": "VM", "Sql": "SQL", "Db": "DB"}

_GROUPS: Final[tuple[tuple[InfoBlock | None, Details | None, str], ...]] = (
    (
        InfoBlock.BACKUP,
        Details.PROTECTED,
        "PolicySnapshot PolicyBackup PolicyArchive SnapshotBackup ManualSnapshot "
        "SqlPolicyBackup SqlPolicyArchive SqlManualBackup "
        "PostgresDbPolicyBackup PostgresDbPolicyArchive PostgresDbManualBackup "
        "MongoDbPolicyBackup MongoDbPolicyArchive MongoDbManualBackup CosmosDbConfiguration "
        "FileSharePolicySnapshot FileShareManualSnapshot FileShareIndexing "
        "VnetPolicyBackup VnetPolicyBackupToRepository",
    ),
    (
        InfoBlock.RETENTION,
        Details.DELETED,
        "ManualSnapshotDeletion SnapshotDeletion BackupDeletion BackupRetention "
        "VmSnapshotRetention ObsoleteSnapshotRetention InvalidSnapshotRetention "
        "OrphanedSnapshotRetention SqlBackupDeletion CosmosDbContinuousRetention "
        "CosmosDbBackupDeletion CosmosDbContinuousBackupDeletion FileShareSnapshotRetention "
        "FileShareSnapshotDeletion FileShareManualSnapshotDeletion VnetBackupDeletion "
        "VnetRetention",
    ),
    (InfoBlock.HEALTH_CHECK, Details.CHECKED, "HealthCheck"),
    (InfoBlock.RESTORE, Details.RESTORED, "RestoreVms RestoreDisks"),
    (InfoBlock.RESTORE, Details.RESTORED_DATABASES, "SqlRestore"),
    (InfoBlock.RESTORE, Details.RESTORED_ACCOUNTS, "CosmosDbRestore"),
    (InfoBlock.RESTORE, Details.RESTORED_SHARE_FILES, "FileShareRestore"),
    (InfoBlock.RESTORE, Details.RESTORED_NETWORKS, "VnetFullRestore VnetGranularRestore"),
    (InfoBlock.FILE_LEVEL_RESTORE, Details.RESTORED_FILES, "FileLevelRestore"),
    (
        InfoBlock.FILE_SHARE_FILE_LEVEL_RESTORE,
        Details.RESTORED_SHARE_FILES,
        "FileShareFileRestore",
    ),
    (
        InfoBlock.DATA_RETRIEVAL,
        None,
        "RestorePointDataRetrieval SqlRestorePointDataRetrieval CosmosDbRestorePointDataRetrieval",
    ),
    (InfoBlock.REPOSITORY, None, "RepositoryCreation RepositoryEdit RepositoryDeletion"),
    (
        None,
        None,
        "SnapshotRescan InfrastructureRescan VnetRepositoryImport ConfigurationBackupManual "
        "ConfigurationBackupScheduled ConfigurationBackupDeletion ConfigurationBackupDownload "
        "ConfigurationBackupSync ConfigurationRestoreStatus",
    ),
)

# Section 8.3: these run to their end.
_NOT_STOPPABLE: Final = frozenset(
    {
        "RepositoryCreation",
        "RepositoryEdit",
        "RepositoryDeletion",
        "SnapshotRescan",
        "InfrastructureRescan",
        "ConfigurationBackupManual",
        "ConfigurationBackupScheduled",
        "ConfigurationBackupDeletion",
        "ConfigurationBackupDownload",
        "ConfigurationBackupSync",
        "ConfigurationRestoreStatus",
    }
)

SESSION_TYPES: Final[Mapping[str, SessionType]] = {
    name: SessionType(name, info, details, name not in _NOT_STOPPABLE)
    for info, details, names in _GROUPS
    for name in names.split()
}


def session_type(name: str) -> SessionType:
    """What is known about the type ``name``; a type this build does not know has no details."""
    return SESSION_TYPES.get(name) or SessionType(name, None, None, stoppable=False)


def types_called(text: str) -> list[str]:
    """The types whose display name contains ``text``, whatever its case."""
    wanted = text.lower()
    return [one.name for one in SESSION_TYPES.values() if wanted in one.display_name.lower()]
