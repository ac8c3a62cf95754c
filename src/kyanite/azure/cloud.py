"""Which Azure this is: the addresses of the cloud, asked from the cloud itself.

``{arm}/metadata/endpoints`` describes every cloud, the public one, the sovereign ones, a
private one and the lab, so nothing here knows a list of clouds. Only the public cloud's
own values are kept, so that an appliance there needs no call to start.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import urllib3

from kyanite.azure.addresses import https_host
from kyanite.azure.faults import azure_error
from kyanite.base.errors import Rejected, Transient
from kyanite.base.json_types import (
    JsonObject,
    JsonValue,
    as_list,
    as_object,
    as_text,
    as_texts,
    dig,
)
from kyanite.base.redaction import redacted_text

_METADATA_PATH: Final = "/metadata/endpoints?api-version=2022-09-01"
_TIMEOUT_SECONDS: Final = 30.0


@dataclass(frozen=True)
class Cloud:
    """The addresses of one cloud. URLs carry no slash at their end."""

    name: str
    arm: str
    authority: str
    audience: str
    """The resource for which tokens of the Resource Manager are asked."""
    storage_suffix: str
    key_vault_suffix: str
    graph: str = "https://graph.microsoft.com"
    """Microsoft Graph: the directory."""
    ca_file: str | None = None
    """Further certificate authorities to trust for calls to this cloud."""

    @property
    def arm_scope(self) -> str:
        """The token scope of the Resource Manager."""
        return self.audience.rstrip("/") + "/.default"

    @property
    def storage_scope(self) -> str:
        """The token scope of the storage data plane; it is the same in every cloud."""
        return "https://storage.azure.com/.default"

    @property
    def graph_scope(self) -> str:
        """The token scope of Microsoft Graph."""
        return f"{self.graph}/.default"

    @property
    def key_vault_scope(self) -> str:
        """The token scope of the data plane of key vaults."""
        return f"https://{self.key_vault_suffix}/.default"

    @classmethod
    def discover(cls, arm_endpoint: str | None = None, ca_file: str | None = None) -> Cloud:
        """The cloud whose Resource Manager is at ``arm_endpoint``; without one the public cloud.

        Raises ``Transient`` when it does not answer, ``Rejected`` when what answers is none.
        """
        if not arm_endpoint:
            return cls(
                name="AzureCloud",
                arm="https://management.azure.com",
                authority="https://login.microsoftonline.com",
                audience="https://management.azure.com",
                storage_suffix="core.windows.net",
                key_vault_suffix="vault.azure.net",
                ca_file=ca_file,
            )
        arm = arm_endpoint.rstrip("/")
        https_host(arm)
        return cls.from_metadata(arm, _fetch(arm + _METADATA_PATH, ca_file), ca_file)

    @classmethod
    def from_metadata(cls, arm: str, metadata: JsonValue, ca_file: str | None = None) -> Cloud:
        """Read the description: one cloud, or a list from which the one at ``arm`` is taken."""
        described: JsonObject = as_object(metadata)
        if not isinstance(metadata, Mapping):
            clouds = [as_object(entry) for entry in as_list(metadata)]
            host = urlsplit(arm).netloc.lower()
            matching = [
                cloud
                for cloud in clouds
                if urlsplit(as_text(cloud.get("resourceManager"))).netloc.lower() == host
            ]
            described = (matching or clouds or [{}])[0]
        authority = as_text(dig(described, "authentication", "loginEndpoint")).rstrip("/")
        suffix = as_text(dig(described, "suffixes", "storage")).lstrip(".").lower()
        audiences = as_texts(dig(described, "authentication", "audiences"))
        if not authority:
            raise Rejected(f"{arm} does not describe a cloud: it names no login endpoint.")
        https_host(authority)  # the secrets of service accounts go there
        return cls(
            name=as_text(described.get("name")) or "AzureCloud",
            arm=arm,
            authority=authority,
            audience=_audience(arm, audiences),
            storage_suffix=suffix or "core.windows.net",
            key_vault_suffix=(
                as_text(dig(described, "suffixes", "keyVaultDns")) or "vault.azure.net"
            ).lstrip("."),
            graph=_graph(as_text(described.get("microsoftGraphResourceId"))),
            ca_file=ca_file,
        )


def _graph(address: str) -> str:
    """What the cloud names, if it is an address that secrets may be sent to."""
    if not address:
        return "https://graph.microsoft.com"
    https_host(address)
    return address.rstrip("/")


def _audience(arm: str, audiences: Sequence[str]) -> str:
    """The Resource Manager's own address if it is among them (newer), else the first."""
    wanted = urlsplit(arm).netloc.lower()
    for audience in audiences:
        if urlsplit(audience).netloc.lower() == wanted:
            return audience.rstrip("/")
    return audiences[0].rstrip("/") if audiences else arm


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Strict TLS; ``ca_file`` adds authorities to those of the system."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file:
        context.load_verify_locations(cafile=ca_file)
    return context


def _fetch(url: str, ca_file: str | None) -> JsonValue:
    pool = urllib3.PoolManager(ssl_context=tls_context(ca_file))
    what = f"GET {url.partition('?')[0]}"
    try:
        response = pool.request(
            "GET", url, timeout=_TIMEOUT_SECONDS, retries=urllib3.Retry(3, backoff_factor=0.2)
        )
    except urllib3.exceptions.HTTPError as error:
        raise Transient(f"{what} failed: {redacted_text(str(error))}.") from error
    finally:
        pool.clear()
    if response.status != 200:
        raise azure_error(
            what, status=response.status, message=response.data[:500].decode("utf-8", "replace")
        )
    try:
        body: JsonValue = response.json()
    except ValueError as error:
        raise Rejected(f"{what} answered something that is not JSON.") from error
    return body
