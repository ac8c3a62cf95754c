"""Ids and regions as Azure writes them."""

from __future__ import annotations

import pytest

from kyanite.base.azure_names import ArmId, arm_id, id_part, region_code
from kyanite.base.errors import Invalid

NETWORK = arm_id("S", "G", "Microsoft.Network/virtualNetworks", "V")


def test_the_id_of_a_child_is_read_whatever_its_case() -> None:
    subnet = ArmId.parse(f"{NETWORK}/subnets/N".replace("resourceGroups", "resourcegroups"))
    assert (subnet.subscription_id, subnet.group) == ("S", "G")
    assert (subnet.namespace, subnet.kind) == ("Microsoft.Network", "virtualNetworks/subnets")
    assert subnet.names == ("V", "N")
    assert subnet.name == "N"


@pytest.mark.parametrize(
    "text", ["", "/subscriptions/S", f"{NETWORK}/subnets", NETWORK.replace("/V", "/")]
)
def test_what_is_no_id_of_a_resource_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        ArmId.parse(text)


def test_a_part_is_found_by_the_segment_before_it() -> None:
    assert id_part(NETWORK, "RESOURCEGROUPS") == "G"
    assert id_part(NETWORK, "subnets") == ""
    assert id_part("/subscriptions/S/resourceGroups/G", "resourceGroups") == "G"


def test_a_region_has_one_code() -> None:
    assert {region_code(name) for name in ("West Europe", "WestEurope", "westeurope")} == {
        "westeurope"
    }
