"""The parts of this area, made of each other."""

from __future__ import annotations

from kyanite.areas.access.lockout import Lockout
from kyanite.areas.access.password_changes import PasswordChanges
from kyanite.areas.access.passwords import Passwords
from kyanite.areas.access.second_factor import SecondFactor
from kyanite.areas.access.sign_ins import SignIns
from kyanite.areas.access.tokens import Lifetimes, Tokens
from kyanite.base.clock import Clock
from kyanite.db.database import Database
from kyanite.db.secrets import SecretBox
from kyanite.http.audit import AuditTrail
from kyanite.http.provide import Provisions
from kyanite.http.sign_in import TokenReader


def provide_access(
    provisions: Provisions,
    database: Database,
    secrets: SecretBox,
    clock: Clock,
    audit: AuditTrail,
    passwords: Passwords,
    lifetimes: Lifetimes | None = None,
    lockout: Lockout | None = None,
) -> None:
    """Offer what the routes of this area need, and the reader of tokens for all others."""
    lockout = lockout or Lockout(clock)
    tokens = Tokens(database, clock, audit, lifetimes)
    factor = SecondFactor(secrets, clock)
    for thing in (
        passwords,
        lockout,
        tokens,
        factor,
        SignIns(database, passwords, tokens, factor, lockout, audit),
        PasswordChanges(database, passwords, lockout, clock),
        TokenReader(tokens.principal),
    ):
        provisions.add(thing)
