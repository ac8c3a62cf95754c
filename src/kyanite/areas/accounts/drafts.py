"""What a request says an account should be, and what can be known of it without Azure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kyanite.areas.accounts.credentials import Credential, certificate_expiry
from kyanite.base.errors import Invalid
from kyanite.rules.naming import CERTIFICATE_NAME_CHARACTERS, account_name_problem
from kyanite.rules.permission_sets import ALL_PURPOSES


@dataclass(frozen=True)
class AccountLogin:
    """The application, how it signs in, and what it is for."""

    environment: str
    application_id: str
    tenant_id: str
    credential: Credential
    """Empty when the one that is stored stays."""
    certificate_name: str | None
    purposes: tuple[str, ...]
    """Empty: all of them."""
    subscription_ids: tuple[str, ...]
    """Empty: every subscription the application can see."""


@dataclass(frozen=True)
class NewAccount:
    """An account to be saved."""

    name: str
    description: str | None
    login: AccountLogin
    origin: str | None = None
    """``None``: as the credential says."""
    secret_ends_at: datetime | None = None
    """When a secret ends that we have made ourselves."""
    group_id: str | None = None
    group_name: str | None = None


def check_name(name: str) -> None:
    """Raise ``Invalid`` for a name that no account can have."""
    problem = account_name_problem(name)
    if problem:
        raise Invalid.member("accountInfo.name", problem)


def check_purposes(purposes: tuple[str, ...]) -> None:
    """Raise ``Invalid`` for words that are no purposes."""
    unknown = [p for p in purposes if p not in ALL_PURPOSES]
    if unknown:
        raise Invalid.member(
            "azureAccountPurposes", f"{', '.join(unknown)} is not a purpose of an account."
        )


def check_credential(login: AccountLogin, now: datetime) -> datetime | None:
    """When the certificate ends. Raises ``Invalid`` for a credential that cannot be used."""
    credential = login.credential
    if credential.is_machine:
        return None
    if bool(credential.secret) == bool(credential.certificate):
        raise Invalid.member(
            "clientSecret", "Give either a client secret or a certificate, and not both."
        )
    if not credential.certificate:
        return None
    if not login.certificate_name:
        raise Invalid.member(
            "applicationCertificateName", "A certificate needs a name to be known by."
        )
    if len(login.certificate_name) > CERTIFICATE_NAME_CHARACTERS:
        raise Invalid.member(
            "applicationCertificateName",
            f"The name may have at most {CERTIFICATE_NAME_CHARACTERS} characters.",
        )
    ends = certificate_expiry(credential.certificate, credential.certificate_password)
    if ends <= now:
        raise Invalid.member("applicationCertificate", "The certificate has expired.")
    return ends
