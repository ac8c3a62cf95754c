"""Ways to sign in besides a client secret: certificates, device codes, managed identity."""

import base64
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import (
    CertificateCredential,
    DeviceCodeCredential,
    ManagedIdentityCredential,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from support.lab import Azure, Control
from support.lab_clients import subscriptions
from support.lab_people import ADA, AZURE_CLI, BERT, answer_code, person

OWNER = "0c8f6d1e-6a52-4b8e-8d6f-1f2b7a3c4d01"


@dataclass(frozen=True)
class Identity:
    """A certificate with its key."""

    pfx: bytes
    der: bytes


def certificate(days: float = 30) -> Identity:
    """A self-signed certificate that ends in so many days."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kyanite")])
    ends = datetime.now(UTC) + timedelta(days=days)
    found = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ends - timedelta(days=100))
        .not_valid_after(ends)
        .sign(key, hashes.SHA256())
    )
    pfx = pkcs12.serialize_key_and_certificates(
        b"kyanite", key, found, None, BestAvailableEncryption(b"p")
    )
    return Identity(pfx, found.public_bytes(Encoding.DER))


def graph(
    azure: Azure, token: str, method: str, path: str, body: object = None
) -> requests.Response:
    """A call of Graph."""
    return azure.call(method, f"{azure.graph}/v1.0{path}", body, token=token)


def signed_in_with(azure: Azure, pfx: bytes, client_id: str) -> CertificateCredential:
    return CertificateCredential(
        azure.tenant_id,
        client_id,
        certificate_data=pfx,
        password="p",
        authority=azure.login,
        disable_instance_discovery=True,
        connection_verify=azure.ca or True,
    )


@pytest.fixture
def give_certificate(azure: Azure) -> Callable[[Identity], None]:
    """Makes a certificate the only one of the owner's application."""
    token = person(azure, *ADA).get_token(f"{azure.graph}/.default").token

    def give(identity: Identity) -> None:
        key = base64.b64encode(identity.der).decode()
        credential = {"type": "AsymmetricX509Cert", "usage": "Verify", "key": key}
        answer = graph(
            azure, token, "PATCH", f"/applications(appId='{OWNER}')",
            {"keyCredentials": [credential]},
        )  # fmt: skip
        assert answer.status_code == 204, answer.text

    return give


@pytest.mark.control
def test_an_application_signs_in_with_its_certificate(
    azure: Azure, control: Control, give_certificate: Callable[[Identity], None]
) -> None:
    identity = certificate()
    give_certificate(identity)
    credential = signed_in_with(azure, identity.pfx, OWNER)
    listed = subscriptions(azure, credential).subscriptions.list()
    assert {one.subscription_id for one in listed} == set(azure.subscription_ids)


@pytest.mark.control
def test_a_certificate_of_somebody_else_is_refused(
    azure: Azure, control: Control, give_certificate: Callable[[Identity], None]
) -> None:
    give_certificate(certificate())
    with pytest.raises(ClientAuthenticationError) as caught:
        signed_in_with(azure, certificate().pfx, OWNER).get_token(f"{azure.arm}/.default")
    assert "AADSTS700027" in str(caught.value)
    assert "key was not found" in str(caught.value)


@pytest.mark.control
def test_a_certificate_ends_when_the_clock_of_the_lab_says_so(
    azure: Azure, fresh: Control, give_certificate: Callable[[Identity], None]
) -> None:
    identity = certificate(days=0.02)
    give_certificate(identity)
    scope = f"{azure.arm}/.default"
    assert signed_in_with(azure, identity.pfx, OWNER).get_token(scope)
    fresh.advance(3600)
    with pytest.raises(ClientAuthenticationError) as caught:
        signed_in_with(azure, identity.pfx, OWNER).get_token(scope)
    assert "AADSTS7000" in str(caught.value)
    fresh.reset()


def test_an_assertion_signed_by_another_key_under_the_right_name_is_refused(
    azure: Azure, give_certificate: Callable[[Identity], None]
) -> None:
    identity = certificate()
    give_certificate(identity)
    digest = hashes.Hash(hashes.SHA1())
    digest.update(identity.der)
    thumbprint = base64.urlsafe_b64encode(digest.finalize()).decode().rstrip("=")
    now = int(datetime.now(UTC).timestamp())
    token_url = f"{azure.login}/{azure.tenant_id}/oauth2/v2.0/token"
    assertion = jwt.encode(
        {"aud": token_url, "iss": OWNER, "sub": OWNER, "exp": now + 300, "nbf": now,
         "jti": str(uuid.uuid4())},
        rsa.generate_private_key(65537, 2048),
        "RS256",
        {"x5t": thumbprint},
    )  # fmt: skip
    answer = requests.post(
        token_url,
        data={
            "grant_type": "client_credentials",
            "client_id": OWNER,
            "client_assertion": assertion,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "scope": f"{azure.arm}/.default",
        },
        verify=azure.ca or True,
        timeout=30,
    )
    assert answer.status_code == 401
    assert answer.json()["error_codes"] == [700027]


def test_a_person_signs_in_with_a_code_and_works_with_their_own_rights(azure: Azure) -> None:
    listed = subscriptions(azure, person(azure, *ADA)).subscriptions.list()
    assert {one.subscription_id for one in listed} == set(azure.subscription_ids)
    assert list(subscriptions(azure, person(azure, *BERT)).subscriptions.list()) == []


def test_one_sign_in_is_enough_for_several_services(azure: Azure) -> None:
    credential = person(azure, *ADA)
    credential.get_token(f"{azure.arm}/.default")
    token = credential.get_token(f"{azure.graph}/.default").token
    answer = graph(azure, token, "GET", "/me")
    assert answer.json()["userPrincipalName"] == ADA[0]


def test_a_person_may_decline(azure: Azure) -> None:
    with pytest.raises(ClientAuthenticationError) as caught:
        person(azure, *ADA, answer="no").get_token(f"{azure.arm}/.default")
    assert "AADSTS70018" in str(caught.value)


def test_a_wrong_password_leaves_the_code_open(azure: Azure) -> None:
    codes: list[int] = []

    def prompt(uri: str, code: str, expires: datetime) -> None:
        codes.append(answer_code(azure, code, ADA[0], "wrong"))
        threading.Thread(target=answer_code, args=(azure, code, *ADA)).start()

    credential = DeviceCodeCredential(
        tenant_id=azure.tenant_id,
        authority=azure.login,
        disable_instance_discovery=True,
        connection_verify=azure.ca or True,
        prompt_callback=prompt,
    )
    assert credential.get_token(f"{azure.arm}/.default").token
    assert codes == [400]


def _device_token(azure: Azure, device_code: str) -> requests.Response:
    return requests.post(
        f"{azure.login}/{azure.tenant_id}/oauth2/v2.0/token",
        data={
            "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
            "client_id": AZURE_CLI,
            "device_code": device_code,
        },
        verify=azure.ca or True,
        timeout=30,
    )


@pytest.mark.control
def test_a_code_is_pending_then_too_old(azure: Azure, fresh: Control) -> None:
    started = requests.post(
        f"{azure.login}/{azure.tenant_id}/oauth2/v2.0/devicecode",
        data={"client_id": AZURE_CLI, "scope": f"{azure.arm}/.default"},
        verify=azure.ca or True,
        timeout=30,
    ).json()
    assert _device_token(azure, started["device_code"]).json()["error"] == "authorization_pending"
    fresh.advance(started["expires_in"] + 1)
    assert _device_token(azure, started["device_code"]).json()["error"] == "expired_token"
    assert _device_token(azure, "nonsense").json()["error"] == "invalid_grant"
    fresh.reset()


def test_the_machine_beside_the_lab_has_an_identity(
    azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", azure.imds)
    token = ManagedIdentityCredential().get_token(f"{azure.arm}/.default").token
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["appid"] == "0c8f6d1e-6a52-4b8e-8d6f-1f2b7a3c4d02"
    path = "/metadata/identity/oauth2/token?resource=https://management.azure.com"
    assert requests.get(azure.imds + path, timeout=30).status_code == 400
