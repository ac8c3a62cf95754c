"""Tag Login: tokens for a password, a second factor or a refresh token, and signing out."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form, Query, Request

from kyanite.areas.access import wire
from kyanite.areas.access.grants import Grant, chosen_grant
from kyanite.areas.access.sign_ins import SignIns
from kyanite.areas.access.tokens import SecondFactorNeeded, Tokens
from kyanite.base.errors import Invalid, Unauthenticated
from kyanite.contract.models.login import LoginFromClient, LogoutQuery
from kyanite.http.audit import address_of
from kyanite.http.provide import Provided
from kyanite.http.routes import Routes
from kyanite.http.sign_in import SignedIn
from kyanite.http.unit_of_work import DbSession

routes = Routes()
_DOES_NOT_EXIST_HERE = "This way to sign in is not set up on this appliance."


@routes.operation("Login_Authenticate")
def authenticate(
    body: Annotated[LoginFromClient, Form()],
    request: Request,
    tokens: Annotated[Tokens, Provided(Tokens)],
    sign_ins: Annotated[SignIns, Provided(SignIns)],
) -> dict[str, object]:
    """Tokens, or the token for the second step."""
    address = address_of(request)
    match chosen_grant(body):
        case Grant.PASSWORD:
            answer = sign_ins.with_password(
                body.username or "",
                body.password or "",
                short_lived=bool(body.short_lived_refresh_token),
                address=address,
            )
            if isinstance(answer, SecondFactorNeeded):
                return wire.first_step(answer)
            return wire.login(answer)
        case Grant.MFA:
            return wire.login(
                sign_ins.with_code(body.mfa_token or "", body.mfa_code or "", address=address)
            )
        case Grant.REFRESH:
            return wire.login(tokens.refresh(body.refresh_token or "", address))
        case Grant.SAML | Grant.SSO:
            raise Invalid.member("grant_type", _DOES_NOT_EXIST_HERE)
        case Grant.UPDATER | Grant.CODE:
            raise Unauthenticated(_DOES_NOT_EXIST_HERE)


@routes.operation("Login_Logout")
def logout(
    query: Annotated[LogoutQuery, Query()],  # noqa: ARG001 - accepted and ignored
    principal: SignedIn,
    db: DbSession,
    tokens: Annotated[Tokens, Provided(Tokens)],
) -> None:
    """The tokens of this sign-in end."""
    tokens.sign_out(db, principal)
