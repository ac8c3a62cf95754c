"""Keys as text: typed again, mistyped, mistaken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kyanite.base.errors import Invalid
from kyanite.engine.printable_key import (
    MAINTENANCE_PREFIX,
    RECOVERY_PREFIX,
    looks_printed,
    print_key,
    read_key,
)


@given(st.binary(min_size=32, max_size=48))
def test_a_printed_key_is_read_again(key: bytes) -> None:
    printed = print_key(RECOVERY_PREFIX, key)
    assert read_key(RECOVERY_PREFIX, printed, len(key)) == key
    assert read_key(RECOVERY_PREFIX, printed.lower().replace("-", " - "), len(key)) == key


def test_a_key_has_groups_of_four() -> None:
    printed = print_key(RECOVERY_PREFIX, bytes(32))
    groups = printed.split("-")
    assert groups[0] == RECOVERY_PREFIX
    assert {len(group) for group in groups[1:]} == {4}
    assert len(groups) == 15


@given(st.binary(min_size=32, max_size=32), st.integers(4, 72), st.sampled_from("23456789XYZ"))
def test_one_wrong_letter_is_found(key: bytes, at: int, letter: str) -> None:
    printed = print_key(RECOVERY_PREFIX, key)
    if printed[at] in ("-", letter):
        return
    with pytest.raises(Invalid):
        read_key(RECOVERY_PREFIX, printed[:at] + letter + printed[at + 1 :], 32)


def test_one_kind_of_key_is_not_taken_for_another() -> None:
    printed = print_key(MAINTENANCE_PREFIX, bytes(32))
    assert not looks_printed(RECOVERY_PREFIX, printed)
    with pytest.raises(Invalid):
        read_key(RECOVERY_PREFIX, printed, 32)
    with pytest.raises(Invalid):
        read_key(RECOVERY_PREFIX, RECOVERY_PREFIX + printed[3:], 32)
