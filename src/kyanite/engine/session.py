"""Writing sessions: registered before they write, open until they have a point or a void."""

from __future__ import annotations

from dataclasses import dataclass

from kyanite.base.errors import Conflict, Invalid, ObjectExists, PointVoided
from kyanite.base.json_types import JsonObject, as_object, as_text
from kyanite.engine.format import Kind, id_of, point_name, session_name
from kyanite.engine.json_bodies import from_json_bytes, to_json_bytes
from kyanite.engine.sealed_object import fetch, kind_of, seal, unseal
from kyanite.engine.settings import RepositorySettings
from kyanite.engine.storage.base import Storage


@dataclass(frozen=True, slots=True)
class SessionTicket:
    """What a writer must know of its session. Holds no secret.

    ``parent`` is the session id of the point that an increment builds on.
    """

    repository_id: bytes
    session_id: str
    machine_id: str
    label: str
    parent: str | None
    opened_at: str
    settings: RepositorySettings

    def to_json(self) -> JsonObject:
        return {
            "repository_id": self.repository_id.hex(),
            **self.registration(),
            "settings": self.settings.to_json(),
        }

    @classmethod
    def from_json(cls, document: JsonObject) -> SessionTicket:
        try:
            repository_id = bytes.fromhex(as_text(document.get("repository_id")))
        except ValueError:
            raise Invalid("This is not the ticket of a session.") from None
        parent = document.get("parent")
        session_id = as_text(document.get("session_id"))
        id_of(session_id)
        return cls(
            repository_id,
            session_id,
            as_text(document.get("machine_id")),
            as_text(document.get("label")),
            parent if isinstance(parent, str) else None,
            as_text(document.get("opened_at")),
            RepositorySettings.from_json(as_object(document.get("settings"))),
        )

    def registration(self) -> dict[str, str | None]:
        """The body of the session object."""
        return {
            "session_id": self.session_id,
            "machine_id": self.machine_id,
            "label": self.label,
            "parent": self.parent,
            "opened_at": self.opened_at,
        }


@dataclass(frozen=True, slots=True)
class Registration:
    """A session object as cleaning reads it."""

    session_id: str
    machine_id: str
    label: str
    parent: str | None
    opened_at: str


def register(storage: Storage, ticket: SessionTicket, maintenance_key: bytes) -> Registration:
    """Put the session object. Opening the same session again is fine and changes nothing.

    Raises ``Conflict`` if the id belongs to a session of another machine or parent.
    """
    name = session_name(ticket.session_id)
    body = to_json_bytes(ticket.registration())
    try:
        storage.put(name, seal(Kind.SESSION, name, body, maintenance_key, ticket.repository_id))
    except ObjectExists:
        found = read_registration(storage, ticket.session_id, maintenance_key, ticket.repository_id)
        if (found.machine_id, found.parent) != (ticket.machine_id, ticket.parent):
            raise Conflict(
                f"Session {ticket.session_id} was opened for another machine or parent."
            ) from None
        return found
    return Registration(
        ticket.session_id, ticket.machine_id, ticket.label, ticket.parent, ticket.opened_at
    )


def read_registration(
    storage: Storage, session_id: str, maintenance_key: bytes, repository_id: bytes
) -> Registration:
    """A session object. Raises ``ObjectMissing``, ``Damaged``."""
    name = session_name(session_id)
    body = from_json_bytes(
        name, unseal(Kind.SESSION, name, fetch(storage, name), maintenance_key, repository_id)
    )
    parent = body.get("parent")
    return Registration(
        as_text(body.get("session_id")),
        as_text(body.get("machine_id")),
        as_text(body.get("label")),
        parent if isinstance(parent, str) else None,
        as_text(body.get("opened_at")),
    )


def put_void(
    storage: Storage,
    session_id: str,
    reason: str,
    voided_at: str,
    maintenance_key: bytes,
    repository_id: bytes,
) -> bool:
    """Close a session for good without a point. ``False`` if it has committed: nothing changed."""
    name = point_name(session_id)
    body = to_json_bytes({"session_id": session_id, "voided_at": voided_at, "reason": reason})
    try:
        storage.put(name, seal(Kind.VOID, name, body, maintenance_key, repository_id))
    except ObjectExists:
        data = fetch(storage, name)
        if kind_of(name, data) is not Kind.VOID:
            return False
        unseal(Kind.VOID, name, data, maintenance_key, repository_id)
    return True


def voided(session_id: str) -> PointVoided:
    """The error of a session that lost its right to commit."""
    return PointVoided(
        f"Session {session_id} was given up by cleaning and cannot commit any more; "
        "start a new backup."
    )
