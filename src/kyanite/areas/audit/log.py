"""Writing the audit log."""

from __future__ import annotations

import logging

from sqlalchemy import event as sqlalchemy_event
from sqlalchemy.orm import Session

from kyanite.areas.audit import queries
from kyanite.areas.audit.anchor import Anchor
from kyanite.areas.audit.chain import KEY_PURPOSE, Entry, Head, entry_hash
from kyanite.base.clock import Clock
from kyanite.db.secrets import SecretBox
from kyanite.http.audit import Actor, AuditEvent

_log = logging.getLogger(__name__)
_PENDING = "audit head"


class AuditLog:
    """Appends to the chain. An `http.audit.AuditTrail`; thread-safe."""

    def __init__(self, secrets: SecretBox, clock: Clock, anchor: Anchor | None = None) -> None:
        self._key = secrets.derived_key(KEY_PURPOSE)
        self._clock = clock
        self._anchor = anchor
        self._compared = False

    def append(self, db: Session, event: AuditEvent) -> None:
        """Write an event, as the last thing in its transaction: others wait for the head."""
        head = self._head(db)
        entry = Entry(head.number + 1, self._clock.now(), _storable(event))
        written = entry_hash(head.hash, entry)
        queries.add_entry(db, entry, written)
        moved = Head(entry.number, written, head.broken_at)
        queries.put_head(db, moved, moved.seal(self._key))
        if self._anchor is not None:
            _note_when_committed(db, self._anchor, moved)

    def _head(self, db: Session) -> Head:
        """The head to go on from. One that is not ours is said to be so for ever, in the next."""
        row = queries.hold_head(db)
        last = queries.last_number(db)
        head = Head(row.number, row.hash, row.broken_at) if row else Head()
        is_ours = row is None or head.is_sealed_by(self._key, row.seal)
        if is_ours and head.number == last and self._is_as_noted(db, head):
            return head
        _log.error("the audit log was changed by somebody else: run kyanite audit verify")
        number = max(last, head.number)
        return Head(number, head.hash, head.broken_at or number + 1)

    def _is_as_noted(self, db: Session, head: Head) -> bool:
        """Whether the log still holds what this process, or one before it, has seen in it."""
        if self._anchor is None:
            return True
        noted = self._anchor.noted
        if noted.number > head.number:
            return False
        if not self._compared:
            self._compared = noted.number == 0 or queries.hash_of(db, noted.number) == noted.hash
        return self._compared


def _note_when_committed(db: Session, anchor: Anchor, head: Head) -> None:
    if _PENDING not in db.info:
        sqlalchemy_event.listen(db, "after_commit", lambda one: _note(one, anchor))
        sqlalchemy_event.listen(db, "after_rollback", lambda one: one.info.update({_PENDING: None}))
    db.info[_PENDING] = head


def _note(db: Session, anchor: Anchor) -> None:
    head, db.info[_PENDING] = db.info[_PENDING], None
    if isinstance(head, Head):
        anchor.note(head)


def _storable(event: AuditEvent) -> AuditEvent:
    """The event without characters that not every database keeps as they are."""

    def clean(text: str) -> str:
        return text.replace("\x00", "").encode("utf-8", "replace").decode()

    actor = event.actor
    return AuditEvent(
        Actor(clean(actor.user_id), clean(actor.name), actor.role, clean(actor.address)),
        event.action,
        clean(event.target),
        event.status,
        clean(event.detail),
    )
