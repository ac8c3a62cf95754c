"""Tag Login: tokens for a password or a refresh token, and signing out."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Form, Query, Request

from kyanite.areas.access.grants import Grant, chosen_grant
from kyanite.areas.access.tokens import TokenPair, Tokens
from kyanite.base.errors import Invalid, TooManyAttempts, Unauthenticated
from kyanite.contract.models.login import Login, LoginFromClient, LogoutQuery
from kyanite.contract.models.shared import UserType
from kyanite.http.provide import Provided, provisions
from kyanite.http.rate_limits import GrowingDelay
from kyanite.http.rights import Right
from kyanite.http.routes import Routes
from kyanite.http.sign_in import SignedIn
from kyanite.http.unit_of_work import DbSession

routes = Routes()
_DOES_NOT_EXIST_HERE = "This way to sign in is not set up on this appliance."


async def _guessed_names(request: Request) -> list[str]:
    """Under which names failures of this request are counted."""
    form = await request.form()
    address = request.client.host if request.client else ""
    username = form.get("username")
    names = [f"address {address}"]
    if isinstance(username, str):
        names.append(f"user {username.casefold()[:255]}")
    return names


async def _held_back(request: Request) -> list[str]:
    """Wait, longer after each failure, before a guess is looked at. Blocks no thread."""
    names = await _guessed_names(request)
    delays = provisions(request).get(GrowingDelay)
    await asyncio.sleep(max(delays.seconds(name) for name in names))
    return names


@routes.operation("Login_Authenticate", None)
def authenticate(
    body: Annotated[LoginFromClient, Form()],
    tokens: Annotated[Tokens, Provided(Tokens)],
    delays: Annotated[GrowingDelay, Provided(GrowingDelay)],
    guessed: Annotated[list[str], Depends(_held_back)],
) -> dict[str, object]:
    """Tokens for a password or a refresh token."""
    grant = chosen_grant(body)
    try:
        if grant is Grant.PASSWORD:
            pair = tokens.sign_in(
                body.username or "",
                body.password or "",
                short_lived=bool(body.short_lived_refresh_token),
            )
        elif grant is Grant.REFRESH:
            pair = tokens.refresh(body.refresh_token or "")
        elif grant in (Grant.SAML, Grant.SSO):
            raise Invalid.member("grant_type", _DOES_NOT_EXIST_HERE)
        else:
            raise Unauthenticated(_DOES_NOT_EXIST_HERE)
    except TooManyAttempts as busy:
        raise Unauthenticated(str(busy)) from busy
    except Unauthenticated:
        for name in guessed:
            delays.failed(name)
        raise
    for name in guessed:
        delays.succeeded(name)
    return login_wire(pair)


@routes.operation("Login_Logout", Right.ANY)
def logout(
    query: Annotated[LogoutQuery, Query()],  # noqa: ARG001 - accepted and ignored
    principal: SignedIn,
    db: DbSession,
    tokens: Annotated[Tokens, Provided(Tokens)],
) -> None:
    """The tokens of this sign-in end."""
    tokens.sign_out(db, principal)


def login_wire(pair: TokenPair) -> dict[str, object]:
    """The `Login` body. The one body of the API that leaves members without a value out."""
    login = Login(
        access_token=pair.access,
        token_type="bearer",
        refresh_token=pair.refresh,
        expires_in=pair.access_seconds,
        field_issued=pair.issued_at,
        field_expires=pair.issued_at + timedelta(seconds=pair.access_seconds),
        user_id=UUID(pair.user_id),
        username=pair.username,
        role_name=pair.role,
        user_type=UserType(pair.user_type),
        latest_news_shown=pair.news_shown,
        mfa_enabled=False,
        short_lived=pair.short_lived,
    )
    return login.model_dump(mode="json", by_alias=True, exclude_none=True)
