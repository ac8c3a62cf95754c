"""Address spaces of virtual networks: which are free, and what lies in what.

Rules: docs/behaviour/virtual-networks.md, section 12.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import AddressValueError, IPv4Network, NetmaskValueError
from typing import Final

SHORTEST_PREFIX: Final = 8
LONGEST_PREFIX: Final = 29

_PRIVATE: Final = (
    IPv4Network("10.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
)


def address_space(text: str) -> IPv4Network | None:
    """A range in CIDR notation, ``None`` when it is none, or when it has bits of a host."""
    if "/" not in text:
        return None
    try:
        return IPv4Network(text.strip())
    except (AddressValueError, NetmaskValueError, ValueError):
        return None


def first_free(prefix_length: int, taken: Iterable[str]) -> IPv4Network | None:
    """The first private range of this length that overlaps none of ``taken``.

    What is no IPv4 range among ``taken`` is in nobody's way.
    """
    used = sorted(
        (int(space.network_address), int(space.broadcast_address))
        for space in map(address_space, taken)
        if space is not None
    )
    size = 1 << (32 - prefix_length)
    for block in _PRIVATE:
        at, end = int(block.network_address), int(block.broadcast_address)
        for first, last in used:
            if at + size - 1 < first:
                break
            if last >= at:
                at = (last // size + 1) * size
        if at + size - 1 <= end and at >= int(block.network_address):
            return IPv4Network((at, prefix_length))
    return None
