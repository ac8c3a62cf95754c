"""Device codes: an application asks, a person answers somewhere else.

The person signs in on the page that `verification_uri` names (name, password, code), or, for
tests, through `finish`, which the page uses as well.
"""

import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape

from azlab.core.clock import iso
from azlab.core.http import HttpError, Request, Response
from azlab.core.json_types import JsonObject, text_at
from azlab.core.state import Transaction
from azlab.services.identity import errors
from azlab.services.identity.state import User, find_user

LIFETIME_SECONDS = 900
INTERVAL_SECONDS = 1
"""Azure says 5; a lab is local, and nobody wants to wait."""
_DEVICE_CODE = "deviceCode"
# Without letters that are mistaken for others, as in Azure.
_LETTERS = "BCDFGHJKLMNPQRSTVWXYZ23456789"


@dataclass(frozen=True)
class DeviceCode:
    """A request to sign in."""

    code: str
    user_code: str
    client_id: str
    scope: str
    expires: datetime
    user_id: str
    declined: bool


class PageError(HttpError):
    """What the page says when it does not work."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def to_response(self, request: Request) -> Response:  # noqa: ARG002
        """The page with the sentence."""
        return page(self.message, 400)


def begin(tx: Transaction, client_id: str, scope: str, now: datetime) -> DeviceCode:
    """A new code for an application."""
    code = DeviceCode(
        urlsafe_b64encode(secrets.token_bytes(48)).decode(),
        "".join(secrets.choice(_LETTERS) for _ in range(9)),
        client_id,
        scope,
        now + timedelta(seconds=LIFETIME_SECONDS),
        "",
        False,
    )
    _put(tx, code)
    return code


def redeem(tx: Transaction, code: str, client_id: str, now: datetime) -> tuple[User, str]:
    """Who has signed in, and the scope asked for; the code is used up. Raises EntraError."""
    document = tx.get(_DEVICE_CODE, code)
    if document is None or text_at(document, "clientId").lower() != client_id.lower():
        raise errors.bad_code()
    found = _read(code, document)
    if found.declined:
        raise errors.authorization_declined()
    if found.expires <= now:
        raise errors.expired_code()
    if not found.user_id:
        raise errors.authorization_pending()
    user = find_user(tx, found.user_id)
    tx.delete(_DEVICE_CODE, code)
    if user is None:
        raise errors.bad_code()
    return user, found.scope


def finish(
    tx: Transaction, user_code: str, name: str, password: str, now: datetime, *, decline: bool
) -> User:
    """Let a person answer. Raises PageError when code, name or password are wrong."""
    wanted = user_code.replace("-", "").strip().upper()
    found = next(
        (
            one
            for one in (_read(key, document) for key, document in tx.list(_DEVICE_CODE))
            if one.user_code == wanted and one.expires > now and not one.user_id
        ),
        None,
    )
    if found is None:
        raise PageError("That code did not work. Check the code and try again.")
    user = find_user(tx, name)
    if (
        user is None
        or not user.password
        or not secrets.compare_digest(user.password.encode(), password.encode())
    ):
        raise PageError("Your account or password is incorrect.")
    if user.disabled:
        raise PageError("Your account is disabled.")
    answered = DeviceCode(
        found.code, found.user_code, found.client_id, found.scope, found.expires,
        "" if decline else user.id, decline,
    )  # fmt: skip
    _put(tx, answered)
    return user


def page(message: str = "", status: int = 200) -> Response:
    """Where a person enters the code."""
    text = f"""<!doctype html><html lang="en"><meta charset="utf-8">
<title>Sign in to the lab</title>
<style>body{{font:16px sans-serif;max-width:24em;margin:4em auto}}
input{{width:100%;margin:.3em 0 1em;padding:.4em;box-sizing:border-box}}</style>
<h1>Sign in</h1><p role="status">{escape(message)}</p>
<form method="post"><label>Code <input name="user_code" autocomplete="off"></label>
<label>Name <input name="username"></label>
<label>Password <input name="password" type="password"></label>
<button name="answer" value="yes">Sign in</button>
<button name="answer" value="no">Decline</button></form></html>"""
    return Response(status, {"Content-Type": "text/html; charset=utf-8"}, text.encode())


def _put(tx: Transaction, code: DeviceCode) -> None:
    document: JsonObject = {
        "userCode": code.user_code,
        "clientId": code.client_id,
        "scope": code.scope,
        "expires": iso(code.expires),
        "userId": code.user_id,
        "declined": code.declined,
    }
    tx.put(_DEVICE_CODE, code.code, document)


def _read(code: str, document: JsonObject) -> DeviceCode:
    return DeviceCode(
        code,
        text_at(document, "userCode"),
        text_at(document, "clientId"),
        text_at(document, "scope"),
        datetime.fromisoformat(text_at(document, "expires")),
        text_at(document, "userId"),
        document.get("declined") is True,
    )
