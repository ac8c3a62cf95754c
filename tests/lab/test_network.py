"""Networks of the lab: as much as a machine needs, with Azure's own refusals."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.core.polling import LROPoller
from azure.mgmt.network.models import (
    NetworkInterface,
    NetworkSecurityGroup,
    PublicIPAddress,
    SecurityRule,
    Subnet,
    TagsObject,
    VirtualNetwork,
)

from support.compute_bench import LOCATION, ComputeBench


def _group(bench: ComputeBench, name: str = "nsg") -> NetworkSecurityGroup:
    body = NetworkSecurityGroup(
        {
            "location": LOCATION,
            "properties": {"securityRules": [{"name": "https", "properties": _rule(100, "443")}]},
        }
    )
    return bench.network.network_security_groups.begin_create_or_update(
        bench.group, name, body
    ).result()


def _rule(priority: int, port: str) -> dict[str, object]:
    return {
        "priority": priority,
        "direction": "Inbound",
        "access": "Allow",
        "protocol": "Tcp",
        "sourceAddressPrefix": "*",
        "sourcePortRange": "*",
        "destinationAddressPrefix": "*",
        "destinationPortRange": port,
    }


def _address(bench: ComputeBench, name: str = "ip") -> PublicIPAddress:
    body = PublicIPAddress(
        {
            "location": LOCATION,
            "sku": {"name": "Standard"},
            "properties": {"publicIPAllocationMethod": "Static"},
        }
    )
    return bench.network.public_ip_addresses.begin_create_or_update(
        bench.group, name, body
    ).result()


def _code(caught: pytest.ExceptionInfo[HttpResponseError]) -> str:
    assert caught.value.error is not None
    return str(caught.value.error.code)


def test_interfaces_get_free_addresses_of_their_subnet(bench: ComputeBench) -> None:
    subnet = bench.subnet()
    first = bench.interface("first", str(subnet.id))
    second = bench.interface("second", str(subnet.id))
    static = bench.interface(
        "static",
        str(subnet.id),
        privateIPAllocationMethod="Static",
        privateIPAddress="10.9.0.77",
    )

    def address(nic: NetworkInterface) -> str:
        assert nic.ip_configurations
        return str(nic.ip_configurations[0].private_ip_address)

    assert (address(first), address(second)) == ("10.9.0.4", "10.9.0.5")
    assert address(static) == "10.9.0.77"
    again = bench.interface("second", str(subnet.id))
    assert address(again) == "10.9.0.5"
    assert again.resource_guid == second.resource_guid
    assert again.etag != second.etag
    shown = bench.network.subnets.get(bench.group, "net", "default")
    assert len(shown.ip_configurations or []) == 3
    with pytest.raises(HttpResponseError) as caught:
        bench.interface(
            "late", str(subnet.id), privateIPAllocationMethod="Static", privateIPAddress="10.9.0.4"
        )
    assert _code(caught) == "PrivateIPAddressIsAllocated"


def test_what_is_in_use_cannot_be_deleted(bench: ComputeBench) -> None:
    group, public = _group(bench), _address(bench)
    subnet = bench.subnet()
    body = NetworkInterface(
        {
            "location": LOCATION,
            "properties": {
                "networkSecurityGroup": {"id": group.id},
                "ipConfigurations": [
                    {
                        "name": "ipconfig1",
                        "properties": {
                            "subnet": {"id": subnet.id},
                            "publicIPAddress": {"id": public.id},
                        },
                    }
                ],
            },
        }
    )
    network = bench.network
    network.network_interfaces.begin_create_or_update(bench.group, "nic", body).result()
    deletions: dict[str, Callable[[], LROPoller[None]]] = {
        "InUseSubnetCannotBeDeleted": lambda: network.subnets.begin_delete(
            bench.group, "net", "default"
        ),
        "InUseNetworkSecurityGroupCannotBeDeleted": lambda: (
            network.network_security_groups.begin_delete(bench.group, "nsg")
        ),
        "PublicIPAddressCannotBeDeleted": lambda: network.public_ip_addresses.begin_delete(
            bench.group, "ip"
        ),
    }
    for code, delete in deletions.items():
        with pytest.raises(HttpResponseError) as caught:
            delete()
        assert caught.value.status_code == 400
        assert _code(caught) == code
    with pytest.raises(HttpResponseError) as caught:
        network.virtual_networks.begin_delete(bench.group, "net")
    assert _code(caught) == "InUseSubnetCannotBeDeleted"
    found = network.public_ip_addresses.get(bench.group, "ip")
    assert found.ip_configuration is not None
    assert str(found.ip_configuration.id).endswith("/nic/ipConfigurations/ipconfig1")
    users = network.network_security_groups.get(bench.group, "nsg").network_interfaces
    assert [str(one.id).rsplit("/", 1)[1] for one in users or []] == ["nic"]
    network.network_interfaces.begin_delete(bench.group, "nic").result()
    for delete in deletions.values():
        delete().result()
    network.virtual_networks.begin_delete(bench.group, "net").result()
    with pytest.raises(ResourceNotFoundError):
        network.virtual_networks.get(bench.group, "net")


def test_an_interface_of_a_machine_cannot_be_deleted(bench: ComputeBench) -> None:
    bench.machine("vm")
    with pytest.raises(HttpResponseError) as caught:
        bench.network.network_interfaces.begin_delete(bench.group, "vm-nic")
    assert _code(caught) == "NicInUse"


def test_references_to_nothing_are_refused(bench: ComputeBench) -> None:
    missing = bench.id_of("Network", "virtualNetworks", "nowhere") + "/subnets/default"
    with pytest.raises(HttpResponseError) as caught:
        bench.interface("nic", missing)
    assert _code(caught) == "InvalidResourceReference"
    with pytest.raises(HttpResponseError) as caught:
        bench.interface("nic", str(bench.subnet().id), publicIPAddress={"id": missing})
    assert _code(caught) == "InvalidResourceReference"


def test_subnets_come_with_their_network_and_alone(bench: ComputeBench) -> None:
    bench.subnet()
    subnets = bench.network.subnets

    def put(name: str, prefix: str) -> Subnet:
        body = Subnet({"properties": {"addressPrefix": prefix}})
        return subnets.begin_create_or_update(bench.group, "net", name, body).result()

    assert put("more", "10.9.1.0/24").address_prefix == "10.9.1.0/24"
    for prefix, code in (
        ("10.9.1.128/25", "NetcfgSubnetRangesOverlap"),
        ("10.10.0.0/24", "NetcfgInvalidSubnet"),
        ("10.9.2.1/24", "InvalidCIDRNotation"),
    ):
        with pytest.raises(HttpResponseError) as caught:
            put("bad", prefix)
        assert _code(caught) == code
    network = bench.network.virtual_networks.get(bench.group, "net")
    assert [one.name for one in network.subnets or []] == ["default", "more"]
    assert network.address_space is not None
    replaced = VirtualNetwork(
        {
            "location": LOCATION,
            "properties": {
                "addressSpace": {"addressPrefixes": ["10.9.0.0/16"]},
                "subnets": [{"name": "more", "properties": {"addressPrefix": "10.9.1.0/24"}}],
            },
        }
    )
    changed = bench.network.virtual_networks.begin_create_or_update(
        bench.group, "net", replaced
    ).result()
    assert [one.name for one in changed.subnets or []] == ["more"]
    assert changed.resource_guid == network.resource_guid
    assert [one.name for one in subnets.list(bench.group, "net")] == ["more"]


def test_security_groups_check_their_rules(bench: ComputeBench) -> None:
    group = _group(bench)
    assert [one.name for one in group.security_rules or []] == ["https"]
    assert len(group.default_security_rules or []) == 6
    rules = bench.network.security_rules
    body = SecurityRule({"properties": _rule(110, "22")})
    rules.begin_create_or_update(bench.group, "nsg", "ssh", body).result()
    assert {one.name for one in rules.list(bench.group, "nsg")} == {"https", "ssh"}
    clash = SecurityRule({"properties": _rule(110, "80")})
    with pytest.raises(HttpResponseError) as caught:
        rules.begin_create_or_update(bench.group, "nsg", "http", clash)
    assert _code(caught) == "SecurityRuleConflict"
    rules.begin_delete(bench.group, "nsg", "ssh").result()
    found = bench.network.network_security_groups.get(bench.group, "nsg")
    assert [one.name for one in found.security_rules or []] == ["https"]


def test_public_addresses_keep_their_number_and_take_tags(bench: ComputeBench) -> None:
    first = _address(bench)
    again = _address(bench)
    assert first.ip_address == again.ip_address
    assert not ipaddress.ip_address(str(first.ip_address)).is_global
    tagged = bench.network.public_ip_addresses.update_tags(
        bench.group, "ip", TagsObject(tags={"a": "b"})
    )
    assert tagged.tags == {"a": "b"}
    dynamic = PublicIPAddress(
        {
            "location": LOCATION,
            "sku": {"name": "Standard"},
            "properties": {"publicIPAllocationMethod": "Dynamic"},
        }
    )
    with pytest.raises(HttpResponseError) as caught:
        bench.network.public_ip_addresses.begin_create_or_update(bench.group, "no", dynamic)
    assert _code(caught) == "StandardSkuPublicIPAddressesMustBeStatic"
    assert "ip" in [one.name for one in bench.network.public_ip_addresses.list_all()]
    assert "ip" in [one.name for one in bench.network.public_ip_addresses.list(bench.group)]
