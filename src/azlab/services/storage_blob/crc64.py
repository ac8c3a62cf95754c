"""The service's CRC-64 (polynomial of CRC-64/NVME, reflected, all ones before and after).

`x-ms-content-crc64` carries it as eight little-endian bytes in Base64. Python has no fast one, so
the bytes are spread over many lanes that numpy moves forward together; the lanes are joined with
the usual "append zeros" operator, which is linear over GF(2).
"""

import numpy as np
import numpy.typing as npt

_POLYNOMIAL = 0x9A6C9329AC4BC9B5
_ALL_ONES = 0xFFFFFFFFFFFFFFFF
_LANE_BYTES = 512  # steps of the vector loop; the number of lanes is size / this
_VECTOR_FROM_BYTES = 16384  # below that the plain loop is as fast

Words = npt.NDArray[np.uint64]


def _byte_table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _byte_table()
_WORD_TABLE: Words = np.array(_TABLE, dtype=np.uint64)


def _one_byte(register: int, byte: int) -> int:
    return _TABLE[(register ^ byte) & 0xFF] ^ (register >> 8)


def _apply(matrix: list[int], vector: int) -> int:
    result = 0
    for row in matrix:
        if vector & 1:
            result ^= row
        vector >>= 1
        if not vector:
            break
    return result


def _zeros_operator(count: int) -> list[int]:
    """The matrix that moves a register over `count` zero bytes; row i is the image of bit i."""
    result = [1 << bit for bit in range(64)]
    power = [_one_byte(1 << bit, 0) for bit in range(64)]
    while count:
        if count & 1:
            result = [_apply(power, row) for row in result]
        power = [_apply(power, row) for row in power]
        count >>= 1
    return result


def _apply_to_many(matrix: list[int], vectors: Words) -> Words:
    result: Words = np.zeros_like(vectors)
    for bit, row in enumerate(matrix):
        mask = (vectors >> np.uint64(bit)) & np.uint64(1)
        result ^= mask * np.uint64(row)
    return result


def _lanes(data: npt.NDArray[np.uint8]) -> int:
    """The raw register (start 0) after `data`, whose length is a multiple of _LANE_BYTES."""
    columns = data.reshape(-1, _LANE_BYTES).T.astype(np.uint64, order="C")
    registers: Words = np.zeros(columns.shape[1], dtype=np.uint64)
    for column in columns:
        index = (registers ^ column) & np.uint64(0xFF)
        registers = _WORD_TABLE[index.astype(np.intp)] ^ (registers >> np.uint64(8))
    span = _LANE_BYTES
    while len(registers) > 1:
        if len(registers) % 2:  # a lane of nothing in front changes no register
            registers = np.concatenate((np.zeros(1, dtype=np.uint64), registers))
        registers = _apply_to_many(_zeros_operator(span), registers[0::2]) ^ registers[1::2]
        span *= 2
    return int(registers[0])


class Crc64:
    """A running checksum with the manners of hashlib: `update`, then `digest`."""

    def __init__(self) -> None:
        self._register = _ALL_ONES

    def update(self, data: bytes | bytearray | memoryview) -> None:
        view = memoryview(data).cast("B")
        whole = len(view) - len(view) % _LANE_BYTES
        if len(view) >= _VECTOR_FROM_BYTES:
            lanes = _lanes(np.frombuffer(view[:whole], dtype=np.uint8))
            self._register = _apply(_zeros_operator(whole), self._register) ^ lanes
            view = view[whole:]
        register = self._register
        for byte in view:
            register = _TABLE[(register ^ byte) & 0xFF] ^ (register >> 8)
        self._register = register

    def digest(self) -> bytes:
        """Eight bytes, little-endian, as the header carries them."""
        return (self._register ^ _ALL_ONES).to_bytes(8, "little")
