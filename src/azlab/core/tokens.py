"""Access tokens: signed by the lab's Entra ID, checked by every other service.

RS256 with one key per lab directory. Times in a token are lab time, so advancing the clock lets
tokens expire.
"""

import hashlib
import threading
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from azlab.core.certificates import write_file
from azlab.core.clock import LabClock
from azlab.core.json_types import JsonObject, JsonValue

_KEY_FILE = "token-signing.key"
_CACHE_LENGTH = 1000


class TokenError(Exception):
    """The token is refused; `code` is the ARM error code for it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Principal:
    """Who calls: the object id that role assignments name, and the application's id."""

    object_id: str
    app_id: str
    tenant_id: str
    is_user: bool = False
    """A person who signed in through the application `app_id`."""
    scopes: frozenset[str] = frozenset()
    """What the application may do for the person (`scp`)."""
    roles: frozenset[str] = frozenset()
    """What the application may do by itself (`roles`): permissions of Graph."""
    name: str = ""
    """The principal name of a person."""


@dataclass(frozen=True)
class _Claims:
    principal: Principal
    audience: str
    not_before: int
    expires: int


class Tokens:
    """Issues and verifies. `tenants` is filled by the scene."""

    def __init__(self, directory: Path, clock: LabClock) -> None:
        self._clock = clock
        self._key = _load_key(directory / _KEY_FILE)
        public = self._key.public_key().public_numbers()
        self._modulus = _base64(public.n)
        self._exponent = _base64(public.e)
        self.key_id = (
            urlsafe_b64encode(hashlib.sha256(self._modulus.encode()).digest()[:20])
            .decode()
            .rstrip("=")
        )
        self.issuer_base = ""
        self.tenants: frozenset[str] = frozenset()
        self._lock = threading.Lock()
        self._cache: dict[str, _Claims] = {}

    def issuer(self, tenant_id: str) -> str:
        """The `iss` of the tokens of one tenant."""
        return f"{self.issuer_base}/{tenant_id}/v2.0"

    def issue(self, principal: Principal, audience: str, lifetime_seconds: int) -> str:
        """A token that is valid from now on."""
        now = int(self._clock.now().timestamp())
        claims: dict[str, JsonValue] = {
            "aud": audience,
            "iss": self.issuer(principal.tenant_id),
            "iat": now,
            "nbf": now,
            "exp": now + lifetime_seconds,
            "appid": principal.app_id,
            "azp": principal.app_id,
            "appidacr": "0" if principal.is_user else "1",
            "idtyp": "user" if principal.is_user else "app",
            "oid": principal.object_id,
            "sub": principal.object_id,
            "tid": principal.tenant_id,
            "ver": "2.0",
        }
        if principal.is_user:
            claims["scp"] = " ".join(sorted(principal.scopes))
            claims["upn"] = claims["unique_name"] = principal.name
        elif principal.roles:
            claims["roles"] = list[JsonValue](sorted(principal.roles))
        return self.sign(claims)

    def sign(self, claims: JsonObject) -> str:
        """A JSON web token with these claims."""
        return jwt.encode(claims, self._key, "RS256", {"kid": self.key_id})

    def verify(self, authorization: str, audiences: tuple[str, ...]) -> Principal:
        """Who holds the token of an `Authorization` header.

        `audiences` are the accepted `aud` values; a trailing slash makes no difference. Raises
        TokenError when the header is missing or signature, tenant, audience or times are wrong.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise TokenError(
                "AuthenticationFailed",
                "Authentication failed. The 'Authorization' header is missing or invalid.",
            )
        claims = self._claims(token.strip())
        if claims.principal.tenant_id not in self.tenants:
            raise TokenError(
                "InvalidAuthenticationTokenTenant",
                f"The access token is from the wrong issuer: tenant "
                f"'{claims.principal.tenant_id}' is not known here.",
            )
        if claims.audience.rstrip("/") not in {one.rstrip("/") for one in audiences}:
            raise TokenError(
                "InvalidAuthenticationTokenAudience",
                f"The access token has been obtained for wrong audience or resource "
                f"'{claims.audience}'. It should exactly match with one of the allowed "
                f"audiences {', '.join(repr(one) for one in audiences)}.",
            )
        now = self._clock.now()
        if now.timestamp() >= claims.expires:
            raise TokenError(
                "ExpiredAuthenticationToken",
                f"The access token expiry UTC time '{_moment(claims.expires)}' is earlier than "
                f"current UTC time '{now:%m/%d/%Y %I:%M:%S %p}'.",
            )
        if now.timestamp() + 300 < claims.not_before:
            raise TokenError("InvalidAuthenticationToken", "The access token is not yet valid.")
        return claims.principal

    def _claims(self, token: str) -> _Claims:
        with self._lock:
            known = self._cache.get(token)
        if known is not None:
            return known
        try:
            found = jwt.decode(
                token,
                self._key.public_key(),
                algorithms=["RS256"],
                options={
                    "verify_aud": False,
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                    "require": ["exp", "nbf", "iss", "aud", "oid", "tid", "appid"],
                },
            )
            claims = _Claims(
                _principal(found),
                str(found["aud"]),
                int(found["nbf"]),
                int(found["exp"]),
            )
            if found["iss"] != self.issuer(claims.principal.tenant_id):
                raise jwt.InvalidIssuerError(f"issuer '{found['iss']}' is not known")
        except (jwt.InvalidTokenError, ValueError) as error:
            raise TokenError(
                "InvalidAuthenticationToken", f"The access token is invalid: {error}."
            ) from error
        with self._lock:
            if len(self._cache) >= _CACHE_LENGTH:
                self._cache.clear()
            self._cache[token] = claims
        return claims

    def public_keys(self) -> JsonObject:
        """The key set that `jwks_uri` answers."""
        key: JsonObject = {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.key_id,
            "n": self._modulus,
            "e": self._exponent,
        }
        return {"keys": [key]}


def _principal(claims: dict[str, object]) -> Principal:
    roles = claims.get("roles")
    return Principal(
        str(claims["oid"]),
        str(claims["appid"]),
        str(claims["tid"]),
        claims.get("idtyp") == "user",
        frozenset(str(claims.get("scp", "")).split()),
        frozenset(map(str, roles)) if isinstance(roles, list) else frozenset(),
        str(claims.get("upn", "")),
    )


def challenge(login_url: str, tenant_id: str, error: TokenError) -> str:
    """The `WWW-Authenticate` header of a 401."""
    return (
        f'Bearer authorization_uri="{login_url}/{tenant_id}", error="invalid_token", '
        f'error_description="{error.message}"'
    )


def _moment(timestamp: int) -> str:
    return f"{datetime.fromtimestamp(timestamp, UTC):%m/%d/%Y %I:%M:%S %p}"


def _base64(number: int) -> str:
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return urlsafe_b64encode(data).decode().rstrip("=")


def _load_key(path: Path) -> rsa.RSAPrivateKey:
    if path.exists():
        key = serialization.load_pem_private_key(path.read_bytes(), None)
        if isinstance(key, rsa.RSAPrivateKey):
            return key
        raise ValueError(f"{path} holds no RSA key")
    key = rsa.generate_private_key(65537, 2048)
    write_file(
        path,
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        private=True,
    )
    return key
