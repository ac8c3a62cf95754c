"""Certificates as credentials: what is accepted, and how they are kept."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from kyanite.areas.accounts.credentials import (
    CERTIFICATE_ORIGIN,
    Credential,
    certificate_expiry,
    parse_certificate,
)
from kyanite.base.errors import Damaged, Invalid
from kyanite.db.secrets import SecretBox

ENDS = datetime(2030, 1, 1, tzinfo=UTC)
BOX = SecretBox(bytes(32))


def pfx(password: str = "", *, with_key: bool = True) -> bytes:
    """A PFX file with a self-signed certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kyanite")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(ENDS - timedelta(days=4000))
        .not_valid_after(ENDS)
        .sign(key, hashes.SHA256())
    )
    protection = (
        serialization.BestAvailableEncryption(password.encode())
        if password
        else serialization.NoEncryption()
    )
    return pkcs12.serialize_key_and_certificates(
        b"kyanite", key if with_key else None, certificate, None, protection
    )


def test_the_end_of_a_certificate_is_known() -> None:
    assert certificate_expiry(pfx(), "") == ENDS
    assert certificate_expiry(pfx("pass"), "pass") == ENDS


@pytest.mark.parametrize(
    ("content", "password"),
    [(pfx("right"), "wrong"), (pfx("right"), ""), (b"nonsense", ""), (pfx(with_key=False), "")],
)
def test_files_that_cannot_be_used_are_refused(content: bytes, password: str) -> None:
    with pytest.raises(Invalid):
        certificate_expiry(content, password)


@pytest.mark.parametrize("prefix", ["", "data:application/octet-stream;base64,"])
def test_uploads_are_bare_base64_or_a_data_address(prefix: str) -> None:
    assert parse_certificate(prefix + base64.b64encode(b"content").decode()) == b"content"


@pytest.mark.parametrize("text", ["?", "§", "data:;base64,", ""])
def test_other_text_is_no_upload(text: str) -> None:
    with pytest.raises(Invalid):
        parse_certificate(text)


@pytest.mark.parametrize(
    "credential",
    [Credential(secret="s3cret"), Credential(certificate=b"\x00\xff", certificate_password="p")],
)
def test_a_credential_comes_back_from_its_row_and_from_no_other(credential: Credential) -> None:
    sealed = credential.seal(BOX, "row-1")
    assert Credential.unseal(BOX, "row-1", sealed) == credential
    with pytest.raises(Damaged):
        Credential.unseal(BOX, "row-2", sealed)


def test_a_credential_shows_nothing_of_itself() -> None:
    credential = Credential("s3cret", b"s3cret", "s3cret")
    assert "s3cret" not in repr(credential)
    assert "s3cret" not in repr(credential.identity("t", "a"))
    assert credential.origin == CERTIFICATE_ORIGIN
