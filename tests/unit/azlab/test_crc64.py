"""The CRC-64 of x-ms-content-crc64 against published values and a bitwise computation."""

from __future__ import annotations

import itertools
import random

import pytest

from azlab.services.storage_blob.crc64 import Crc64


def bitwise(data: bytes) -> bytes:
    register = 0xFFFFFFFFFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (0x9A6C9329AC4BC9B5 if register & 1 else 0)
    return (register ^ 0xFFFFFFFFFFFFFFFF).to_bytes(8, "little")


def computed(*pieces: bytes) -> bytes:
    crc = Crc64()
    for piece in pieces:
        crc.update(piece)
    return crc.digest()


def test_the_check_value_of_the_polynomial_is_met() -> None:
    assert int.from_bytes(computed(b"123456789"), "little") == 0xAE8B14860A799888


@pytest.mark.parametrize("size", [0, 1, 511, 16383, 16384, 16385, 16384 + 511, 60_001])
def test_long_inputs_take_the_vector_way_to_the_same_result(size: int) -> None:
    data = random.Random(size).randbytes(size)
    assert computed(data) == bitwise(data)


def test_the_pieces_in_which_bytes_arrive_make_no_difference() -> None:
    data = random.Random(7).randbytes(100_000)
    cuts = [0, 3, 20_000, 20_001, 66_666, len(data)]
    pieces = [data[a:b] for a, b in itertools.pairwise(cuts)]
    assert computed(*pieces) == computed(data)
