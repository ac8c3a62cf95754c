"""Microsoft.Network on the ARM port: as much as a machine needs."""

from __future__ import annotations

from azlab.core.arm import ArmType
from azlab.core.service import Lab
from azlab.services.network import (
    interfaces,
    public_addresses,
    references,
    security_groups,
    security_rules,
    subnets,
    virtual_networks,
)
from azlab.services.network.bodies import patch_tags

_VERSIONS = ("2026-03-01", "2025-05-01", "2025-03-01", "2024-10-01", "2024-05-01", "2023-11-01")


def register(lab: Lab) -> None:
    """Add the types of Microsoft.Network."""
    lab.arm.type(
        ArmType(
            references.VNETS,
            api_versions=_VERSIONS,
            put=virtual_networks.put_network,
            patch=patch_tags,
            delete=virtual_networks.delete_network,
            present=virtual_networks.present,
            notes={"put": "IPv4; no peerings"},
        )
    )
    lab.arm.type(
        ArmType(
            references.SUBNETS,
            api_versions=_VERSIONS,
            put=subnets.put_subnet,
            delete=subnets.delete_subnet,
            present=subnets.present,
            notes={"put": "route tables and NAT gateways are kept but not checked"},
        )
    )
    lab.arm.type(
        ArmType(
            references.NICS,
            api_versions=_VERSIONS,
            put=interfaces.put_interface,
            patch=patch_tags,
            delete=interfaces.delete_interface,
            present=interfaces.present,
            on_delete=interfaces.InterfaceCleaner(lab),
            notes={"put": "IPv4; no load balancers"},
        )
    )
    lab.arm.type(
        ArmType(
            references.ADDRESSES,
            api_versions=_VERSIONS,
            put=public_addresses.put_address,
            patch=patch_tags,
            delete=public_addresses.delete_address,
            present=public_addresses.present,
            notes={"put": "numbers from the documentation nets"},
        )
    )
    lab.arm.type(
        ArmType(
            references.GROUPS,
            api_versions=_VERSIONS,
            put=security_groups.put_group,
            patch=patch_tags,
            delete=security_groups.delete_group,
            present=security_groups.present,
            notes={"put": "no traffic flows, so rules change nothing"},
        )
    )
    lab.arm.type(
        ArmType(
            references.RULES,
            api_versions=_VERSIONS,
            put=security_rules.put_rule,
            delete=security_rules.delete_rule,
        )
    )
