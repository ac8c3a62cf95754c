"""Keys as text that can be printed, read aloud and typed: groups of letters with a checksum.

The letters are Crockford's base 32: no I, L, O, U; small letters, O for 0 and I or L for 1
are understood. The checksum is over prefix and bytes, so no kind passes for another.
"""

from __future__ import annotations

from typing import Final

from blake3 import blake3

from kyanite.base.errors import Invalid

RECOVERY_PREFIX: Final = "KYR"
MAINTENANCE_PREFIX: Final = "KYM"

_LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS: Final = str.maketrans({"O": "0", "I": "1", "L": "1"})
_GROUP: Final = 4
_LEAST_CHECK_BYTES: Final = 3


def print_key(prefix: str, key: bytes) -> str:
    """``key`` as text: the prefix, then groups of four letters."""
    data = key + _check(prefix, key)
    number = int.from_bytes(data)
    letters = "".join(_LETTERS[number >> shift & 31] for shift in range(len(data) * 8 - 5, -1, -5))
    groups = (letters[at : at + _GROUP] for at in range(0, len(letters), _GROUP))
    return "-".join((prefix, *groups))


def looks_printed(prefix: str, text: str) -> bool:
    """Whether somebody means such a key, rightly typed or not."""
    return "".join(text.split()).upper().startswith(f"{prefix}-")


def read_key(prefix: str, text: str, length: int) -> bytes:
    """The key of ``length`` bytes in a text. Raises ``Invalid``, which says what is wrong."""
    if not looks_printed(prefix, text):
        raise Invalid(f"The key does not begin with {prefix}-; look whether it is the right one.")
    letters = "".join(text.split()).upper()[len(prefix) + 1 :].replace("-", "").translate(_READ_AS)
    bits = (length + len(_check(prefix, bytes(length)))) * 8
    if len(letters) * 5 != bits:
        raise Invalid(
            f"The key has {len(letters)} letters behind {prefix} and should have {bits // 5}."
        )
    number = 0
    for at, letter in enumerate(letters):
        value = _LETTERS.find(letter)
        if value < 0:
            raise Invalid(
                f"Group {at // _GROUP + 1} of the key has a {letter!r}, which no key has."
            )
        number = number << 5 | value
    data = number.to_bytes(bits // 8)
    key = data[:length]
    if data[length:] != _check(prefix, key):
        raise Invalid("The key is mistyped: its checksum is wrong. Compare it group by group.")
    return key


def _check(prefix: str, key: bytes) -> bytes:
    """At least three bytes, and as many as make the whole a multiple of five (eight letters)."""
    length = _LEAST_CHECK_BYTES
    while (len(key) + length) % 5:
        length += 1
    return blake3(prefix.encode() + key).digest(length)
