"""Which cloud an account lives in: from the name of the contract to its addresses."""

from __future__ import annotations

import threading
from types import MappingProxyType
from typing import Final

from kyanite.azure.cloud import Cloud
from kyanite.base.errors import Invalid

_ARM_ENDPOINTS: Final = MappingProxyType(
    {
        "Global": None,
        "USGovernment": "https://management.usgovcloudapi.net",
        "China": "https://management.chinacloudapi.cn",
        "Germany": "https://management.microsoftazure.de",
    }
)
"""The Resource Managers of the sovereign clouds; ``None`` is the public one."""


class Clouds:
    """The clouds this appliance can talk to; each is discovered once, when it is first needed.

    With ``arm_endpoint`` (a private cloud, or the lab) there is one cloud, and every name
    means that one.
    """

    def __init__(self, arm_endpoint: str | None = None, ca_file: str | None = None) -> None:
        self._arm_endpoint = arm_endpoint
        self._ca_file = ca_file
        self._known: dict[str | None, Cloud] = {}
        self._lock = threading.Lock()

    def cloud(self, environment: str) -> Cloud:
        """The cloud named ``environment`` (``AzureEnvironment``).

        Raises ``Invalid`` for a name that is none, ``AzureError`` when it does not answer.
        """
        if environment not in _ARM_ENDPOINTS:
            raise Invalid.member("azureEnvironment", f"There is no cloud named {environment}.")
        endpoint = self._arm_endpoint or _ARM_ENDPOINTS[environment]
        with self._lock:
            known = self._known.get(endpoint)
        if known is None:
            known = Cloud.discover(endpoint, self._ca_file)
            with self._lock:
                self._known[endpoint] = known
        return known
