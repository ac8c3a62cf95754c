"""Address arithmetic: prefixes of networks and subnets, and free addresses in them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from azlab.core.errors import ArmError

_RESERVED_AT_START = 4  # network, gateway and two for name resolution


def parse_prefixes(prefixes: Sequence[str], owner: str) -> list[ipaddress.IPv4Network]:
    """The prefixes of a network or subnet; the lab does IPv4 only, and says so."""
    found: list[ipaddress.IPv4Network] = []
    for text in prefixes:
        if ":" in text:
            raise ArmError(501, "NotImplemented", "The lab does not simulate IPv6 networks.")
        try:
            found.append(ipaddress.IPv4Network(text, strict=True))
        except ValueError as error:
            raise ArmError(
                400,
                "InvalidCIDRNotation",
                f"The address prefix {text} in resource {owner} has an invalid CIDR notation. For "
                "the given prefix length, the address prefix should be "
                f"{_corrected(text)}.",
            ) from error
    return found


def check_subnet(
    name: str,
    prefixes: Sequence[ipaddress.IPv4Network],
    space: Sequence[ipaddress.IPv4Network],
    others: Iterable[tuple[str, Sequence[ipaddress.IPv4Network]]],
) -> None:
    """A subnet lies inside its network and beside all other subnets."""
    for prefix in prefixes:
        if not any(prefix.subnet_of(one) for one in space):
            raise ArmError(
                400,
                "NetcfgInvalidSubnet",
                f"Subnet '{name}' is not valid because its IP address range is outside the IP "
                "address range of virtual network.",
            )
        if prefix.prefixlen > 29:
            raise ArmError(
                400, "NetcfgInvalidSubnet", f"Subnet '{name}' is too small: at most /29."
            )
        for other, theirs in others:
            if any(prefix.overlaps(one) for one in theirs):
                raise ArmError(
                    400,
                    "NetcfgSubnetRangesOverlap",
                    f"Subnet '{name}' is not valid because its IP address range overlaps with "
                    f"that of an existing subnet '{other}' in virtual network.",
                )


def next_free(prefixes: Sequence[ipaddress.IPv4Network], used: set[str], subnet_name: str) -> str:
    """The first address that nobody has."""
    for prefix in prefixes:
        last = prefix.num_addresses - 1
        for number in range(_RESERVED_AT_START, last):
            address = str(prefix[number])
            if address not in used:
                return address
    raise ArmError(
        400,
        "SubnetIsFull",
        f"Subnet {subnet_name} does not have enough capacity for 1 IP addresses.",
    )


def check_static(
    address: str, prefixes: Sequence[ipaddress.IPv4Network], used: set[str], subnet_name: str
) -> str:
    """An address that was asked for: inside, not reserved, free."""
    try:
        wanted = ipaddress.IPv4Address(address)
    except ValueError as error:
        raise ArmError(
            400, "InvalidIPAddressFormat", f"'{address}' is not an IPv4 address."
        ) from error
    inside = next((prefix for prefix in prefixes if wanted in prefix), None)
    if inside is None:
        raise ArmError(
            400,
            "PrivateIPAddressNotInSubnet",
            f"Private static IP address {address} does not belong to the range of subnet prefix "
            f"of {subnet_name}.",
        )
    number = int(wanted) - int(inside.network_address)
    if number < _RESERVED_AT_START or number == inside.num_addresses - 1:
        raise ArmError(
            400,
            "PrivateIPAddressInReservedRange",
            f"Private static IP address {address} falls within the reserved range of "
            f"{subnet_name}.",
        )
    if str(wanted) in used:
        raise ArmError(
            400,
            "PrivateIPAddressIsAllocated",
            f"IP configuration with the private IP address {address} is already in use.",
        )
    return str(wanted)


def _corrected(text: str) -> str:
    try:
        return str(ipaddress.IPv4Network(text, strict=False))
    except ValueError:
        return "a.b.c.d/n"
