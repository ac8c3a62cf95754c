"""The second factor: codes of an application (TOTP, RFC 6238), and recovery codes.

A factor is offered first and asked for only after a code of it was shown
(docs/behaviour/accounts-and-users.md §5). Secrets are sealed, recovery codes are kept as MACs
under a key that the database does not hold: eight digits are soon guessed from a hash.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from urllib.parse import quote

import pyotp
from sqlalchemy.orm import Session

from kyanite.areas.access import user_queries
from kyanite.areas.access.tables import MfaEnrolmentRow, UserRow
from kyanite.areas.access.tokens import token_hash
from kyanite.areas.access.users import USER_TYPE_INTERNAL
from kyanite.base.clock import Clock
from kyanite.base.errors import Invalid
from kyanite.db.secrets import SecretBox

_SECRET_BYTES: Final = 16  # 26 characters in base32
_STEP_SECONDS: Final = 30
_DRIFT_STEPS: Final = 1
_RECOVERY_CODES: Final = 5
_RECOVERY_DIGITS: Final = 8
_OFFER_LIVES: Final = timedelta(minutes=10)


@dataclass(frozen=True)
class Offer:
    """What a user enters into an application, shown once. `repr` shows none of it."""

    secret: str = field(repr=False)
    address: str = field(repr=False)
    recovery_codes: tuple[str, ...] = field(repr=False)
    token: str = field(repr=False)


class SecondFactor:
    """Offers, accepts and checks second factors. All methods are part of the caller's
    transaction."""

    def __init__(self, box: SecretBox, clock: Clock) -> None:
        self._box = box
        self._clock = clock
        self._code_key = box.derived_key("recovery codes")

    def offer(self, db: Session, user: UserRow, *, host: str, recreate: bool) -> Offer:
        """Offer a new factor; the one in use stays until this one is accepted.

        ``host`` is the appliance's name in the user's application. Raises Invalid for a user of
        an identity provider, and for one who has a factor unless `recreate`.
        """
        if user.type != USER_TYPE_INTERNAL:
            raise Invalid("The identity provider asks its users for a second factor, not we.")
        if user.mfa_secret is not None and not recreate:
            raise Invalid.member("recreate", "The user has a second factor already.")
        secret = base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode().rstrip("=")
        codes = tuple(
            f"{secrets.randbelow(10**_RECOVERY_DIGITS):0{_RECOVERY_DIGITS}}"
            for _ in range(_RECOVERY_CODES)
        )
        token = secrets.token_urlsafe(32)
        row = MfaEnrolmentRow(
            user_id=user.id,
            secret=self._box.seal_text(secret, row_id=_row_id(user.id)),
            token_hash=token_hash(token),
            code_macs=[self._mac(user.id, code) for code in codes],
            expires_at=self._clock.now() + _OFFER_LIVES,
        )
        user_queries.put_enrolment(db, row)
        label = f"{quote(user.name)}@{quote(host)}"
        address = f"otpauth://totp/{label}?secret={secret}&issuer={quote(host)}"
        return Offer(secret, address, codes, token)

    def accept(self, db: Session, user: UserRow, *, code: str, token: str) -> None:
        """Ask for the offered factor from now on. Raises Invalid for a wrong code or token."""
        row = user_queries.enrolment(db, user.id)
        if (
            row is None
            or row.expires_at <= self._clock.now()
            or not hmac.compare_digest(row.token_hash, token_hash(token))
        ):
            raise Invalid.member("token", "The token is not valid (any more); enable MFA again.")
        secret = self._box.open_text(row.secret, row_id=_row_id(user.id))
        step = self._step_of(secret, code, after=0)
        if step is None:
            raise Invalid.member("code", "The code is wrong; look at the clock of the device.")
        user.mfa_secret, user.mfa_last_step = row.secret, step
        user_queries.replace_recovery_codes(db, user.id, row.code_macs)
        user_queries.remove_enrolment(db, user.id)

    def remove(self, db: Session, user: UserRow) -> None:
        """Ask for no second factor any more; also good for a user without one."""
        user.mfa_secret, user.mfa_last_step = None, 0
        user_queries.replace_recovery_codes(db, user.id, ())
        user_queries.remove_enrolment(db, user.id)

    def is_good(self, db: Session, user: UserRow, code: str) -> bool:
        """Whether this is a code of the user's factor, or an unused recovery code.

        A good one is used up; the caller holds the user's row.
        """
        if user.mfa_secret is None:
            return False
        digits = code.strip().replace(" ", "")
        if len(digits) == _RECOVERY_DIGITS:
            return user_queries.use_recovery_code(db, user.id, self._mac(user.id, digits))
        secret = self._box.open_text(user.mfa_secret, row_id=_row_id(user.id))
        step = self._step_of(secret, digits, after=user.mfa_last_step)
        if step is None:
            return False
        user.mfa_last_step = step
        return True

    def _step_of(self, secret: str, code: str, *, after: int) -> int | None:
        """The time step, later than `after`, that a code belongs to; one of drift is allowed."""
        totp = pyotp.TOTP(secret, interval=_STEP_SECONDS)
        now = int(self._clock.now().timestamp()) // _STEP_SECONDS
        found = None
        for step in range(now - _DRIFT_STEPS, now + _DRIFT_STEPS + 1):
            is_equal = pyotp.utils.strings_equal(totp.generate_otp(step), code.strip())
            if is_equal and step > after:
                found = step
        return found

    def _mac(self, user_id: str, code: str) -> str:
        text = f"{user_id}:{code}".encode("utf-8", "replace")
        return hmac.new(self._code_key, text, hashlib.sha256).hexdigest()


def _row_id(user_id: str) -> str:
    return f"second factor of {user_id}"
