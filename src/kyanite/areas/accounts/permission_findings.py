"""What accounts may do: asked, measured, and kept as the account's state.

docs/behaviour/accounts-and-users.md, section 1.6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kyanite.areas.accounts import queries
from kyanite.areas.accounts.accounts import in_order
from kyanite.areas.accounts.directory import (
    NO_SUBSCRIPTIONS,
    VALID,
    Subscription,
    View,
    cloud_state,
    look,
    refusal,
)
from kyanite.areas.accounts.drafts import AccountLogin, check_credential, check_purposes
from kyanite.areas.accounts.permission_check import (
    SubscriptionFindings,
    examine,
    listed_only,
    role_hint,
    states,
)
from kyanite.areas.accounts.sign_in import AzureAccess
from kyanite.azure.arm import ArmClient
from kyanite.base.clock import Clock
from kyanite.base.errors import AzureError, Denied, Invalid, Rejected
from kyanite.db.database import Database
from kyanite.rules.permission_sets import ALL_PURPOSES


@dataclass(frozen=True)
class Findings:
    """The outcome of a permission check."""

    environment: str
    tenant_id: str
    tenant_name: str | None
    subscriptions: tuple[SubscriptionFindings, ...]
    roles: tuple[str, ...]


class PermissionFindings:
    """Checks accounts, and logins that are not accounts yet."""

    def __init__(self, database: Database, access: AzureAccess, clock: Clock) -> None:
        self._database = database
        self._access = access
        self._clock = clock

    def of_account(
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
        visible = in_scope(view, account.chosen_subscription_ids)
        scope = account.chosen_subscription_ids or tuple(s.id for s in visible)
        of_scope = examine(arm, view, scope, account.purposes)
        asked_ids = tuple(dict.fromkeys(s.lower() for s in subscription_ids)) or scope
        asked_purposes = in_order(tuple(purposes)) or account.purposes
        if asked_ids == scope and asked_purposes == account.purposes:
            asked = of_scope
        else:
            asked = examine(arm, view, asked_ids, asked_purposes)
        self._record(account.id, view, visible, states(of_scope))
        return Findings(
            account.environment, account.tenant_id, view.tenant_name, tuple(asked), role_hint(asked)
        )

    def of_login(self, login: AccountLogin, *, only_list: bool) -> Findings:
        """The same for a login that is not saved; ``only_list``: without looking at rights.

        Raises ``Invalid`` when a value is wrong or Azure refuses the credentials.
        """
        check_purposes(login.purposes)
        check_credential(login, self._clock.now())
        arm, view = sign_in(self._access, login)
        scope = login.subscription_ids or tuple(s.id for s in view.subscriptions)
        if only_list:
            found = listed_only(view, scope)
        else:
            found = examine(arm, view, scope, in_order(login.purposes) or ALL_PURPOSES)
        return Findings(
            login.environment, login.tenant_id, view.tenant_name, tuple(found), role_hint(found)
        )

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
            row.visible_subscription_names = {s.id: s.name for s in visible}
            row.permission_states = list(permission_states)
            row.permissions_checked_at = self._clock.now()

    def _record_refusal(self, account_id: str, error: AzureError) -> None:
        with self._database.writing() as db:
            row = queries.find_row(db, account_id)
            if row is not None:
                row.cloud_state = cloud_state(error)
                row.permission_states = ["Unknown"]
                row.permissions_checked_at = self._clock.now()


def sign_in(access: AzureAccess, login: AccountLogin) -> tuple[ArmClient, View]:
    """A client, and what it sees first. Raises ``Invalid`` when Azure refuses the login."""
    arm = access.try_out(login.environment, login.tenant_id, login.application_id, login.credential)
    try:
        return arm, look(arm, login.tenant_id)
    except (Denied, Rejected) as error:
        member = "applicationCertificate" if login.credential.certificate else "clientSecret"
        raise Invalid.member(member, refusal(error, login.credential.origin)) from error


def in_scope(view: View, chosen: Sequence[str]) -> list[Subscription]:
    """Of what is seen, what an account is meant to work in; nothing chosen is everything."""
    return [s for s in view.subscriptions if not chosen or s.id in chosen]
