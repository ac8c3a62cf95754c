"""The secret half of a service account: a client secret, or a certificate with its key.

It is checked here before it is ever sent, kept sealed in the row of its account, and leaves
this module only as an ``Identity``.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.serialization import pkcs12

from kyanite.azure.credentials import Identity, MachineIdentity, ServicePrincipal
from kyanite.base.errors import Invalid
from kyanite.base.json_types import as_object, as_text
from kyanite.db.secrets import SecretBox

DEVICE_ORIGIN = "Device Authentication"
SECRET_ORIGIN = "Imported Secret"
CERTIFICATE_ORIGIN = "Imported Certificate"
MACHINE_ORIGIN = "Unknown"
"""The contract has no word for the managed identity of the appliance's own machine."""


@dataclass(frozen=True)
class Credential:
    """A secret, or a certificate, or the machine's own identity; the others are empty."""

    secret: str = field(default="", repr=False)
    certificate: bytes = field(default=b"", repr=False)
    certificate_password: str = field(default="", repr=False)
    is_machine: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing is given at all."""
        return not (self.secret or self.certificate or self.is_machine)

    @property
    def origin(self) -> str:
        """``AzureAccountOrigin`` of the contract."""
        if self.is_machine:
            return MACHINE_ORIGIN
        return CERTIFICATE_ORIGIN if self.certificate else SECRET_ORIGIN

    def identity(self, tenant_id: str, application_id: str) -> Identity:
        """What signs in with this credential."""
        if self.is_machine:
            return MachineIdentity(application_id)
        if self.certificate:
            return ServicePrincipal.with_certificate(
                tenant_id, application_id, self.certificate, self.certificate_password
            )
        return ServicePrincipal(tenant_id, application_id, self.secret)

    def seal(self, secrets: SecretBox, account_id: str) -> bytes:
        """The credential as it is stored in the row of ``account_id``."""
        plain = {
            "secret": self.secret,
            "certificate": base64.b64encode(self.certificate).decode(),
            "certificatePassword": self.certificate_password,
            "isMachine": self.is_machine,
        }
        return secrets.seal_text(json.dumps(plain), row_id=account_id)

    @classmethod
    def unseal(cls, secrets: SecretBox, account_id: str, sealed: bytes) -> Credential:
        """The credential stored in the row of ``account_id``. Raises what ``open`` raises."""
        plain = as_object(json.loads(secrets.open_text(sealed, row_id=account_id)))
        return cls(
            secret=as_text(plain.get("secret")),
            certificate=base64.b64decode(as_text(plain.get("certificate"))),
            certificate_password=as_text(plain.get("certificatePassword")),
            is_machine=plain.get("isMachine") is True,
        )


def parse_certificate(text: str) -> bytes:
    """The bytes of an uploaded file: base64, bare or as ``data:…;base64,…``.

    Raises ``Invalid``.
    """
    _, mark, rest = text.partition(";base64,") if text.startswith("data:") else ("", "", text)
    try:
        content = base64.b64decode((rest if mark else text).strip(), validate=True)
    except ValueError:  # also of text that is not ASCII
        content = b""
    if not content:
        raise Invalid.member("applicationCertificate", "The certificate is not base64 text.")
    return content


def certificate_expiry(certificate: bytes, password: str) -> datetime:
    """When a PFX certificate ends. Raises ``Invalid`` when it cannot be read or holds no key."""
    try:
        key, leaf, _ = pkcs12.load_key_and_certificates(certificate, password.encode() or None)
    except ValueError:
        raise Invalid.member(
            "applicationCertificate",
            "The certificate cannot be opened: it is no PFX file, or its password is wrong.",
        ) from None
    if key is None or leaf is None:
        raise Invalid.member(
            "applicationCertificate", "The file must hold a certificate with its private key."
        )
    return leaf.not_valid_after_utc
