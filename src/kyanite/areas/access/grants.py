"""Which way of signing in a token request means.

Existing clients leave `grant_type` out or send surplus fields (docs/behaviour/rulings.md).
"""

from __future__ import annotations

from enum import Enum

from kyanite.base.errors import Invalid
from kyanite.contract.models.login import GrantType, LoginFromClient


class Grant(Enum):
    """The ways, by the fields each one needs."""

    PASSWORD = ("username", "password")
    REFRESH = ("refresh_token",)
    MFA = ("mfa_token", "mfa_code")
    UPDATER = ("updater_token",)
    SAML = ("saml_response",)
    SSO = ("sso_token",)
    CODE = ("authorization_code",)


_BY_TYPE = {
    GrantType.PASSWORD: Grant.PASSWORD,
    GrantType.REFRESH_TOKEN: Grant.REFRESH,
    GrantType.MFA: Grant.MFA,
    GrantType.UPDATER_TOKEN: Grant.UPDATER,
    GrantType.SAML: Grant.SAML,
    GrantType.SSO_TOKEN: Grant.SSO,
    GrantType.AUTHENTICATION_CODE: Grant.CODE,
}


def chosen_grant(request: LoginFromClient) -> Grant:
    """The grant, all of its fields being there; Invalid says what is missing."""
    if request.grant_type is not None:
        grant = _BY_TYPE[request.grant_type]
    elif request.refresh_token:
        grant = Grant.REFRESH
    elif request.username and request.password:
        grant = Grant.PASSWORD
    else:
        raise Invalid.member("grant_type", "Say how to sign in: grant_type is missing.")
    missing = {
        name: [f"{name} is needed for this grant_type."]
        for name in grant.value
        if not getattr(request, name)
    }
    if missing:
        raise Invalid("The request to sign in is incomplete.", missing)
    return grant
