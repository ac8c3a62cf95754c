"""What a signed-in person sees and may do: tenants, groups, applications.

docs/behaviour/accounts-and-users.md, section 1.8. The person's token cache comes with the
request and is forgotten with it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeVar

from kyanite.areas.accounts import queries
from kyanite.areas.accounts.directory import Subscription, subscriptions_seen
from kyanite.areas.accounts.sign_in import AzureAccess
from kyanite.azure.arm import ArmClient
from kyanite.azure.graph import Graph, Person
from kyanite.azure.people import PersonTokens
from kyanite.azure.resources import tenants
from kyanite.base.errors import AzureError, Denied, Gone, Invalid, Rejected
from kyanite.base.json_types import as_text
from kyanite.db.database import Database
from kyanite.rules.custom_role import CustomRole, custom_role
from kyanite.rules.permission_sets import ALL_PURPOSES

T = TypeVar("T")
_OWN_TENANT: Final = "organizations"
_TENANT: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z.-]{0,254}")
_ACCESS_STATES: Final = MappingProxyType(
    {
        "AADSTS50076": "MfaRequired",
        "AADSTS50079": "MfaRequired",
        "AADSTS50057": "GuestAccountDisabled",
    }
)


@dataclass(frozen=True)
class PersonSignIn:
    """The token cache of a person, as a request brings it."""

    environment: str
    cache: bytes
    tenant_id: str | None = None


@dataclass(frozen=True)
class TenantView:
    """A tenant as the person sees it."""

    id: str
    name: str | None
    subscriptions: tuple[Subscription, ...]
    may_register: bool | None
    """Whether the person may register applications; ``None`` when it is not known."""
    access: str
    """``TenantAccessStatus`` of the contract."""


@dataclass(frozen=True)
class GroupsView:
    """Groups of a tenant, and what the person may do with them."""

    groups: tuple[tuple[str, str], ...]
    """Id and name."""
    may_set_group: bool
    may_renew_application: bool


class People:
    """Looks at Azure as the person who is signed in."""

    def __init__(self, database: Database, access: AzureAccess) -> None:
        self._database = database
        self._access = access

    def tenants(self, person: PersonSignIn) -> list[TenantView]:
        """The tenants the person is in, each with what is visible there.

        Raises ``Invalid`` when the person's tokens are not accepted at all.
        """
        arm = self._client(person, person.tenant_id)
        found = self._or_refuse(lambda: list(tenants(arm)))
        return [
            self._tenant(person, as_text(one.get("tenantId")), as_text(one.get("displayName")))
            for one in found
        ]

    def groups(self, person: PersonSignIn, tenant_id: str, account_id: str | None) -> GroupsView:
        """The security groups of a tenant, by name. Raises ``NotFound``, ``Invalid``."""
        application = self._application_of(account_id)
        graph = Graph(self._client(person, tenant_id).login)

        def look() -> GroupsView:
            me = graph.me()
            found = [(as_text(g.get("id")), as_text(g.get("displayName"))) for g in graph.groups()]
            found.sort(key=lambda one: (one[1].lower(), one[0]))
            renews = application is not None and _may_manage(graph, me, application)
            return GroupsView(tuple(found), me.manages_groups, renews)

        return self._or_refuse(look)

    def owns_application(
        self,
        person: PersonSignIn,
        tenant_id: str | None,
        application_id: str | None,
        account_id: str | None,
    ) -> bool:
        """Whether the person is an owner of the application (or of that of the account).

        Raises ``NotFound`` for an unknown account, ``Invalid`` when neither is named.
        """
        wanted = application_id or self._application_of(account_id)
        if not wanted:
            raise Invalid.member("applicationId", "Name an application, or an account.")
        if not _TENANT.fullmatch(wanted):
            raise Invalid.member("applicationId", "That is not the id of an application.")
        graph = Graph(self._client(person, tenant_id or person.tenant_id).login)

        def look() -> bool:
            try:
                return graph.owns_application(graph.me(), wanted)
            except Gone:
                return False

        return self._or_refuse(look)

    def role(
        self, person: PersonSignIn, subscription_id: str, purposes: tuple[str, ...]
    ) -> CustomRole:
        """The role to be made in a subscription that the person sees. Raises ``Invalid``."""
        arm = self._client(person, person.tenant_id)
        seen = self._or_refuse(lambda: subscriptions_seen(arm, person.tenant_id or ""))
        if subscription_id not in {one.id for one in seen}:
            raise Invalid.member("subscriptionId", "You do not see this subscription.")
        return custom_role(
            purposes or ALL_PURPOSES, "Kyanite", [f"/subscriptions/{subscription_id}"]
        )

    def _tenant(self, person: PersonSignIn, tenant_id: str, name: str) -> TenantView:
        arm = self._client(person, tenant_id)
        try:
            seen = subscriptions_seen(arm, tenant_id)
        except (Denied, Rejected) as error:
            state = _ACCESS_STATES.get(error.code.rstrip(":"), "TokenAcquisitionError")
            return TenantView(tenant_id, name or None, (), None, state)
        return TenantView(tenant_id, name or None, seen, _may_register(arm), "Available")

    def _client(self, person: PersonSignIn, tenant_id: str | None) -> ArmClient:
        wanted = tenant_id or _OWN_TENANT
        if not _TENANT.fullmatch(wanted):
            raise Invalid.member("tenantId", "That is neither the id of a tenant nor a domain.")
        try:
            tokens = PersonTokens.from_cache(_decoded(person.cache), wanted)
        except ValueError as error:
            raise Invalid.member("accessTokenCache", f"Nobody is signed in: {error}.") from error
        return self._access.as_person(person.environment, tokens)

    def _application_of(self, account_id: str | None) -> str | None:
        if not account_id:
            return None
        with self._database.reading() as db:
            return queries.get_account(db, account_id).application_id

    @staticmethod
    def _or_refuse(look: Callable[[], T]) -> T:
        try:
            return look()
        except (Denied, Rejected) as error:
            raise Invalid.member("accessTokenCache", f"Azure refuses: {error}") from error


def _may_manage(graph: Graph, me: Person, application_id: str) -> bool:
    try:
        return me.manages_applications or graph.owns_application(me, application_id)
    except Gone:
        return False


def _may_register(arm: ArmClient) -> bool | None:
    """Without the right to read the policy nothing is known."""
    graph = Graph(arm.login)
    try:
        return graph.me().manages_applications or graph.people_may_register()
    except AzureError:
        return None


def _decoded(cache: bytes) -> bytes:
    """The cache: base64 as the contract has it; some clients send its JSON text as it is."""
    text = cache.strip()
    if text.startswith(b"{"):
        return text
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise ValueError("the token cache is not base64") from error
