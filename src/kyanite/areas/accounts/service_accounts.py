"""Use cases of service accounts: save, delete, check.

Those that talk to Azure open their own short transactions, so that no database lock is held
while Azure answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from kyanite.areas.accounts import queries
from kyanite.areas.accounts.accounts import USED_KIND, ServiceAccount, in_order
from kyanite.areas.accounts.credentials import Credential, certificate_expiry
from kyanite.areas.accounts.directory import (
    NO_SUBSCRIPTIONS,
    VALID,
    Subscription,
    View,
    cloud_state,
    look,
    refusal,
)
from kyanite.areas.accounts.permission_check import (
    SubscriptionFindings,
    examine,
    role_hint,
    states,
)
from kyanite.areas.accounts.sign_in import AzureAccess
from kyanite.areas.accounts.tables import ServiceAccountRow
from kyanite.azure.arm import ArmClient
from kyanite.base.clock import Clock
from kyanite.base.errors import AzureError, Conflict, Denied, Invalid, Rejected
from kyanite.base.identifiers import new_id
from kyanite.db.database import Database
from kyanite.db.secrets import SecretBox
from kyanite.db.uses import Thing, lock_used, users_of
from kyanite.rules.naming import CERTIFICATE_NAME_CHARACTERS, account_name_problem
from kyanite.rules.permission_sets import ALL_PURPOSES


class AccountObserver(Protocol):
    """Whoever keeps things per account: told when one comes and goes."""

    def account_saved(self, account_id: str) -> None:
        """The account is saved and can be used; may take a while, as the inventory does."""
        ...

    def account_removed(self, db: Session, account_id: str) -> None:
        """The account is being removed, in this transaction."""
        ...


@dataclass(frozen=True)
class NewAccount:
    """An account to be saved."""

    name: str
    description: str | None
    environment: str
    application_id: str
    tenant_id: str
    credential: Credential
    certificate_name: str | None
    purposes: tuple[str, ...]
    """Empty: all of them."""
    subscription_ids: tuple[str, ...]
    """Empty: every subscription the application can see."""


@dataclass(frozen=True)
class Findings:
    """The outcome of a permission check."""

    account: ServiceAccount
    tenant_name: str | None
    subscriptions: tuple[SubscriptionFindings, ...]
    roles: tuple[str, ...]


class ServiceAccounts:
    """Saves, deletes and checks service accounts."""

    def __init__(
        self,
        database: Database,
        secrets: SecretBox,
        access: AzureAccess,
        clock: Clock,
        observers: Sequence[AccountObserver] = (),
    ) -> None:
        self._database = database
        self._secrets = secrets
        self._access = access
        self._clock = clock
        self._observers = tuple(observers)

    def save(self, new: NewAccount) -> str:
        """Sign in, save, look around for the first time; returns the id.

        Raises ``Invalid`` when a value is wrong or Azure refuses the credentials (nothing is
        saved then), ``Transient`` when Azure does not answer. Missing rights do not prevent
        saving: they become the account's state.
        """
        expires_at = self._validate(new)
        arm, view = self._sign_in(new)
        purposes = in_order(new.purposes) or ALL_PURPOSES
        visible = _in_scope(view, new.subscription_ids)
        scope = new.subscription_ids or tuple(s.id for s in visible)
        findings = examine(arm, view, scope, purposes)
        account_id = new_id()
        row = ServiceAccountRow(
            id=account_id,
            name=new.name,
            name_key=new.name.lower(),
            description=new.description,
            environment=new.environment,
            application_id=new.application_id,
            tenant_id=new.tenant_id,
            tenant_name=view.tenant_name,
            origin=new.credential.origin,
            credential_sealed=new.credential.seal(self._secrets, account_id),
            certificate_name=new.certificate_name if new.credential.certificate else None,
            expires_at=expires_at,
            cloud_state=VALID if visible else NO_SUBSCRIPTIONS,
            purposes=list(purposes),
            chosen_subscription_ids=list(new.subscription_ids),
            visible_subscription_ids=[s.id for s in visible],
            permission_states=list(states(findings)),
            permissions_checked_at=self._clock.now(),
            selected_for_workers=False,
            created_at=self._clock.now(),
        )
        self._insert(row)
        for observer in self._observers:
            observer.account_saved(account_id)
        return account_id

    def delete(self, db: Session, account_id: str) -> None:
        """Remove an account. The application in Entra ID stays as it is.

        Raises ``NotFound``; ``Conflict`` while a policy, a repository or worker management
        needs it.
        """
        lock_used(db, [Thing(USED_KIND, account_id.lower())])
        row = queries.get_row(db, account_id)
        users = users_of(db, Thing(USED_KIND, row.id))
        if users:
            kinds = ", ".join(sorted({user.kind for user in users}))
            raise Conflict(
                f"The service account {row.name} is still used ({kinds}); "
                "choose another account there, or remove it, first.",
                resource_id=row.id,
            )
        if row.selected_for_workers:
            raise Conflict(
                f"The service account {row.name} launches the workers; select another one first.",
                resource_id=row.id,
            )
        for observer in self._observers:
            observer.account_removed(db, row.id)
        queries.delete_row(db, row.id)

    def check_permissions(
        self, account_id: str, subscription_ids: Sequence[str] = (), purposes: Sequence[str] = ()
    ) -> Findings:
        """What the account may do in ``subscription_ids`` (none: its scope), by ``purposes``
        (none: its own), and bring the account's state up to date.

        Raises ``NotFound``, and ``Invalid`` when Azure does not accept its credentials any more.
        """
        with self._database.reading() as db:
            account = queries.get_account(db, account_id)
        arm = self._access.arm_client(account.id)
        try:
            view = look(arm, account.tenant_id)
        except (Denied, Rejected) as error:
            self._record_refusal(account.id, error)
            raise Invalid(
                f"Kyanite cannot sign in as {account.name}. {refusal(error, account.origin)}"
            ) from error
        visible = _in_scope(view, account.chosen_subscription_ids)
        scope = account.chosen_subscription_ids or tuple(s.id for s in visible)
        of_scope = examine(arm, view, scope, account.purposes)
        asked_ids = tuple(dict.fromkeys(s.lower() for s in subscription_ids)) or scope
        asked_purposes = in_order(tuple(purposes)) or account.purposes
        if asked_ids == scope and asked_purposes == account.purposes:
            asked = of_scope
        else:
            asked = examine(arm, view, asked_ids, asked_purposes)
        self._record(account.id, view, visible, states(of_scope))
        return Findings(account, view.tenant_name, tuple(asked), role_hint(asked))

    def _validate(self, new: NewAccount) -> datetime | None:
        """Everything that can be known without Azure; when a certificate ends."""
        problem = account_name_problem(new.name)
        if problem:
            raise Invalid.member("accountInfo.name", problem)
        unknown = [p for p in new.purposes if p not in ALL_PURPOSES]
        if unknown:
            raise Invalid.member(
                "azureAccountPurposes", f"{', '.join(unknown)} is not a purpose of an account."
            )
        if bool(new.credential.secret) == bool(new.credential.certificate):
            raise Invalid.member(
                "clientSecret", "Give either a client secret or a certificate, and not both."
            )
        with self._database.reading() as db:
            if queries.name_is_taken(db, new.name):
                raise _name_taken(new.name)
        if not new.credential.certificate:
            return None
        if not new.certificate_name:
            raise Invalid.member(
                "applicationCertificateName", "A certificate needs a name to be known by."
            )
        if len(new.certificate_name) > CERTIFICATE_NAME_CHARACTERS:
            raise Invalid.member(
                "applicationCertificateName",
                f"The name may have at most {CERTIFICATE_NAME_CHARACTERS} characters.",
            )
        ends = certificate_expiry(new.credential.certificate, new.credential.certificate_password)
        if ends <= self._clock.now():
            raise Invalid.member("applicationCertificate", "The certificate has expired.")
        return ends

    def _sign_in(self, new: NewAccount) -> tuple[ArmClient, View]:
        arm = self._access.try_out(
            new.environment, new.tenant_id, new.application_id, new.credential
        )
        try:
            return arm, look(arm, new.tenant_id)
        except (Denied, Rejected) as error:
            member = "applicationCertificate" if new.credential.certificate else "clientSecret"
            raise Invalid.member(member, refusal(error, new.credential.origin)) from error

    def _insert(self, row: ServiceAccountRow) -> None:
        name = row.name
        try:
            with self._database.writing() as db:
                db.add(row)
        except IntegrityError as error:  # another request has just taken the name
            raise _name_taken(name) from error

    def _record(
        self,
        account_id: str,
        view: View,
        visible: Sequence[Subscription],
        permission_states: Sequence[str],
    ) -> None:
        with self._database.writing() as db:
            row = queries.find_row(db, account_id)
            if row is None:  # deleted meanwhile
                return
            row.cloud_state = VALID if visible else NO_SUBSCRIPTIONS
            row.tenant_name = view.tenant_name or row.tenant_name
            row.visible_subscription_ids = [s.id for s in visible]
            row.permission_states = list(permission_states)
            row.permissions_checked_at = self._clock.now()

    def _record_refusal(self, account_id: str, error: AzureError) -> None:
        with self._database.writing() as db:
            row = queries.find_row(db, account_id)
            if row is not None:
                row.cloud_state = cloud_state(error)
                row.permission_states = ["Unknown"]
                row.permissions_checked_at = self._clock.now()


def _in_scope(view: View, chosen: Sequence[str]) -> list[Subscription]:
    return [s for s in view.subscriptions if not chosen or s.id in chosen]


def _name_taken(name: str) -> Invalid:
    return Invalid.member("accountInfo.name", f"There is a service account named {name} already.")
