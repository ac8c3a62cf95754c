"""Signing a person in by a code, to make an application in the person's name.

docs/behaviour/accounts-and-users.md, section 1.1. The flow, and afterwards the person's
tokens, are kept sealed for as long as the code is valid (at most a quarter of an hour), so
that a restart of the appliance does not send the person back to the beginning.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.accounts import queries
from kyanite.areas.accounts.sign_in import AzureAccess
from kyanite.areas.accounts.tables import DeviceSignInRow
from kyanite.azure.graph import Graph
from kyanite.azure.people import PersonTokens, ask_device_code, begin_device_code
from kyanite.base.clock import Clock
from kyanite.base.errors import Denied, Invalid, NotFound
from kyanite.base.identifiers import new_id
from kyanite.base.json_types import JsonObject, as_object, as_text
from kyanite.db.database import Database
from kyanite.db.secrets import SecretBox

_TENANT: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z.-]{0,254}")
_KEPT: Final = timedelta(minutes=15)


@dataclass(frozen=True)
class DeviceSignIn:
    """A sign-in that was begun."""

    id: str
    user_code: str
    verification_uri: str
    message: str
    expires_in_seconds: int
    interval_seconds: int


@dataclass(frozen=True)
class SignedInPerson:
    """Somebody who has signed in."""

    environment: str
    tenant_id: str
    name: str
    tokens: PersonTokens


class DeviceSignIns:
    """Begins sign-ins and follows them. Only who began one may use it."""

    def __init__(
        self, database: Database, secrets: SecretBox, access: AzureAccess, clock: Clock
    ) -> None:
        self._database = database
        self._secrets = secrets
        self._access = access
        self._clock = clock

    def begin(self, user_id: str, environment: str, tenant_id: str) -> DeviceSignIn:
        """Ask the directory for a code. Raises ``Invalid``, ``AzureError``."""
        if not _TENANT.fullmatch(tenant_id):
            raise Invalid.member("tenantId", "That is neither the id of a tenant nor a domain.")
        code = begin_device_code(self._access.cloud(environment), tenant_id)
        sign_in_id = new_id()
        now = self._clock.now()
        row = DeviceSignInRow(
            id=sign_in_id,
            user_id=user_id,
            environment=environment,
            tenant_id=tenant_id,
            expires_at=now + _KEPT,
            next_at=now,
            interval_seconds=max(1, int(code.interval_seconds)),
            sealed=self._secrets.seal_text(json.dumps(code.flow), row_id=sign_in_id),
        )
        with self._database.writing() as db:
            queries.delete_sign_ins_until(db, now)
            db.add(row)
        return DeviceSignIn(
            sign_in_id,
            code.user_code,
            code.verification_uri,
            code.message,
            int(_KEPT.total_seconds()),
            row.interval_seconds,
        )

    def ask(self, sign_in_id: str, user_id: str) -> str | None:
        """The name of the person who has signed in; ``None`` while nobody has.

        Raises ``NotFound`` for a sign-in that is over or of somebody else, ``Invalid`` when the
        person declined.
        """
        now = self._clock.now()
        with self._database.writing() as db:
            row = self._get(db, sign_in_id, user_id)
            if row.person is not None or row.next_at > now:
                return row.person
            # Taken first: two who ask at once must not both use the code up.
            row.next_at = now + timedelta(seconds=row.interval_seconds)
            environment, tenant_id = row.environment, row.tenant_id
            flow = self._unsealed(row)
        cloud = self._access.cloud(environment)
        try:
            tokens = ask_device_code(cloud, tenant_id, flow)
        except Denied as error:
            self.forget(sign_in_id)
            raise Invalid(f"Nobody has signed in: {error}") from error
        if tokens is None:
            return None
        arm = self._access.as_person(environment, tokens)
        claims = arm.login.claims()
        name = as_text(claims.get("upn")) or Graph(arm.login).me().name
        kept: JsonObject = {"cache": tokens.cache, "tenantId": as_text(claims.get("tid"))}
        with self._database.writing() as db:
            row = self._get(db, sign_in_id, user_id)
            row.person = name
            row.expires_at = self._clock.now() + _KEPT
            row.sealed = self._secrets.seal_text(json.dumps(kept), row_id=row.id)
        return name

    def person(self, sign_in_id: str, user_id: str) -> SignedInPerson:
        """Who has signed in. Raises ``NotFound``, and ``Invalid`` while nobody has."""
        with self._database.reading() as db:
            row = self._get(db, sign_in_id, user_id)
            if row.person is None:
                raise Invalid("Nobody has signed in with this code yet.")
            kept = self._unsealed(row)
            tenant_id = as_text(kept.get("tenantId")) or row.tenant_id
            tokens = PersonTokens(tenant_id, as_text(kept.get("cache")))
            return SignedInPerson(row.environment, tenant_id, row.person, tokens)

    def forget_old(self) -> None:
        """What was left unfinished and is over goes, and its tokens with it."""
        with self._database.writing() as db:
            queries.delete_sign_ins_until(db, self._clock.now())

    def forget(self, sign_in_id: str) -> None:
        """The sign-in is over; its tokens go."""
        with self._database.writing() as db:
            queries.delete_sign_in(db, sign_in_id)

    def _get(self, db: Session, sign_in_id: str, user_id: str) -> DeviceSignInRow:
        row = db.get(DeviceSignInRow, sign_in_id.lower())
        if row is None or row.user_id != user_id or row.expires_at <= self._clock.now():
            raise NotFound("There is no such sign-in, or it is over; begin again.")
        return row

    def _unsealed(self, row: DeviceSignInRow) -> JsonObject:
        return as_object(json.loads(self._secrets.open_text(row.sealed, row_id=row.id)))
