"""What this appliance is and where it runs.

On an Azure machine the instance metadata service says where; elsewhere nothing does, and the
members that would say it stay empty (docs/behaviour/appliance.md §9).
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import version

import urllib3

from kyanite.base.json_types import JsonObject

METADATA_URL = "http://169.254.169.254/metadata/instance/compute?api-version=2021-02-01"
# The address answers within milliseconds on an Azure machine and never elsewhere.
METADATA_TIMEOUT_SECONDS = 1.0
NIL_UUID = "00000000-0000-0000-0000-000000000000"

# Names of clouds in the metadata service → in the contract.
_CLOUDS = {
    "azurepubliccloud": "Global",
    "azureusgovernmentcloud": "USGovernment",
    "azurechinacloud": "China",
    "azuregermancloud": "Germany",
}


@dataclass(frozen=True)
class ApplianceFacts:
    """Where the appliance runs; empty texts where it runs on no Azure machine."""

    server_name: str
    version: str
    subscription_id: str = NIL_UUID
    region: str = ""
    resource_id: str = ""
    machine_id: str = ""
    resource_group: str = ""
    cloud: str = "Global"


def product_version() -> str:
    """The version of the installed package."""
    return version("kyanite")


def facts_elsewhere() -> ApplianceFacts:
    """The facts of an appliance that runs on no Azure machine."""
    return ApplianceFacts(server_name=platform.node(), version=product_version())


def facts_from_metadata(compute: JsonObject) -> ApplianceFacts:
    """The facts in an answer of the instance metadata service."""

    def text(name: str) -> str:
        value = compute.get(name)
        return value if isinstance(value, str) else ""

    return ApplianceFacts(
        server_name=text("name") or platform.node(),
        version=product_version(),
        subscription_id=text("subscriptionId") or NIL_UUID,
        region=text("location"),
        resource_id=text("resourceId"),
        machine_id=text("vmId"),
        resource_group=text("resourceGroupName"),
        cloud=_CLOUDS.get(text("azEnvironment").lower(), "Global"),
    )


def read_facts() -> ApplianceFacts:
    """Ask the instance metadata service; takes at most a second where there is none."""
    pool = urllib3.PoolManager(retries=False, timeout=METADATA_TIMEOUT_SECONDS)
    try:
        answer = pool.request("GET", METADATA_URL, headers={"Metadata": "true"})
        compute = answer.json() if answer.status == 200 else None
    except (urllib3.exceptions.HTTPError, ValueError):
        compute = None
    return facts_from_metadata(compute) if isinstance(compute, dict) else facts_elsewhere()
