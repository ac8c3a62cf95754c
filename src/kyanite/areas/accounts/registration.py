"""Making an application in the name of a person, with the least rights its purposes need.

docs/behaviour/accounts-and-users.md, sections 1.1 and 1.6 (point 7): an application with a
service principal, one custom role for each subscription, its assignment, a client secret for a
year, and the service account. What fails halfway is taken back: the application goes, and with
it its assignments.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from kyanite.areas.accounts import queries
from kyanite.areas.accounts.accounts import ServiceAccount, in_order
from kyanite.areas.accounts.credentials import DEVICE_ORIGIN, Credential
from kyanite.areas.accounts.device_sign_ins import DeviceSignIns
from kyanite.areas.accounts.directory import subscriptions_seen
from kyanite.areas.accounts.drafts import AccountLogin, NewAccount, check_name, check_purposes
from kyanite.areas.accounts.service_accounts import ServiceAccounts
from kyanite.areas.accounts.sign_in import AzureAccess
from kyanite.azure.arm import ArmClient
from kyanite.azure.graph import Graph, Registered
from kyanite.azure.pauses import Retries, go_on
from kyanite.base.clock import Clock
from kyanite.base.errors import (
    AzureError,
    CallerError,
    Conflict,
    Denied,
    Gone,
    Invalid,
    KyaniteError,
    Rejected,
)
from kyanite.db.database import Database
from kyanite.rules.custom_role import custom_role
from kyanite.rules.permission_sets import ALL_PURPOSES

SECRET_LIFETIME: Final = timedelta(days=365)
_SECRET_NAME: Final = "Kyanite"
_NAMES: Final = uuid.UUID("4c3a6a0e-0c58-4d4a-9d1e-0f6f3a0f8f11")
_ROLES: Final = "providers/Microsoft.Authorization/roleDefinitions"
_ASSIGNMENTS: Final = "providers/Microsoft.Authorization/roleAssignments"


@dataclass(frozen=True)
class Wish:
    """The account to be made."""

    name: str
    description: str | None
    purposes: tuple[str, ...]
    subscription_ids: tuple[str, ...]
    """Empty: all that the person sees."""
    group_id: str | None = None
    group_name: str | None = None


class Registration:
    """Makes applications, and repairs the rights of those made here."""

    def __init__(
        self,
        database: Database,
        access: AzureAccess,
        sign_ins: DeviceSignIns,
        accounts: ServiceAccounts,
        clock: Clock,
    ) -> None:
        self._database = database
        self._access = access
        self._sign_ins = sign_ins
        self._accounts = accounts
        self._clock = clock

    def create(self, sign_in_id: str, user_id: str, wish: Wish) -> str:
        """Make application, role, secret and account; the id of the account.

        Raises ``NotFound`` for an unknown sign-in; ``Invalid`` when the person may not do it (it
        says what), ``Transient`` when Azure does not answer. Nothing is left then.
        """
        check_name(wish.name)
        check_purposes(wish.purposes)
        with self._database.reading() as db:
            if queries.name_is_taken(db, wish.name):
                raise Invalid.member(
                    "name", f"There is a service account named {wish.name} already."
                )
        person = self._sign_ins.person(sign_in_id, user_id)
        arm = self._access.as_person(person.environment, person.tokens)
        graph = Graph(arm.login)
        purposes = in_order(wish.purposes) or ALL_PURPOSES
        try:
            scope = self._scope(arm, person.tenant_id, wish.subscription_ids)
            made = graph.register(wish.name)
        except (Denied, Rejected) as error:
            raise Invalid(f"{person.name} may not register applications. {error}") from error
        try:
            account_id = self._finish(
                arm, graph, made, wish, purposes, scope, person.environment, person.tenant_id
            )
        except KyaniteError as error:
            self._take_back(arm, graph, made, scope)
            if isinstance(error, Denied | Rejected):
                raise Invalid(
                    f"{person.name} may not give the rights: Owner or User Access Administrator "
                    f"of the subscription is needed. {error}"
                ) from error
            raise
        self._sign_ins.forget(sign_in_id)
        return account_id

    def repair(self, sign_in_id: str, user_id: str, account_id: str) -> None:
        """Give an account, in all its subscriptions, the rights that its purposes need.

        Raises ``NotFound``; ``Invalid`` when the person may not, or is in another tenant.
        """
        with self._database.reading() as db:
            account = queries.get_account(db, account_id)
        person = self._sign_ins.person(sign_in_id, user_id)
        if person.tenant_id.lower() != account.tenant_id.lower():
            raise Invalid(f"{person.name} has signed in to another tenant than {account.name}.")
        arm = self._access.as_person(person.environment, person.tokens)
        try:
            principal_id = self._principal_of(arm, account)
            for subscription_id in account.subscription_ids:
                self._grant(arm, subscription_id, account.application_id, principal_id,
                            account.name, account.purposes)  # fmt: skip
        except (Denied, Rejected, Gone) as error:
            raise Invalid(f"{person.name} could not give the rights. {error}") from error
        self._sign_ins.forget(sign_in_id)
        self._accounts.check_permissions(account.id)

    def _finish(
        self,
        arm: ArmClient,
        graph: Graph,
        made: Registered,
        wish: Wish,
        purposes: tuple[str, ...],
        scope: Sequence[str],
        environment: str,
        tenant_id: str,
    ) -> str:
        for subscription_id in scope:
            self._grant(
                arm, subscription_id, made.application_id, made.principal_id, wish.name, purposes
            )
        if wish.group_id:
            graph.add_to_group(wish.group_id, made.principal_id)
        ends = self._clock.now() + SECRET_LIFETIME
        secret = graph.add_secret(made.object_id, _SECRET_NAME, ends)
        login = AccountLogin(
            environment=environment,
            application_id=made.application_id,
            tenant_id=tenant_id,
            credential=Credential(secret=secret.text),
            certificate_name=None,
            purposes=purposes,
            subscription_ids=tuple(scope) if wish.subscription_ids else (),
        )
        new = NewAccount(
            wish.name,
            wish.description,
            login,
            DEVICE_ORIGIN,
            ends,
            wish.group_id,
            wish.group_name,
        )
        return self._saved(new)

    def _saved(self, new: NewAccount) -> str:
        """A new secret is not known everywhere at once: what is refused is tried again."""
        retries = Retries(go_on)
        while True:
            try:
                return self._accounts.save(new)
            except Invalid as error:
                refused = isinstance(error.__cause__, Denied | Rejected)
                if not refused or not retries.again():
                    raise

    def _scope(self, arm: ArmClient, tenant_id: str, wanted: Sequence[str]) -> list[str]:
        seen = {s.id for s in subscriptions_seen(arm, tenant_id)}
        lost = [one for one in wanted if one not in seen]
        if lost:
            raise Invalid.member("subscriptionIds", f"You do not see {', '.join(lost)}.")
        if not seen:
            raise Invalid.member("subscriptionIds", "You see no subscription in this tenant.")
        return list(wanted) or sorted(seen)

    def _grant(
        self,
        arm: ArmClient,
        subscription_id: str,
        application_id: str,
        principal_id: str,
        name: str,
        purposes: Sequence[str],
    ) -> None:
        """Role and assignment have names that follow from what they are for: again is the same."""
        scope = f"/subscriptions/{subscription_id}"
        role_path, path = _paths(subscription_id, application_id)
        role = custom_role(purposes, f"Kyanite {name} {subscription_id[:8]}", [scope])
        arm.put(role_path, {"properties": role.to_properties()})
        assignment = {
            "roleDefinitionId": role_path,
            "principalId": principal_id,
            "principalType": "ServicePrincipal",
        }
        retries = Retries(go_on)
        while True:
            try:
                arm.put(path, {"properties": assignment})
            except AzureError as error:
                # The directory tells the Resource Manager of new principals a little later.
                if error.code == "PrincipalNotFound" and retries.again():
                    continue
                if error.code == "RoleAssignmentExists":
                    return
                raise
            return

    @staticmethod
    def _principal_of(arm: ArmClient, account: ServiceAccount) -> str:
        return Graph(arm.login).principal_of(account.application_id)

    @staticmethod
    def _take_back(arm: ArmClient, graph: Graph, made: Registered, scope: Sequence[str]) -> None:
        try:
            for subscription_id in scope:
                role, assignment = _paths(subscription_id, made.application_id)
                if arm.find(role) is not None:
                    arm.delete(assignment)
                    arm.delete(role)
            graph.remove_application(made.object_id)
        except (AzureError, CallerError) as error:
            raise Conflict(
                f"The application {made.application_id} was made but could not be set up, nor "
                f"removed again; remove it in Entra ID. {error}"
            ) from error


def _paths(subscription_id: str, application_id: str) -> tuple[str, str]:
    """The ids of role and assignment of an application in a subscription."""
    scope, key = f"/subscriptions/{subscription_id}", f"{application_id} {subscription_id}".lower()
    role, assignment = (uuid.uuid5(_NAMES, f"{word} {key}") for word in ("role", "assignment"))
    return f"{scope}/{_ROLES}/{role}", f"{scope}/{_ASSIGNMENTS}/{assignment}"
