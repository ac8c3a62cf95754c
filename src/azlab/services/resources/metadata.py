"""The description of the cloud that Azure tools read before anything else; no token needed."""

from urllib.parse import urlsplit

from azlab.core.errors import ArmError, missing_api_version, with_request_ids
from azlab.core.http import Request, Response, json_response
from azlab.core.json_types import JsonObject
from azlab.core.service import Lab

VERSION = "2022-09-01"


def register(lab: Lab) -> None:
    """Add `/metadata/endpoints`."""

    def endpoints(request: Request) -> Response:
        version = request.query.text("api-version")
        if not version:
            return with_request_ids(request, missing_api_version().to_response(request))
        if version != VERSION:
            wrong = ArmError(
                400,
                "InvalidApiVersionParameter",
                f"The api-version '{version}' is invalid. The supported versions are '{VERSION}'.",
            )
            return with_request_ids(request, wrong.to_response(request))
        return with_request_ids(request, json_response(200, _describe(lab)))

    lab.routers["arm"].add(
        "GET",
        "/metadata/endpoints",
        endpoints,
        operation="metadata.endpoints",
        service="resources",
        api_versions=(VERSION,),
        note="suffixes.storage is the address of the lab's blob port: accounts are in the path",
    )


def _describe(lab: Lab) -> JsonObject:
    """One object, as version 2022-09-01 answers. Members for services that the lab does not have
    keep the names of the public cloud, so that tools which insist on them can be started."""
    return {
        "name": "AzureLab",
        "portal": "https://portal.azure.com",
        "authentication": {
            "loginEndpoint": lab.endpoints.login,
            "audiences": [lab.endpoints.arm, "https://management.core.windows.net/",
                          "https://management.azure.com/"],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "resourceManager": lab.endpoints.arm + "/",
        "media": "https://rest.media.azure.net",
        "graph": "https://graph.windows.net/",
        "graphAudience": "https://graph.windows.net/",
        "microsoftGraphResourceId": lab.endpoints.graph + "/",
        "gallery": "https://gallery.azure.com/",
        "batch": "https://batch.core.windows.net/",
        "vmImageAliasDoc": "https://raw.githubusercontent.com/Azure/azure-rest-api-specs/master/"
        "arm-compute/quickstart-templates/aliases.json",
        "sqlManagement": "https://management.core.windows.net:8443/",
        "activeDirectoryDataLake": "https://datalake.azure.net/",
        "logAnalyticsResourceId": "https://api.loganalytics.io",
        "appInsightsResourceId": "https://api.applicationinsights.io",
        "attestationResourceId": "https://attest.azure.net",
        "synapseAnalyticsResourceId": "https://dev.azuresynapse.net",
        "suffixes": {
            "storage": urlsplit(lab.endpoints.blob).netloc,
            "keyVaultDns": "vault.azure.net",
            "mhsmDns": "managedhsm.azure.net",
            "sqlServerHostname": "database.windows.net",
            "mysqlServerEndpoint": "mysql.database.azure.com",
            "mariadbServerEndpoint": "mariadb.database.azure.com",
            "postgresqlServerEndpoint": "postgres.database.azure.com",
            "acrLoginServer": "azurecr.io",
            "azureDataLakeStoreFileSystem": "azuredatalakestore.net",
            "azureDataLakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.net",
            "azureFrontDoorEndpointSuffix": "azurefd.net",
            "storageSyncEndpointSuffix": "afs.azure.net",
            "synapseAnalytics": "dev.azuresynapse.net",
            "attestationEndpoint": "attest.azure.net",
        },
    }  # fmt: skip
