"""Which right each operation of the contract needs: all of them, whether they exist yet or not.

The one table of authorisation (docs/behaviour/accounts-and-users.md §4.2, api-conventions.md
§3.7 and §13). Routes do not say what they need, they are looked up here; an operation that is
not here cannot be served.

`None`: nobody needs to be signed in. `OWN_ACCOUNT`: for the own account; that of somebody else
needs `USERS` (`http/routes.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kyanite.rules.roles import Right

_OPERATIONS: Final[Mapping[Right | None, str]] = {
    None: """
        Login_Authenticate
        Saml2_GetIdentityProviderConfiguration Saml2_GetServiceProviderConfiguration
        Saml2_GetServiceProviderMetadata
        System_ServiceIsUp
    """,
    Right.ANY: """
        AsyncOperation_GetOperation
        LicenseAgreement_GetLicenseAgreement
        LicenseAgreement_GetCurrentLicenseAgreementAccepted
        LicenseAgreement_AcceptLicenseAgreement
        Login_Logout
        System_GetAbout System_GetServerInfo System_GetServerDateTimeInfo
        System_GetTimezones System_GetSystemStatus
    """,
    Right.OWN_ACCOUNT: """
        User_EnableMfa User_DisableMfa User_AcceptMfa User_ChangePasswordOfCurrentUser
    """,
    Right.DASHBOARD: """
        Reports_GetSessionsSummaryReport Reports_GetStatistics
        Reports_GetProtectedWorkloadsReport Reports_GetStorageUsageReport
        Reports_GetTopPoliciesDurationReport Reports_GetBottlenecksOverviewReport
    """,
    Right.RESOURCES: """
        Database_GetDatabasesPage Database_GetDatabaseById Database_RescanDatabasesPage
        Database_Export Database_StartManualBackup
        VirtualMachineRestorePoint_DiskSnapshotRescan
        VirtualMachine_GetVirtualMachinePage VirtualMachine_RescanVirtualMachinePage
        VirtualMachine_Export VirtualMachine_GetVirtualMachineById
        VirtualMachine_TakeSnapshot
        CosmosDbAccount_GetCosmosDbAccountPage CosmosDbAccount_GetCosmosDbAccountById
        CosmosDbAccount_RescanCosmosDbAccountPage CosmosDbAccount_Export
        CosmosDbAccount_StartManualBackup
        FileShare_GetFileShareById FileShare_GetFileSharesPage FileShare_Export
        FileShare_RescanFileSharesPage FileShare_TakeSnapshot
    """,
    Right.POLICIES_READ: """
        Policy_GetPolicies Policy_GetPolicy Policy_GetPolicySelectedItems
        Policy_GetPolicyRegions Policy_GetPolicyExcludedItems Policy_GetProtectedItems
        Policy_GetPolicyProtectedItems
        FileSharePolicy_GetPolicies FileSharePolicy_GetPolicy
        FileSharePolicy_GetPolicySelectedItems FileSharePolicy_GetPolicyRegions
        FileSharePolicy_GetPolicyExcludedItems FileSharePolicy_GetProtectedItems
        FileSharePolicy_GetPolicyProtectedItems
        SqlPolicy_GetPolicies SqlPolicy_GetPolicy SqlPolicy_GetPolicySelectedItems
        SqlPolicy_GetPolicyRegions SqlPolicy_GetPolicyExcludedItems
        SqlPolicy_GetProtectedItems SqlPolicy_GetPolicyProtectedItems
        VnetPolicy_GetPolicy
        CosmosDbPolicy_GetPolicies CosmosDbPolicy_GetPolicy
        CosmosDbPolicy_GetPolicySelectedItems CosmosDbPolicy_GetPolicyRegions
        CosmosDbPolicy_GetPolicyExcludedItems CosmosDbPolicy_GetProtectedItems
        CosmosDbPolicy_GetPolicyProtectedItems
        protectionPolicies_slaTimeSeries protectionPolicies_slaInstances
        protectionPolicies_slaSessions protectionPolicies_slaSessionTasks
        VmProtectionPolicy_GetPolicies VmProtectionPolicy_GetPolicy
        VmProtectionPolicy_GetPoliciesWithSla VmProtectionPolicy_GetPolicySelectedItems
        VmProtectionPolicy_GetPolicyRegions VmProtectionPolicy_GetPolicyExcludedItems
        VmProtectionPolicy_GetProtectedItems VmProtectionPolicy_GetPolicyProtectedItems
    """,
    Right.POLICIES_WRITE: """
        CostEstimation_CalculateCostEstimation CostEstimation_Export
        Policy_CreatePolicy Policy_UpdatePolicy Policy_DeletePolicy
        Policy_OrderPriorityOfPolicies Policy_EnablePolicy Policy_DisablePolicy
        Policy_StartPolicy Policy_StopPolicy Policy_ResetCbt Policy_ExportPolicies
        FileSharePolicy_CreatePolicy FileSharePolicy_UpdatePolicy
        FileSharePolicy_DeletePolicy FileSharePolicy_OrderPriorityOfPolicies
        FileSharePolicy_EnablePolicy FileSharePolicy_DisablePolicy
        FileSharePolicy_StartPolicy FileSharePolicy_StopPolicy
        FileSharePolicy_ExportPolicies
        SqlPolicy_CreatePolicy SqlPolicy_UpdatePolicy SqlPolicy_DeletePolicy
        SqlPolicy_OrderPriorityOfPolicies SqlPolicy_TestPolicyConfiguration
        SqlPolicy_EnablePolicy SqlPolicy_DisablePolicy SqlPolicy_StartBackupPolicy
        SqlPolicy_StopPolicy SqlPolicy_ExportPolicies
        VnetPolicy_UpdatePolicy VnetPolicy_StartPolicy VnetPolicy_StopPolicy
        VnetPolicy_EnablePolicy VnetPolicy_DisablePolicy VnetPolicy_ExportPolicy
        SqlCostEstimation_CalculateCostEstimation SqlCostEstimation_Export
        FileShareCostEstimation_CalculateCostEstimation FileShareCostEstimation_Export
        CosmosDbPolicy_CreatePolicy CosmosDbPolicy_UpdatePolicy
        CosmosDbPolicy_DeletePolicy CosmosDbPolicy_EnablePolicy
        CosmosDbPolicy_DisablePolicy CosmosDbPolicy_StartBackupPolicy
        CosmosDbPolicy_StopPolicy CosmosDbPolicy_ExportPolicies
        CosmosDb_OrderPriorityOfPolicies
        CosmosDbCostEstimation_CalculateCostEstimation CosmosDbCostEstimation_Export
        VmProtectionPolicy_CreatePolicy VmProtectionPolicy_Export
        VmProtectionPolicy_UpdatePolicy VmProtectionPolicy_DeletePolicy
        VmProtectionPolicy_OrderPriorityOfPolicies VmProtectionPolicy_EnablePolicy
        VmProtectionPolicy_DisablePolicy
        VmProtectionPolicyCostEstimation_CalculateCostEstimation
        VmProtectionPolicyCostEstimation_Export
    """,
    Right.TEMPLATES: """
        SlaProtectionPolicyTemplate_GetSlaPolicyTemplateById
        SlaProtectionPolicyTemplate_UpdateSlaPolicyTemplate
        SlaProtectionPolicyTemplate_DeleteSlaPolicyTemplate
        SlaProtectionPolicyTemplate_GetSlaPolicyTemplates
        SlaProtectionPolicyTemplate_CreateSlaPolicyTemplate
        SlaProtectionPolicyTemplate_GetAssignedProtectionPolicies
        StorageProtectionPolicyTemplate_GetStoragePolicyTemplateById
        StorageProtectionPolicyTemplate_UpdateStoragePolicyTemplate
        StorageProtectionPolicyTemplate_DeleteStoragePolicyTemplate
        StorageProtectionPolicyTemplate_GetStoragePolicyTemplates
        StorageProtectionPolicyTemplate_CreateStoragePolicyTemplate
        StorageProtectionPolicyTemplate_GetAssignedProtectionPolicies
    """,
    Right.PROTECTED_READ: """
        FileShareRestorePoint_GetRestorePointPage
        FileShareRestorePoint_GetRestorePointById
        VnetRestorePoint_GetRestorePointPage VnetRestorePoint_GetRestorePointById
        VnetRestorePoint_CompareRestorePointWithProduction
        VnetRestorePoint_GetVnetRegions
        ProtectedDatabase_GetProtectedItemPage ProtectedDatabase_GetProtectedItemById
        ProtectedFileShare_GetProtectedItemPage ProtectedFileShare_GetProtectedItemById
        ProtectedVirtualMachine_GetProtectedItemPage
        ProtectedVirtualMachine_GetProtectedItemById
        ProtectedVnet_GetProtectedItemPage
        VirtualMachineRestorePoint_GetRestorePointPage
        VirtualMachineRestorePoint_GetRestorePointById
        VirtualMachineRestorePoint_GetDiskSnapshots
        VirtualMachineRestorePoint_GetVirtualMachineSnapshots
        SqlRestorePoint_GetRestorePointPage SqlRestorePoint_GetRestorePointById
        ProtectedCosmosDbAccount_GetProtectedItemPage
        ProtectedCosmosDbAccount_GetProtectedCosmosDbAccountById
        CosmosDbRestorePoint_GetRestorePointPage
        CosmosDbRestorePoint_GetRestorePointById
        CosmosDbContinuousRestorePoint_GetRestorePointPage
        CosmosDbContinuousRestorePoint_GetRestorePointById
    """,
    Right.PROTECTED_EXPORT: """
        ProtectedDatabase_Export
        ProtectedFileShare_Export
        ProtectedVirtualMachine_Export
        ProtectedVnet_Export
        ProtectedCosmosDbAccount_Export
    """,
    Right.RESTORE: """
        FileShareRestorePoint_StartFlr FileShareRestorePoint_StartIndexing
        VnetRestorePoint_Restore
        VirtualMachineRestorePoint_RestoreDisk VirtualMachineRestorePoint_RestoreVm
        VirtualMachineRestorePoint_StartFlr VirtualMachineRestorePoint_RetrieveData
        VirtualMachineRestorePoint_ExtendRetrievedDataAvailability
        SqlRestorePoint_RestoreAzureSqlDatabase SqlRestorePoint_RetrieveData
        SqlRestorePoint_ExtendRetrievedDataAvailability
        ProtectedCosmosDbAccount_Restore
        CosmosDbRestorePoint_RetrieveData
        CosmosDbRestorePoint_ExtendRetrievedDataAvailability
        CosmosDbRestorePoint_RestoreCosmosDbAccount
        FlrSession_Browse FlrSession_SearchTaskStart FlrSession_SearchTaskGetResults
        FlrSession_SearchTaskNextPage FlrSession_SearchTaskStop
        FlrSession_RestoreTaskStart FlrSession_RestoreTaskGetStatus
        FlrSession_RestoreTaskLogs FlrSession_RestoreTaskStop
    """,
    Right.IMPORT_DATA: """
        ProtectedVnet_Import
    """,
    Right.REMOVE_DATA: """
        FileShareRestorePoint_DeleteRestorePoint
        ProtectedDatabase_DeleteBackups ProtectedDatabase_DeleteManualBackups
        ProtectedFileShare_DeleteSnapshotsBatch
        ProtectedFileShare_DeleteManualSnapshotsBatch
        ProtectedVirtualMachine_DeleteVirtualMachineBackups
        ProtectedVirtualMachine_DeleteVirtualMachineSnapshots
        ProtectedVirtualMachine_DeleteVirtualMachineBackupsBatch
        ProtectedVirtualMachine_DeleteVirtualMachineSnapshotsBatch
        ProtectedVirtualMachine_DeleteVirtualMachineManualSnapshotsBatch
        ProtectedVirtualMachine_DeleteVirtualMachineManualSnapshots
        ProtectedVnet_Delete
        VirtualMachineRestorePoint_DeleteRestorePoint
        SqlRestorePoint_DeleteRestorePoint
        ProtectedCosmosDbAccount_DeleteCosmosDbAccountBackups
        ProtectedCosmosDbAccount_DeleteManualBackups
        ProtectedCosmosDbAccount_DeleteContinuousBackups
        CosmosDbRestorePoint_DeleteRestorePoint
    """,
    Right.SESSIONS_READ: """
        JobSessions_GetJobSessions JobSessions_GetDeletedItems
        JobSessions_GetProtectedItems JobSessions_GetCheckedItems
        JobSessions_GetRestoredItems JobSessions_GetRestoredDatabases
        JobSessions_GetFileLevelRestoredItems
        JobSessions_GetFileLevelRestoredFileShareItems JobSessions_GetVnetRestoredItems
        JobSessions_GetJobSessionById JobSessions_GetJobSessionLog
        JobSessions_ExportBackupJobs JobSessions_GetRestoredCosmosDbAccounts
    """,
    Right.SESSIONS_STOP: """
        JobSessions_StopJob
    """,
    Right.WORKERS: """
        AzureServiceAccount_GetAllWorkerManagementSuitableAccounts
        AzureServiceAccount_SelectForWorkermanagement
        VirtualNetwork_CreateVirtualNetwork
        Worker_GetWorkers Worker_DeleteWorker Worker_Export Worker_GetWorkerStatistics
        WorkerNetworkConfiguration_GetWorkerNetworkConfiguration
        WorkerNetworkConfiguration_CreateWorkerNetworkConfiguration
        WorkerNetworkConfiguration_GetWorkerNetworkConfigurationById
        WorkerNetworkConfiguration_EditWorkerNetworkConfiguration
        WorkerNetworkConfiguration_DeleteWorkerNetworkConfiguration
        WorkerNetworkConfiguration_Export
        WorkerNetworkConfiguration_SetWorkerDeploymentOptions
        WorkerProfiles_GetWorkerProfiles WorkerProfiles_CreateWorkerProfile
        WorkerProfiles_GetWorkerProfileById WorkerProfiles_EditWorkerProfile
        WorkerProfiles_DeleteWorkerProfile WorkerProfiles_Export
        WorkerCustomTags_WorkerTagsGetAll WorkerCustomTags_Update
    """,
    Right.INVENTORY_READ: """
        AvailabilitySet_GetAvailabilitySets
        AvailabilityZone_GetAvailabilityZones
        AzureServiceAccount_GetAccounts AzureServiceAccount_GetAccount
        KeyVault_GetKeyVaultsPage KeyVault_GetKeyVaultById KeyVault_GetKeyVaultKeys
        NetworkSecurityGroup_GetNetworkSecurityGroups
        Region_GetRegionsPage Region_GetRegionById
        Repository_GetRepositories Repository_GetRepository Repository_ValidateDelete
        ResourceGroup_GetResourceGroups ResourceGroup_GetResourceGroupById
        SqlElasticPool_GetSqlServersPage SqlElasticPool_GetSqlElasticPoolById
        SqlServer_GetSqlServersPage SqlServer_GetSqlServerById
        SqlServer_TestConnectivity
        StandardAccount_GetStandardAccountNames
        StorageAccount_GetAccounts StorageAccount_GetAccount
        StorageAccount_GetAccountCapabilities StorageAccount_GetContainers
        StorageAccount_GetContainerByName StorageAccount_GetFolders
        StorageAccount_GetFolderByName
        Subscription_GetSubscriptions Subscription_GetSubscription
        Tag_GetTagsPage
        Tenant_GetTenants Tenant_GetTenantsWithAccount Tenant_GetTenant
        VirtualNetwork_GetNetworks VirtualNetwork_GetFirstFreeAddressSpace
        VirtualNetwork_GetNetworkById
        VmSize_GetVmSizes VmSize_GetVmSizesForWorker
        AzureCosmosDbAccounts_GetAccountAvailableRestoreRegions
        AzureCosmosDbAccounts_GetAccountAvailableRestoreResources
        AzureCosmosDbAccounts_GetAvailableRestoreTimeRange
        AzureCosmosDbAccounts_GetAccountDatabases
        AzureCosmosDbAccounts_EstimateThroughputCost
        AzureCosmosDbAccounts_GetAccountResourceEvents AzureCosmosDbAccounts_IsNameTaken
    """,
    Right.ACCOUNTS_WRITE: """
        AzureServiceAccount_DeleteAccount AzureServiceAccount_CheckPermissions
        AzureServiceAccount_ExportPermissions AzureServiceAccount_ExportPermissionsByApp
        AzureServiceAccount_ExportPermissionsByToken AzureServiceAccount_Export
        AzureServiceAccount_ListTenantsByToken
        AzureServiceAccount_ListSubscriptionsByApp AzureServiceAccount_ListAdGroups
        AzureServiceAccount_IsUserOwnerOfAdApp AzureServiceAccount_SaveByApp
        AzureServiceAccount_UpdateByApp AzureServiceAccount_UpdateByAppValidate
        StandardAccount_GetStandardAccounts StandardAccount_Add
        StandardAccount_GetAccount StandardAccount_Update StandardAccount_Delete
        StandardAccount_Export
    """,
    Right.REPOSITORIES_WRITE: """
        Repository_CreateRepository Repository_UpdateRepository
        Repository_DeleteRepository Repository_GetMetadata Repository_PasswordIsCorrect
        Repository_ExportRepositories
        VeeamVaults_BeginSignIn VeeamVaults_SignInState VeeamVaults_CompleteSignIn
        VeeamVaults_GetRegistration VeeamVaults_RegisterInstance VeeamVaults_ListVaults
        VeeamVaults_ImportAccount
        StorageAccount_CreateContainer
    """,
    Right.USERS: """
        User_GetUsers User_CreateUser User_GetUser User_UpdateUser User_DeleteUser
        User_ChangeUsersPassword User_Export
    """,
    Right.SETTINGS: """
        Certificate_GetCertificates Certificate_RegenerateCertificate
        Certificate_UploadWebServerCertificate
        ConfigurationBackup_Stats ConfigurationBackup_Backup
        ConfigurationBackup_GetConfigurationBackupSettings
        ConfigurationBackup_UpdateConfigurationBackupSettings
        ConfigurationBackup_StartExport ConfigurationBackup_GetExportStatus
        ConfigurationBackup_DownloadExportedBackup ConfigurationBackup_GetRestorePoints
        ConfigurationBackup_GetRestorePointById ConfigurationBackup_DeleteRestorePoint
        RetentionSettings_Get RetentionSettings_Update
        Saml2_GetServiceProviderCertificate Saml2_UploadServiceProviderCertificate
        Saml2_DeleteServiceProviderCertificate Saml2_RegisterIdentityProvider
        Saml2_ChangeIdentityProviderUsed
        System_ExportLogs System_SetTimezone System_GetSupportInfo System_GetUpdaterLink
        System_PrivateDeployment_State System_PrivateDeployment_Set
        ConfigurationCheck
        ConfigurationCheckSession
        ConfigurationOverrideOwnership
    """,
    Right.LICENCE: """
        License_GetLicense License_RemoveLicense License_GetReport
        License_ExportLicenseUsages License_DeregisterLicensingServer
    """,
}

RIGHT_OF: Final[Mapping[str, Right | None]] = {
    operation_id: right for right, ids in _OPERATIONS.items() for operation_id in ids.split()
}
"""Operation id → the right it needs."""


def right_of(operation_id: str) -> Right | None:
    """The right that an operation of the contract needs; KeyError if there is no such one."""
    return RIGHT_OF[operation_id]
