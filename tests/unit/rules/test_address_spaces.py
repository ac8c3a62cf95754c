"""Which address spaces are free."""

from __future__ import annotations

import pytest

from kyanite.rules.address_spaces import address_space, first_free


@pytest.mark.parametrize(
    ("length", "taken", "free"),
    [
        (16, [], "10.0.0.0/16"),
        (16, ["10.0.0.0/16", "10.1.0.0/16", "10.2.5.0/24"], "10.3.0.0/16"),
        (24, ["10.0.0.0/25", "10.0.0.128/25"], "10.0.1.0/24"),
        (8, ["192.168.0.0/16"], "10.0.0.0/8"),
        (8, ["10.255.0.0/29"], None),
        (12, ["10.0.0.0/8"], "172.16.0.0/12"),
        (12, ["10.0.0.0/8", "172.16.0.0/16"], None),
        (16, ["10.0.0.0/8", "172.16.0.0/12"], "192.168.0.0/16"),
        (29, ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/17"], "192.168.128.0/29"),
        (29, ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"], None),
        (9, ["10.0.0.0/9", "10.0.0.0/16"], "10.128.0.0/9"),
        (16, ["fd00::/8", "nonsense", "0.0.0.0/0.0.0.255"], "10.0.0.0/16"),
        (16, ["0.0.0.0/0"], None),
    ],
)
def test_the_first_free_range_is_found(length: int, taken: list[str], free: str | None) -> None:
    found = first_free(length, taken)
    assert (str(found) if found is not None else None) == free


@pytest.mark.parametrize("text", ["10.0.0.1/16", "10.0.0.0", "::/8", "10.0.0.0/33", "", "a/8"])
def test_what_is_no_range_is_none(text: str) -> None:
    assert address_space(text) is None
