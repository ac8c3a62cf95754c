"""One frame: a JSON header and raw bytes behind it, as it travels over any transport.

::

    "KYM1" | header length 4 | payload length 4 | header (JSON, UTF-8) | payload
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from typing import Final

from kyanite.base.errors import Invalid
from kyanite.base.json_types import JsonObject, as_int, as_object, as_text
from kyanite.base.units import MIB

PROTOCOL_VERSION: Final = 1
LARGEST_HEADER_BYTES: Final = 4 * MIB
LARGEST_PAYLOAD_BYTES: Final = 4 * MIB
PREFIX: Final = struct.Struct(">4sII")
_MAGIC: Final = b"KYM1"


@dataclass(frozen=True)
class Frame:
    """``sequence`` numbers what must arrive, from 1; 0 is a bare acknowledgement.

    ``acknowledged`` is the highest number up to which everything has been received. What an
    order holds is in ``body`` and ``payload``, so ``repr`` shows neither.
    """

    run: str
    epoch: int
    sequence: int
    acknowledged: int
    kind: str = ""
    body: JsonObject | None = field(default=None, repr=False)
    payload: bytes = field(default=b"", repr=False)

    def encode(self) -> bytes:
        """The frame's bytes."""
        header = json.dumps(
            {
                "version": PROTOCOL_VERSION,
                "run": self.run,
                "epoch": self.epoch,
                "sequence": self.sequence,
                "acknowledged": self.acknowledged,
                "kind": self.kind,
                "body": self.body or {},
            },
            separators=(",", ":"),
        ).encode()
        if len(header) > LARGEST_HEADER_BYTES or len(self.payload) > LARGEST_PAYLOAD_BYTES:
            raise Invalid(f"A {self.kind} message of {len(header)} bytes is too large.")
        return PREFIX.pack(_MAGIC, len(header), len(self.payload)) + header + self.payload

    @classmethod
    def decode(cls, data: bytes) -> Frame:
        """Read a frame. Raises ``Invalid`` for anything else, and for another version."""
        if len(data) < PREFIX.size:
            raise Invalid("A message of the data mover is cut short.")
        header_length, payload_length = lengths(data[: PREFIX.size])
        if len(data) != PREFIX.size + header_length + payload_length:
            raise Invalid("A message of the data mover has the wrong length.")
        try:
            header = as_object(json.loads(data[PREFIX.size : PREFIX.size + header_length]))
        except (ValueError, RecursionError) as error:
            raise Invalid("A message of the data mover is not readable.") from error
        version = as_int(header.get("version"))
        if version != PROTOCOL_VERSION:
            raise Invalid(
                f"The other side speaks version {version} of the data mover's protocol, this one "
                f"version {PROTOCOL_VERSION}; bring both to the same release."
            )
        return cls(
            as_text(header.get("run")),
            as_int(header.get("epoch")),
            as_int(header.get("sequence")),
            as_int(header.get("acknowledged")),
            as_text(header.get("kind")),
            as_object(header.get("body")),
            bytes(data[PREFIX.size + header_length :]),
        )


def lengths(prefix: bytes) -> tuple[int, int]:
    """Header and payload length from the first bytes. Raises ``Invalid``."""
    magic, header_length, payload_length = PREFIX.unpack(prefix)
    if (
        magic != _MAGIC
        or header_length > LARGEST_HEADER_BYTES
        or payload_length > LARGEST_PAYLOAD_BYTES
    ):
        raise Invalid("What the data mover sent is not a message.")
    return int(header_length), int(payload_length)
