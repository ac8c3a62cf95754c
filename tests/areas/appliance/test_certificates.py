"""Tag Certificate: PFX files, good and bad, and what new connections see."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kyanite.areas.appliance.routes import routers
from kyanite.areas.appliance.web_certificate import WebCertificate
from kyanite.base.clock import ManualClock
from kyanite.db.database import Database
from kyanite.http.rights import Role
from kyanite.server.live_certificate import LiveCertificate
from kyanite.server.tls import ensure_certificate
from support.api import START, ApiUnderTest

CERTIFICATES = "/api/v8.1/settings/certificates"
PASSWORD = "of-the-pfx"
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass
class Issued:
    """A self-signed certificate as somebody's authority would hand it over."""

    key: Key = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    name: str = "backup.example.net"
    begins: timedelta = timedelta(days=-1)
    ends: timedelta = timedelta(days=30)
    usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH

    @cached_property
    def certificate(self) -> x509.Certificate:
        """Made once: its signature is another one each time."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)])
        algorithm = None if isinstance(self.key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(0x1234ABCD)
            .not_valid_before(START + self.begins)
            .not_valid_after(START + self.ends)
            .add_extension(x509.ExtendedKeyUsage([self.usage]), critical=False)
            .sign(self.key, algorithm)
        )

    def pfx(self, password: str = PASSWORD, *, with_key: bool = True) -> bytes:
        encryption = (
            serialization.BestAvailableEncryption(password.encode())
            if password
            else serialization.NoEncryption()
        )
        key = self.key if with_key else None
        return pkcs12.serialize_key_and_certificates(b"x", key, self.certificate, None, encryption)


class Served:
    """The routes, and a TLS server that shows the certificate they change."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.folder = folder
        self.live = LiveCertificate(folder, "127.0.0.1", ManualClock(START))
        self.api = ApiUnderTest(database, routers())
        self.api.provisions.add(self.live, WebCertificate)
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.context = self.live.context()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            with connection:
                try:
                    self.context.wrap_socket(connection, server_side=True).close()
                except OSError:
                    continue

    def shown(self, name: str | None = None) -> x509.Certificate:
        """What a new connection is shown, to a client that names the host or does not."""
        client = ssl._create_unverified_context()
        client.check_hostname = False
        with (
            socket.create_connection(self.listening.getsockname(), timeout=10) as plain,
            client.wrap_socket(plain, server_hostname=name) as secure,
        ):
            der = secure.getpeercert(binary_form=True)
        assert der is not None
        return x509.load_der_x509_certificate(der)

    def upload(self, pfx: bytes | str, password: str | None = PASSWORD) -> int:
        text = pfx if isinstance(pfx, str) else base64.b64encode(pfx).decode()
        return self.api.client.put(
            f"{CERTIFICATES}/webServer",
            headers=self.api.signed_in(),
            json={
                "webServerCertificatePfxBase64": f"data:application/octet-stream;base64,{text}",
                "webServerCertificatePfxPassword": password,
            },
        ).status_code

    def listed(self) -> dict[str, object]:
        answer = self.api.client.get(CERTIFICATES, headers=self.api.signed_in())
        (only,) = answer.json()
        assert isinstance(only, dict)
        return only


@pytest.fixture
def served(sqlite_database: Database, tmp_path: Path) -> Iterator[Served]:
    served = Served(sqlite_database, tmp_path)
    yield served
    served.listening.close()
    served.api.close()


def test_at_first_there_is_one_that_the_appliance_made_for_itself(served: Served) -> None:
    listed, shown = served.listed(), served.shown()
    assert listed["type"] == "WebServer"
    assert listed["isAutoGenerated"] is True
    assert (listed["keyAlgorithm"], listed["keySize"]) == ("ECDSA", 256)
    assert listed["thumbPrint"] == shown.fingerprint(hashes.SHA1()).hex().upper()
    assert listed["issuedTo"] == listed["issuedBy"] == socket.gethostname()


