"""The certificate the appliance makes for itself."""

from __future__ import annotations

import ipaddress
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kyanite.server.tls import LIFE, ensure_certificate

NOW = datetime(2026, 2, 3, tzinfo=UTC)


def test_it_names_this_host_and_its_key_is_the_owners_alone(tmp_path: Path) -> None:
    made = ensure_certificate(tmp_path, "10.1.2.3", NOW)
    assert stat.S_IMODE(made.key_file.stat().st_mode) == 0o600
    certificate = x509.load_pem_x509_certificate(made.certificate_file.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "localhost" in names.get_values_for_type(x509.DNSName)
    addresses = names.get_values_for_type(x509.IPAddress)
    assert {ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("10.1.2.3")} <= set(addresses)
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
        made.certificate_file, made.key_file
    )


def test_it_is_kept_until_a_month_before_its_end(tmp_path: Path) -> None:
    first = ensure_certificate(tmp_path, "localhost", NOW).certificate_file.read_bytes()
    later = ensure_certificate(tmp_path, "localhost", NOW + LIFE - timedelta(days=31))
    assert later.certificate_file.read_bytes() == first
    last = ensure_certificate(tmp_path, "localhost", NOW + LIFE - timedelta(days=29))
    assert last.certificate_file.read_bytes() != first


def test_a_certificate_of_an_authority_is_left_alone(tmp_path: Path) -> None:
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority")])
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "backup.example.net")])
    key = ec.generate_private_key(ec.SECP256R1())
    issued = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(authority)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=60))
        .not_valid_after(NOW + timedelta(days=1))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    (tmp_path / "server.crt").write_bytes(issued)
    (tmp_path / "server.key").write_text("theirs")
    (tmp_path / "server.key").chmod(0o600)
    assert ensure_certificate(tmp_path, "localhost", NOW).certificate_file.read_bytes() == issued


def test_a_spoilt_certificate_is_made_anew(tmp_path: Path) -> None:
    made = ensure_certificate(tmp_path, "localhost", NOW)
    made.certificate_file.write_text("spoilt")
    again = ensure_certificate(tmp_path, "localhost", NOW)
    x509.load_pem_x509_certificate(again.certificate_file.read_bytes())
