"""Certificates as credentials of applications: reading them, and checking what they signed."""

import hashlib
import uuid
from base64 import urlsafe_b64encode
from datetime import datetime

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from azlab.services.identity import errors
from azlab.services.identity.state import Application, Certificate

# A client's clock may differ by so much.
_SKEW_SECONDS = 300


def read(content: bytes, name: str) -> Certificate:
    """A certificate in DER or PEM. Raises ValueError."""
    load = (
        x509.load_pem_x509_certificate
        if content.lstrip().startswith(b"-----")
        else x509.load_der_x509_certificate
    )
    found = load(content)
    return Certificate(
        str(uuid.uuid4()),
        name,
        found.public_bytes(Encoding.DER),
        found.not_valid_before_utc,
        found.not_valid_after_utc,
    )


def thumbprint(certificate: Certificate) -> bytes:
    """SHA-1 of the certificate, as directories name it."""
    return hashlib.sha1(certificate.der, usedforsecurity=False).digest()


def check_assertion(
    assertion: str, application: Application, audiences: frozenset[str], now: datetime
) -> None:
    """Raise an EntraError unless the application has signed this, for us, and it is still valid."""
    try:
        header = jwt.get_unverified_header(assertion)
    except jwt.InvalidTokenError:
        raise errors.malformed_assertion() from None
    signer = next((one for one in application.certificates if _names(header, one)), None)
    if signer is None:
        raise errors.unknown_certificate(str(header.get("x5t") or header.get("x5t#S256") or ""))
    if signer.ends <= now:
        raise errors.expired_certificate(thumbprint(signer).hex().upper())
    key = x509.load_der_x509_certificate(signer.der).public_key()
    try:
        claims = jwt.decode(
            assertion,
            key,  # type: ignore[arg-type]  # RSA: that is what the algorithms below take
            algorithms=["RS256", "PS256"],
            options={"verify_aud": False, "verify_exp": False, "verify_nbf": False,
                     "verify_iat": False, "require": ["aud", "iss", "sub", "exp"]},
        )  # fmt: skip
    except (jwt.InvalidTokenError, TypeError, ValueError):
        raise errors.wrong_signature() from None
    if str(claims["aud"]) not in audiences:
        raise errors.wrong_assertion_audience(str(claims["aud"]))
    if {str(claims["iss"]).lower(), str(claims["sub"]).lower()} != {application.client_id.lower()}:
        raise errors.malformed_assertion()
    moment = now.timestamp()
    expires, starts = float(claims["exp"]), float(claims.get("nbf", 0))
    if moment > expires + _SKEW_SECONDS or moment + _SKEW_SECONDS < starts:
        raise errors.assertion_out_of_time(now)


def _names(header: dict[str, object], certificate: Certificate) -> bool:
    """Whether the head of an assertion names the certificate, by either of its thumbprints."""
    known = {
        "x5t": thumbprint(certificate),
        "x5t#S256": hashlib.sha256(certificate.der).digest(),
    }
    # With and without padding: both are seen.
    return any(
        str(header.get(name, "")).rstrip("=") == urlsafe_b64encode(digest).decode().rstrip("=")
        for name, digest in known.items()
    )
