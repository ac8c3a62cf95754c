"""Use cases of service accounts: save, change, delete.

Those that talk to Azure open their own short transactions, so that no database lock is held
while Azure answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from kyanite.areas.accounts import queries
from kyanite.areas.accounts.accounts import USED_KIND, in_order
from kyanite.areas.accounts.credentials import Credential
from kyanite.areas.accounts.directory import (
    NO_SUBSCRIPTIONS,
    VALID,
    View,
    is_unknown_tenant,
)
from kyanite.areas.accounts.drafts import (
    AccountLogin,
    NewAccount,
    check_credential,
    check_name,
    check_purposes,
)
from kyanite.areas.accounts.permission_check import examine, states
from kyanite.areas.accounts.permission_findings import (
    Findings,
    PermissionFindings,
    in_scope,
    sign_in,
)
from kyanite.areas.accounts.sign_in import AzureAccess
from kyanite.areas.accounts.tables import ServiceAccountRow
from kyanite.azure.arm import ArmClient
from kyanite.base.clock import Clock
from kyanite.base.errors import AzureError, Conflict, Invalid
from kyanite.base.identifiers import new_id
from kyanite.db.database import Database
from kyanite.db.secrets import SecretBox
from kyanite.db.uses import Thing, lock_used, users_of
from kyanite.rules.account_edits import AccountScope, AccountUser, EditIssue, edit_issues
from kyanite.rules.permission_sets import ALL_PURPOSES

DescribeUsers = Callable[[Session, str], Sequence[AccountUser]]
"""Says which repositories, or policies, work with an account (by its id)."""


class AccountObserver(Protocol):
    """Whoever keeps things per account: told when one comes and goes."""

    def account_saved(self, account_id: str) -> None:
        """The account is saved and can be used; may take a while, as the inventory does."""
        ...

    def account_removed(self, db: Session, account_id: str) -> None:
        """The account is being removed, in this transaction."""
        ...


class ServiceAccounts:
    """Saves, changes and deletes service accounts."""

    def __init__(
        self,
        database: Database,
        secrets: SecretBox,
        access: AzureAccess,
        clock: Clock,
        observers: Sequence[AccountObserver] = (),
        describe_users: Sequence[DescribeUsers] = (),
    ) -> None:
        self._database = database
        self._secrets = secrets
        self._access = access
        self._clock = clock
        self._observers = tuple(observers)
        self._describe_users = tuple(describe_users)
        self.findings = PermissionFindings(database, access, clock)

    def save(self, new: NewAccount) -> str:
        """Sign in, save, look around for the first time; returns the id.

        Raises ``Invalid`` when a value is wrong or Azure refuses the credentials (nothing is
        saved then), ``Transient`` when Azure does not answer. Missing rights do not prevent
        saving: they become the account's state.
        """
        check_name(new.name)
        check_purposes(new.login.purposes)
        with self._database.reading() as db:
            if queries.name_is_taken(db, new.name):
                raise _name_taken(new.name)
        ends = check_credential(new.login, self._clock.now())
        arm, view = sign_in(self._access, new.login)
        account_id = new_id()
        row = ServiceAccountRow(
            id=account_id,
            name=new.name,
            name_key=new.name.lower(),
            description=new.description,
            selected_for_workers=False,
            created_at=self._clock.now(),
            group_id=new.group_id,
            group_name=new.group_name,
        )
        self._fill(row, new.login, ends or new.secret_ends_at, new.origin, arm, view)
        self._write(lambda db: db.add(row), new.name)
        self._tell(account_id)
        return account_id

    def update(
        self, account_id: str, name: str, description: str | None, login: AccountLogin | None
    ) -> str:
        """Change an account; without ``login`` only its name and description. Returns the id.

        Raises ``NotFound``; ``Invalid`` as ``save``; ``Conflict`` when somebody relies on what
        the change takes away.
        """
        check_name(name)
        with self._database.reading() as db:
            row = queries.get_row(db, account_id)
            own_id = row.id
            if queries.name_is_taken(db, name, beside=own_id):
                raise _name_taken(name)
            if login is not None:
                login = self.complete(db, own_id, login)
                self._refuse(row, self._issues(db, row, login))

        def rename(db: Session) -> ServiceAccountRow:
            lock_used(db, [Thing(USED_KIND, own_id)])
            found = queries.get_row(db, own_id)
            found.name, found.name_key, found.description = name, name.lower(), description
            return found

        if login is None:
            self._write(rename, name)
            return own_id
        check_purposes(login.purposes)
        ends = check_credential(login, self._clock.now())
        try:
            arm, view = sign_in(self._access, login)
        except Invalid as error:
            raise _about_tenant(error, login.tenant_id) from error.__cause__
        fresh = ServiceAccountRow(id=own_id)
        self._fill(fresh, login, ends, None, arm, view)
        wanted = login

        def change(db: Session) -> None:
            found = rename(db)
            # Somebody may have begun to rely on it while Azure was asked.
            self._refuse(found, self._issues(db, found, wanted))
            keeps = _same_credential(self._secrets, found, wanted)
            for column in _REPLACED:
                if not (keeps and column in ("credential_sealed", "origin", "expires_at")):
                    setattr(found, column, getattr(fresh, column))

        self._write(change, name)
        self._tell(own_id)
        return own_id

    def validate_update(
        self, db: Session, account_id: str, name: str, login: AccountLogin | None
    ) -> list[EditIssue]:
        """What speaks against such a change. Raises ``NotFound``, ``Invalid``; changes nothing."""
        check_name(name)
        row = queries.get_row(db, account_id)
        if queries.name_is_taken(db, name, beside=row.id):
            raise _name_taken(name)
        if login is None:
            return []
        check_purposes(login.purposes)
        complete = self.complete(db, row.id, login)
        check_credential(complete, self._clock.now())
        return self._issues(db, row, complete)

    def complete(self, db: Session, account_id: str | None, login: AccountLogin) -> AccountLogin:
        """The login with the stored credential of an account, when it brings none of its own.

        Only for the application it belongs to: a secret is never sent under another name.
        Raises ``NotFound``, ``Invalid``.
        """
        if account_id is None or not login.credential.is_empty:
            return login
        row = queries.get_row(db, account_id)
        stays = (login.environment, login.tenant_id, login.application_id) == (
            row.environment,
            row.tenant_id,
            row.application_id,
        )
        if not stays:
            raise Invalid.member(
                "clientSecret", "Another application needs a client secret or certificate."
            )
        credential = Credential.unseal(self._secrets, row.id, row.credential_sealed)
        return replace(
            login,
            credential=credential,
            certificate_name=login.certificate_name or row.certificate_name,
        )

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
        """As ``PermissionFindings.of_account``."""
        return self.findings.of_account(account_id, subscription_ids, purposes)

    def _fill(
        self,
        row: ServiceAccountRow,
        login: AccountLogin,
        ends: datetime | None,
        origin: str | None,
        arm: ArmClient,
        view: View,
    ) -> None:
        """Everything that follows from the login and from what it sees."""
        purposes = in_order(login.purposes) or ALL_PURPOSES
        visible = in_scope(view, login.subscription_ids)
        scope = login.subscription_ids or tuple(s.id for s in visible)
        row.environment = login.environment
        row.application_id = login.application_id
        row.tenant_id = login.tenant_id
        row.tenant_name = view.tenant_name
        row.origin = origin or login.credential.origin
        row.credential_sealed = login.credential.seal(self._secrets, row.id)
        row.certificate_name = login.certificate_name if login.credential.certificate else None
        row.expires_at = ends
        row.cloud_state = VALID if visible else NO_SUBSCRIPTIONS
        row.purposes = list(purposes)
        row.chosen_subscription_ids = list(login.subscription_ids)
        row.visible_subscription_ids = [s.id for s in visible]
        row.visible_subscription_names = {s.id: s.name for s in visible}
        row.permission_states = list(states(examine(arm, view, scope, purposes)))
        row.permissions_checked_at = self._clock.now()

    def _issues(self, db: Session, row: ServiceAccountRow, login: AccountLogin) -> list[EditIssue]:
        account = queries.get_account(db, row.id)
        before = AccountScope(
            account.tenant_id,
            frozenset(account.purposes),
            frozenset(account.chosen_subscription_ids) or None,
            account.worker_subscription_id,
            account.selected_for_workers,
        )
        after = AccountScope(
            login.tenant_id,
            frozenset(login.purposes or ALL_PURPOSES),
            frozenset(login.subscription_ids) or None,
        )
        users = [user for describe in self._describe_users for user in describe(db, row.id)]
        return edit_issues(before, after, users)

    @staticmethod
    def _refuse(row: ServiceAccountRow, issues: Sequence[EditIssue]) -> None:
        errors = [issue for issue in issues if issue.is_error]
        if errors:
            names = sorted({n for i in errors for n in (*i.resources, i.policy or "") if n})
            needed = f" ({', '.join(names)})" if names else ""
            raise Conflict(
                f"The service account {row.name} is used in a way that forbids the change{needed}: "
                f"{', '.join(sorted({issue.type for issue in errors}))}.",
                resource_id=row.id,
            )

    def _write(self, change: Callable[[Session], object], name: str) -> None:
        try:
            with self._database.writing() as db:
                change(db)
        except IntegrityError as error:  # another request has just taken the name
            raise _name_taken(name) from error

    def _tell(self, account_id: str) -> None:
        for observer in self._observers:
            observer.account_saved(account_id)


_REPLACED = (
    *("environment", "application_id", "tenant_id", "tenant_name", "origin", "credential_sealed"),
    *("certificate_name", "expires_at", "cloud_state", "purposes", "chosen_subscription_ids"),
    *("visible_subscription_ids", "visible_subscription_names", "permission_states"),
    "permissions_checked_at",
)


def _same_credential(secrets: SecretBox, row: ServiceAccountRow, login: AccountLogin) -> bool:
    """Whether the account keeps what it signs in with (so its origin and end stay known)."""
    return Credential.unseal(secrets, row.id, row.credential_sealed) == login.credential


def _about_tenant(error: Invalid, tenant_id: str) -> Invalid:
    """The error, under the code that clients know when it is the tenant that cannot be reached
    (docs/behaviour/api-conventions.md, section 10)."""
    cause = error.__cause__
    if not isinstance(cause, AzureError) or not is_unknown_tenant(cause):
        return error
    words = [f"The tenant {tenant_id} cannot be reached."]
    return Invalid(str(error), {**error.errors, "CannotAccessTenantOfEditedServiceAccount": words})


def _name_taken(name: str) -> Invalid:
    return Invalid.member("accountInfo.name", f"There is a service account named {name} already.")
