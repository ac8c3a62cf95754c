"""From a bearer token to a principal.

What a token is, only `areas/access` knows; it gives the application a `TokenReader`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.base.errors import Unauthenticated
from kyanite.http.rights import Principal


@dataclass(frozen=True)
class TokenReader:
    """`principal(db, token)` gives who it belongs to, or raises Unauthenticated."""

    principal: Callable[[Session, str], Principal]


def bearer_token(request: Request) -> str:
    """The token of the Authorization header; Unauthenticated if there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("Send a bearer token from POST /api/oauth2/token.")
    return token.strip()


def _principal(request: Request) -> Principal:
    principal = request.state.principal
    assert isinstance(principal, Principal)
    return principal


SignedIn = Annotated[Principal, Depends(_principal)]
"""Who calls. `def me(principal: SignedIn) -> ...`; not on public operations."""
