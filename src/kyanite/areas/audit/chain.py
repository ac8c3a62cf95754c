"""The arithmetic of the chain: hashes of entries, the seal of the head. No I/O."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import orjson

from kyanite.http.audit import AuditEvent

NO_ENTRY: Final = hashlib.sha256(b"kyanite audit log").hexdigest()
"""What stands for the hash of the entry before the first."""

KEY_PURPOSE: Final = "audit log"


@dataclass(frozen=True)
class Entry:
    """An event with its place in the log."""

    number: int
    at: datetime
    event: AuditEvent


@dataclass(frozen=True)
class Head:
    """Where the chain ends: number and hash of the last entry (0 and `NO_ENTRY` at first)."""

    number: int = 0
    hash: str = NO_ENTRY
    broken_at: int | None = None

    def seal(self, key: bytes) -> str:
        """The HMAC-SHA256 of the head, in hexadecimal."""
        text = f"{self.number}|{self.hash}|{self.broken_at or 0}"
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()

    def is_sealed_by(self, key: bytes, seal: str) -> bool:
        """Whether `seal` was made of this head with this key."""
        return hmac.compare_digest(self.seal(key), seal)


def entry_hash(previous: str, entry: Entry) -> str:
    """SHA-256 over the hash before and everything the entry says.

    The text is a JSON array, so that no two entries have the same one: previous hash, number,
    time in microseconds since 1970, id, name, role, address, action, target, status, detail.
    """
    event, actor = entry.event, entry.event.actor
    since = entry.at.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    text = orjson.dumps(
        [
            previous,
            entry.number,
            microseconds,
            actor.user_id,
            actor.name,
            actor.role,
            actor.address,
            event.action,
            event.target,
            event.status,
            event.detail,
        ]
    )
    return hashlib.sha256(text).hexdigest()
