"""Live SAS grants on disks and snapshots.

A grant is a document of the state, so it lives as long as the lab's directory and ends by
being removed, by its date on the lab's clock, or with its disk. The URL carries a signature
over everything the grant says, made with a key of this lab that never leaves it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from azlab.core.json_types import text_at
from azlab.core.resource_ids import ResourceId
from azlab.core.state import Transaction

KIND = "disk-grant"
_KEY_KIND, _KEY_KEY = "lab", "disk-signing-key"
_SAS_VERSION = "2018-03-28"


@dataclass(frozen=True, slots=True)
class Grant:
    """Read or write access to one volume until a moment on the lab's clock."""

    grant_id: str
    account: str
    container: str
    resource_id: str
    volume_id: str
    access: str
    issued_at: datetime
    expires_at: datetime
    family: str = ""
    """For an incremental snapshot, what it shares with all others of its disk."""
    taken_at: str = ""
    """For a snapshot, when it was taken (sorts as text)."""

    @property
    def key(self) -> str:
        """Where the state keeps it: by what its URL begins with."""
        return f"{self.account}/{self.container}"

    def signature(self, signing_key: bytes) -> str:
        """The value of ``sig``."""
        said = "\n".join(
            (self.grant_id, self.key, self.access, self.expires_at.isoformat(), _SAS_VERSION)
        )
        return base64.b64encode(hmac.digest(signing_key, said.encode(), hashlib.sha256)).decode()

    def url(self, endpoint: str, signing_key: bytes) -> str:
        """The SAS that Azure calls ``accessSAS``: account and container in the path."""
        query = urlencode(
            {
                "sv": _SAS_VERSION,
                "sr": "b",
                "si": self.grant_id,
                "sig": self.signature(signing_key),
            }
        )
        return f"{endpoint.rstrip('/')}/{self.key}/abcd?{query}"


def issue(
    tx: Transaction,
    resource_id: str,
    volume_id: str,
    access: str,
    now: datetime,
    seconds: int,
    *,
    family: str = "",
    taken_at: str = "",
) -> Grant:
    """Record a new grant for so many seconds of lab time."""
    grant = Grant(
        grant_id=str(uuid.uuid4()),
        account=f"md-{secrets.token_hex(6)}",
        container=secrets.token_hex(6),
        resource_id=resource_id.lower(),
        volume_id=volume_id,
        access=access,
        issued_at=now,
        expires_at=now + timedelta(seconds=seconds),
        family=family,
        taken_at=taken_at,
    )
    tx.put(
        KIND,
        grant.key,
        {
            "grantId": grant.grant_id,
            "account": grant.account,
            "container": grant.container,
            "resourceId": grant.resource_id,
            "volumeId": volume_id,
            "access": access,
            "issuedAt": now.isoformat(),
            "expiresAt": grant.expires_at.isoformat(),
            "family": family,
            "takenAt": taken_at,
        },
    )
    return grant


def at(tx: Transaction, account: str, container: str) -> Grant | None:
    """The grant behind a URL, expired or not."""
    document = tx.get(KIND, f"{account}/{container}")
    if document is None:
        return None
    return Grant(
        grant_id=text_at(document, "grantId"),
        account=text_at(document, "account"),
        container=text_at(document, "container"),
        resource_id=text_at(document, "resourceId"),
        volume_id=text_at(document, "volumeId"),
        access=text_at(document, "access"),
        issued_at=datetime.fromisoformat(text_at(document, "issuedAt")),
        expires_at=datetime.fromisoformat(text_at(document, "expiresAt")),
        family=text_at(document, "family"),
        taken_at=text_at(document, "takenAt"),
    )


def live_on(tx: Transaction, resource_id: str, now: datetime) -> list[Grant]:
    """The grants on a disk or snapshot that have not expired."""
    return [
        grant
        for grant in _all(tx)
        if grant.resource_id == resource_id.lower() and grant.expires_at > now
    ]


def live_in_family(tx: Transaction, family: str, now: datetime) -> int:
    """How many snapshots of one disk can be read at this moment."""
    return sum(1 for grant in _all(tx) if grant.family == family and grant.expires_at > now)


def revoke(tx: Transaction, resource_id: str) -> int:
    """Remove every grant on a disk or snapshot; how many there were."""
    found = [grant for grant in _all(tx) if grant.resource_id == resource_id.lower()]
    for grant in found:
        tx.delete(KIND, grant.key)
    return len(found)


def moved(tx: Transaction, old: ResourceId, new: ResourceId) -> None:
    """The disk or snapshot has another id from now on; its URLs stay good."""
    for key, document in tx.list(KIND):
        if text_at(document, "resourceId") == old.key:
            document["resourceId"] = new.key
            tx.put(KIND, key, document)


def signing_key(tx: Transaction) -> bytes:
    """The key of this lab, made when it is first needed."""
    document = tx.get(_KEY_KIND, _KEY_KEY)
    if document is None:
        document = {"key": base64.b64encode(secrets.token_bytes(32)).decode()}
        tx.put(_KEY_KIND, _KEY_KEY, document)
    return base64.b64decode(text_at(document, "key"))


def _all(tx: Transaction) -> list[Grant]:
    found: list[Grant] = []
    for key, _ in tx.list(KIND):
        account, _, container = key.partition("/")
        grant = at(tx, account, container)
        if grant is not None:
            found.append(grant)
    return found
