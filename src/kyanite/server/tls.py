"""The certificate that the appliance makes for itself on its first start.

It names this host and the loopback addresses, lives in the data folder, and is made anew when
it is about to end. Its private key can be read by its owner only. A certificate that somebody
put in its place is left alone.

Certificate and key are two files; both are exchanged by way of a third one, so that a kill
between them is made good at the next start.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kyanite.areas.appliance.web_certificate import OWN_ORGANISATION, Installable, is_own
from kyanite.base.private_files import require_private_file

# Browsers refuse certificates that are good for longer.
LIFE = timedelta(days=825)
RENEW_BEFORE = timedelta(days=30)
# For TLS 1.2; those of 1.3 are all good.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
_PENDING = "server.pending"
_KEY_ENDS = b"-----END PRIVATE KEY-----\n"


@dataclass(frozen=True)
class Certificate:
    """Where certificate and private key lie, in PEM."""

    certificate_file: Path
    key_file: Path


def ensure_certificate(folder: Path, host: str, now: datetime) -> Certificate:
    """The certificate in `folder`; made if there is none or it ends within a month.

    Raises `Invalid` when other users may read the key.
    """
    certificate = files_in(folder)
    require_private_file(certificate.key_file)
    _finish_installation(folder)
    if certificate.key_file.exists() and _is_good(certificate.certificate_file, now):
        return certificate
    install(folder, self_signed(host, now))
    return certificate


def files_in(folder: Path) -> Certificate:
    """Where certificate and key are in the data folder."""
    return Certificate(folder / "server.crt", folder / "server.key")


def install(folder: Path, wanted: Installable) -> None:
    """Put a certificate and its key in the place of those before: durably, and both or none."""
    _write(folder / _PENDING, wanted.key + wanted.chain, 0o600)
    _finish_installation(folder)


def self_signed(host: str, now: datetime) -> Installable:
    """A new certificate for this host, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    made = _self_signed(key, host, now)
    return Installable(made.public_bytes(serialization.Encoding.PEM), private)


def _finish_installation(folder: Path) -> None:
    """Go on where an installation was interrupted; nothing to do when none was."""
    pending = folder / _PENDING
    try:
        key, end, chain = pending.read_bytes().partition(_KEY_ENDS)
    except FileNotFoundError:
        return
    files = files_in(folder)
    _write(files.key_file, key + end, 0o600)
    _write(files.certificate_file, chain, 0o644)
    pending.unlink()


def server_context(certificate: Certificate) -> ssl.SSLContext:
    """TLS as the appliance speaks it: 1.2 or newer, forward secret, authenticated ciphers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.load_cert_chain(certificate.certificate_file, certificate.key_file)
    return context


def _is_good(file: Path, now: datetime) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
    except (FileNotFoundError, ValueError):
        return False
    # Somebody else's certificate is theirs to renew.
    return not is_own(certificate) or certificate.not_valid_after_utc - now > RENEW_BEFORE


def _self_signed(key: ec.EllipticCurvePrivateKey, host: str, now: datetime) -> x509.Certificate:
    own_name = socket.gethostname()
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, own_name[:64]),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, OWN_ORGANISATION),
        ]
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFE)
        .add_extension(x509.SubjectAlternativeName(_names(own_name, host)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )


def _names(own_name: str, host: str) -> list[x509.GeneralName]:
    """Every name and address under which this host may be called."""
    names: list[x509.GeneralName] = []
    for one in dict.fromkeys(("localhost", own_name, "127.0.0.1", "::1", host)):
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(one)))
        except ValueError:
            names.append(x509.DNSName(one))
    return names


def _write(file: Path, content: bytes, mode: int) -> None:
    """Write durably and in one piece: a kill leaves the old file or the new one."""
    temporary = file.with_name(f"{file.name}.{os.getpid()}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, file)
