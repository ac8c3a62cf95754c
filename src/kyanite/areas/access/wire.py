"""Users and sign-ins as the contract shows them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from starlette.requests import Request

from kyanite.areas.access.second_factor import Offer
from kyanite.areas.access.tables import UserRow
from kyanite.areas.access.tokens import SecondFactorNeeded, SignedInUser, TokenPair
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.login import Login
from kyanite.contract.models.shared import UserType
from kyanite.contract.models.user import UserMfaData
from kyanite.http.links import self_link

_NEVER = datetime(1, 1, 1, tzinfo=UTC)


def login(pair: TokenPair) -> dict[str, object]:
    """`Login`. The one body of the API that leaves members without a value out.

    `mfa_enabled` says that a second step is needed, not that the user has a second factor.
    """
    return _login(
        Login(
            access_token=pair.access,
            token_type="bearer",
            refresh_token=pair.refresh,
            expires_in=pair.access_seconds,
            field_issued=pair.issued_at,
            field_expires=pair.issued_at + timedelta(seconds=pair.access_seconds),
            mfa_enabled=False,
            short_lived=pair.short_lived,
        ),
        pair.user,
    )


def first_step(needed: SecondFactorNeeded) -> dict[str, object]:
    """`Login` without tokens: the second factor is asked for (api-conventions.md §3.4)."""
    return _login(
        Login(
            expires_in=0,
            field_issued=_NEVER,
            field_expires=_NEVER,
            mfa_enabled=True,
            mfa_token=needed.token,
            short_lived=needed.short_lived,
        ),
        needed.user,
    )


def _login(body: Login, user: SignedInUser) -> dict[str, object]:
    whole = body.model_copy(
        update={
            "user_id": UUID(user.user_id),
            "username": user.username,
            "role_name": user.role,
            "user_type": UserType(user.user_type),
            "latest_news_shown": user.news_shown,
        }
    )
    return whole.model_dump(mode="json", by_alias=True, exclude_none=True)


def user(request: Request, row: UserRow) -> JsonObject:
    """`User`."""
    return {
        **dict(zip(USER_COLUMNS, user_columns(row), strict=True)),
        "_links": self_link(request, f"/users/{row.id}"),
    }


USER_COLUMNS = (
    *("id", "name", "description", "role", "type"),
    *("identityProviderEntityId", "mfaEnabled", "isDefault"),
)


def user_columns(row: UserRow) -> tuple[str | bool | None, ...]:
    """The values of `USER_COLUMNS`: what the list shows and the export has."""
    return (
        *(row.id, row.name, row.description, row.role, row.type),
        *(row.identity_provider_entity_id, row.mfa_secret is not None, row.is_default),
    )


def mfa_offer(user_id: str, offer: Offer) -> UserMfaData:
    """`UserMfaData`: the only time that secret and codes are shown."""
    return UserMfaData(
        user_id=user_id,
        qr_string=offer.address,
        secret_key=offer.secret,
        scratch_codes=list(offer.recovery_codes),
        token=offer.token,
    )
