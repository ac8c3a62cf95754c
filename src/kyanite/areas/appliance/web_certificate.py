"""Reading the certificate of the API: what it says, and what somebody uploads as a PFX.

docs/behaviour/appliance.md §5. How it is kept and put to use is `server`'s matter, behind
`WebCertificate`.
"""

from __future__ import annotations

import base64
import binascii
import ssl
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kyanite.base.errors import Invalid

# What the appliance writes as the organisation of certificates that it makes for itself.
OWN_ORGANISATION: Final = "Made by Kyanite for itself"
MOST_PFX_BYTES: Final = 1024 * 1024
SMALLEST_RSA_BITS: Final = 2048

_PFX: Final = "webServerCertificatePfxBase64"
_PASSWORD: Final = "webServerCertificatePfxPassword"


@dataclass(frozen=True)
class Installable:
    """A certificate with its key, in PEM: ``chain`` begins with the certificate itself."""

    chain: bytes
    key: bytes

    def __repr__(self) -> str:
        return "Installable(…)"


class WebCertificate(Protocol):
    """The certificate that the API shows. New connections see a change at once."""

    def current(self) -> x509.Certificate:
        """The certificate in use."""
        ...

    def regenerate(self) -> None:
        """Make a new self-signed one and use it."""
        ...

    def install(self, wanted: Installable) -> None:
        """Use this one from now on, after a restart too."""
        ...


def is_own(certificate: x509.Certificate) -> bool:
    """Whether the appliance made it for itself."""
    return certificate.issuer == certificate.subject and OWN_ORGANISATION in _values(
        certificate.subject, NameOID.ORGANIZATION_NAME
    )


def thumbprint(certificate: x509.Certificate) -> str:
    """SHA-1 in upper-case hexadecimal, as clients pin it."""
    return certificate.fingerprint(hashes.SHA1()).hex().upper()


def common_name(name: x509.Name) -> str:
    """The common name, or all of the name when it has none."""
    names = _values(name, NameOID.COMMON_NAME)
    return names[0] if names else name.rfc4514_string()


def key_algorithm(certificate: x509.Certificate) -> tuple[str, int]:
    """The algorithm of its public key, and the size of that in bits."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return "RSA", key.key_size
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "ECDSA", key.key_size
    return type(key).__name__.removesuffix("PublicKey"), 0


def read_pfx(text: str | None, password: str | None, now: datetime) -> Installable:
    """The certificate in an uploaded PFX. Raises Invalid for whatever the API could not use."""
    raw = _decoded(text or "")
    if raw.lstrip().startswith(b"-----BEGIN"):
        raise Invalid.member(_PFX, "A PFX or P12 file with the private key is expected, not PEM.")
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(
            raw, password.encode() if password else None
        )
    except (ValueError, TypeError):
        raise Invalid(
            "The file is no PFX, or its password is another one.",
            {_PFX: ["The file cannot be opened."], _PASSWORD: ["It may be wrong."]},
        ) from None
    if key is None or certificate is None:
        raise Invalid.member(_PFX, "The file has no certificate with its private key.")
    _require_usable(certificate, now)
    encoding = serialization.Encoding.PEM
    chain = b"".join(one.public_bytes(encoding) for one in (certificate, *others))
    private = key.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    found = Installable(chain, private)
    _try_out(found)
    return found


def _decoded(text: str) -> bytes:
    if text[:5].lower() == "data:":
        text = text.partition(",")[2]
    if not text.strip() or len(text) > MOST_PFX_BYTES * 4 // 3:
        raise Invalid.member(_PFX, "A PFX file of at most 1 MiB in base64 is expected.")
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Invalid.member(_PFX, "The file is not in base64.") from None


def _require_usable(certificate: x509.Certificate, now: datetime) -> None:
    if certificate.not_valid_after_utc <= now:
        raise Invalid.member(_PFX, f"The certificate ended at {certificate.not_valid_after_utc}.")
    if certificate.not_valid_before_utc > now:
        raise Invalid.member(
            _PFX, f"The certificate is not valid before {certificate.not_valid_before_utc}."
        )
    algorithm, bits = key_algorithm(certificate)
    if algorithm not in ("RSA", "ECDSA") or (algorithm == "RSA" and bits < SMALLEST_RSA_BITS):
        raise Invalid.member(
            _PFX, f"The key is {algorithm} of {bits} bits; RSA from 2048 bits or ECDSA is expected."
        )
    try:
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return
    if not {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(
        usages
    ):
        raise Invalid.member(_PFX, "The certificate is not meant for servers.")


def _try_out(found: Installable) -> None:
    """Let TLS itself say whether certificate and key will do."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "both.pem"
        file.touch(0o600)
        file.write_bytes(found.key + found.chain)
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(file)
        except ssl.SSLError as error:
            raise Invalid.member(
                _PFX, f"The certificate cannot be used: {error.reason or 'it is refused'}."
            ) from None


def _values(name: x509.Name, oid: x509.ObjectIdentifier) -> list[str]:
    return [str(attribute.value) for attribute in name.get_attributes_for_oid(oid)]
