"""Tokens of a service account, or of whoever else signs in.

A thin cover over ``azure-identity``, which does the cryptography, the caching and the
retries. It adds what the appliance needs: the authority of a discovered cloud, errors of
our tree, and a way to forget a token that a service does not accept any more.
"""

from __future__ import annotations

import base64
import binascii
import json
import threading
from dataclasses import dataclass, field
from typing import Protocol

from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError as SdkError
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import (
    CertificateCredential,
    ClientSecretCredential,
    CredentialUnavailableError,
    ManagedIdentityCredential,
)

from kyanite.azure.cloud import Cloud
from kyanite.base.errors import Denied, Rejected, Transient
from kyanite.base.json_types import JsonObject, as_object, as_text


class TokenSource(Protocol):
    """What gets tokens from a directory; the classes of ``azure-identity`` are such."""

    def get_token(self, *scopes: str, claims: str | None = None) -> AccessToken:
        """A token for the scopes."""
        ...


class Identity(Protocol):
    """Somebody who can sign in to a cloud."""

    def source(self, cloud: Cloud) -> TokenSource:
        """What gets the tokens. Raises ``ValueError`` when the credentials cannot be used."""
        ...


@dataclass(frozen=True)
class ServicePrincipal:
    """An application in a directory, with a secret or a certificate (PFX or PEM bytes)."""

    tenant_id: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    certificate: bytes = field(default=b"", repr=False)
    certificate_password: str = field(default="", repr=False)

    @classmethod
    def with_certificate(
        cls, tenant_id: str, client_id: str, certificate: bytes, password: str = ""
    ) -> ServicePrincipal:
        """A principal that signs with a certificate's key."""
        return cls(tenant_id, client_id, "", certificate, password)

    def source(self, cloud: Cloud) -> TokenSource:
        """Tokens by the secret or the certificate."""
        verify = cloud.ca_file or True
        if self.certificate:
            return CertificateCredential(
                self.tenant_id,
                self.client_id,
                certificate_data=self.certificate,
                password=self.certificate_password or None,
                authority=cloud.authority,
                disable_instance_discovery=True,
                connection_verify=verify,
            )
        return ClientSecretCredential(
            self.tenant_id,
            self.client_id,
            self.client_secret,
            authority=cloud.authority,
            disable_instance_discovery=True,
            connection_verify=verify,
        )


@dataclass(frozen=True)
class MachineIdentity:
    """The managed identity of the machine we run on; ``client_id`` when it has several."""

    client_id: str = ""

    def source(self, cloud: Cloud) -> TokenSource:  # noqa: ARG002
        """Tokens of the machine's own token service; there is nothing secret to keep."""
        return ManagedIdentityCredential(client_id=self.client_id or None)


class AzureLogin:
    """Gets tokens for an identity, for any scope. Thread-safe; one per account.

    Raises ``Denied`` with the directory's own words when the credentials are wrong, and
    ``Transient`` when the directory does not answer.
    """

    def __init__(self, cloud: Cloud, identity: Identity) -> None:
        self._cloud = cloud
        self._identity = identity
        self._lock = threading.Lock()
        self._source: TokenSource | None = None

    @property
    def cloud(self) -> Cloud:
        """The cloud whose directory is asked."""
        return self._cloud

    def get_token(self, *scopes: str, claims: str | None = None, **options: object) -> AccessToken:
        """A token as the SDK's policies ask for it (``TokenCredential``)."""
        del options  # tenant_id and enable_cae: one tenant, and CAE is asked for by claims
        try:
            with self._lock:
                source = self._source or self._identity.source(self._cloud)
                self._source = source
            return source.get_token(*scopes, claims=claims)
        except CredentialUnavailableError as error:
            raise Denied(f"There is no identity to sign in with: {_words_of(error)}") from error
        except ClientAuthenticationError as error:
            raise Denied(_words_of(error), code=_code_of(error), status=401) from error
        except SdkError as error:
            raise Transient(
                f"{self._cloud.authority} does not answer: {_words_of(error)}"
            ) from error
        except ValueError as error:
            raise Rejected(f"The credentials cannot be used: {error}") from error

    def token(self, scope: str) -> str:
        """The bearer token for ``scope`` (``https://…/.default``)."""
        return self.get_token(scope).token

    def forget(self) -> None:
        """Drop cached tokens: a service has refused one before its time."""
        with self._lock:
            self._source = None

    def object_id(self) -> str:
        """The id of the identity in its directory (``oid``), to which roles are assigned."""
        return as_text(self.claims().get("oid"))

    def claims(self) -> JsonObject:
        """Who we are, as the token for the Resource Manager says it."""
        return as_object(_claims(self.token(self._cloud.arm_scope)))


def _claims(token: str) -> dict[str, str]:
    """The claims of our own token, unchecked: Azure checks it, we only look who we are."""
    try:
        payload = token.split(".")[1]
        claims: dict[str, str] = json.loads(
            base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        )
    except (IndexError, ValueError, binascii.Error):
        return {}
    return claims


def _words_of(error: Exception) -> str:
    """What the directory says; without the trace ids and links that follow it."""
    text = str(error).strip()
    _, mark, rest = text.partition("Authentication failed: ")
    words = (rest if mark else text).partition(" Trace ID:")[0].strip()
    return words.splitlines()[0] if words else type(error).__name__


def _code_of(error: Exception) -> str:
    """The ``AADSTS…`` code, if there is one."""
    for word in str(error).replace(":", " ").split():
        if word.startswith("AADSTS"):
            return word
    return ""