@pytest.mark.parametrize("name", [None, "backup.example.net"])
def test_an_uploaded_certificate_is_shown_to_whoever_connects_next(
    served: Served, name: str | None
) -> None:
    issued = Issued()
    assert served.upload(issued.pfx()) == 204
    assert served.shown(name) == issued.certificate
    listed = served.listed()
    assert listed["isAutoGenerated"] is False
    assert (listed["keyAlgorithm"], listed["keySize"]) == ("RSA", 2048)
    assert (listed["issuedTo"], listed["serialNumber"]) == ("backup.example.net", "1234ABCD")
    assert listed["expirationDateUtc"] == "2026-03-05T10:00:00Z"
    other = Issued(ec.generate_private_key(ec.SECP384R1()))
    assert served.upload(other.pfx(""), None) == 204
    assert served.shown(name) == other.certificate


def test_it_is_still_there_after_a_restart_and_never_renewed_by_us(served: Served) -> None:
    issued = Issued(ends=timedelta(days=2))
    assert served.upload(issued.pfx()) == 204
    files = ensure_certificate(served.folder, "127.0.0.1", START + timedelta(days=1))
    assert x509.load_pem_x509_certificate(files.certificate_file.read_bytes()) == (
        issued.certificate
    )
    assert files.key_file.stat().st_mode & 0o077 == 0


def test_a_regenerated_one_takes_the_place_of_any_other(served: Served) -> None:
    assert served.upload(Issued().pfx()) == 204
    answer = served.api.client.post(
        f"{CERTIFICATES}/webserver/regenerate", headers=served.api.signed_in()
    )
    assert (answer.status_code, answer.content) == (204, b"")
    assert served.listed()["isAutoGenerated"] is True
    assert served.shown().fingerprint(hashes.SHA1()).hex().upper() == served.listed()["thumbPrint"]


@pytest.mark.acceptance("appliance", 5)
def test_a_pem_file_is_refused(served: Served) -> None:
    issued, before = Issued(), served.listed()
    pem = issued.certificate.public_bytes(serialization.Encoding.PEM)
    key = issued.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    assert served.upload(pem + key) == 400
    assert served.listed() == before


def test_what_could_not_be_used_is_refused_and_changes_nothing(served: Served) -> None:
    before = served.listed()
    good = Issued().pfx()
    assert served.upload(good, "another password") == 400
    assert served.upload(good, None) == 400
    assert served.upload(Issued().pfx(with_key=False)) == 400
    assert served.upload(Issued(ends=timedelta(hours=-1)).pfx()) == 400
    assert served.upload(Issued(begins=timedelta(days=1)).pfx()) == 400
    assert served.upload(Issued(rsa.generate_private_key(65537, 1024)).pfx()) == 400
    assert served.upload(Issued(ed25519.Ed25519PrivateKey.generate()).pfx()) == 400
    assert served.upload(Issued(usage=ExtendedKeyUsageOID.CLIENT_AUTH).pfx()) == 400
    assert served.upload(good[:-20]) == 400
    assert served.upload(b"") == 400
    assert served.upload("this is not base64!") == 400
    assert served.upload(bytes(2_000_000)) == 400
    assert served.listed() == before


def test_a_kill_between_the_two_files_is_made_good_at_the_next_start(tmp_path: Path) -> None:
    files = ensure_certificate(tmp_path, "localhost", START)
    issued = Issued()
    key = issued.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    chain = issued.certificate.public_bytes(serialization.Encoding.PEM)
    (tmp_path / "server.pending").write_bytes(key + chain)
    files.key_file.write_bytes(key)  # and the certificate is still the old one
    ensure_certificate(tmp_path, "localhost", START)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate_file, files.key_file)
    assert files.certificate_file.read_bytes() == chain
    assert sorted(file.name for file in tmp_path.iterdir()) == ["server.crt", "server.key"]


def test_only_an_administrator_sees_or_changes_it(served: Served) -> None:
    headers = served.api.signed_in(Role.READ_ONLY_USER)
    assert served.api.client.get(CERTIFICATES, headers=headers).status_code == 403
    path = f"{CERTIFICATES}/webserver/regenerate"
    assert served.api.client.post(path, headers=headers).status_code == 403
