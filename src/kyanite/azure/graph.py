"""Microsoft Graph: applications and their owners, groups, the organization."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from kyanite.azure.credentials import AzureLogin
from kyanite.azure.json_service import JsonService
from kyanite.base.errors import Gone
from kyanite.base.json_types import JsonObject, as_list, as_object, as_text, dig

_PAGE = "999"
_MANAGES_APPLICATIONS = frozenset(
    {"Global Administrator", "Application Administrator", "Cloud Application Administrator"}
)
_MANAGES_GROUPS = frozenset({"Global Administrator", "Groups Administrator", "User Administrator"})


@dataclass(frozen=True)
class Person:
    """Who is signed in."""

    id: str
    name: str
    roles: frozenset[str]
    """Names of directory roles."""

    @property
    def manages_applications(self) -> bool:
        """Whether every application of the directory may be changed."""
        return bool(self.roles & _MANAGES_APPLICATIONS)

    @property
    def manages_groups(self) -> bool:
        """Whether the members of every group may be changed."""
        return bool(self.roles & _MANAGES_GROUPS)


@dataclass(frozen=True)
class Registered:
    """An application with its service principal."""

    object_id: str
    application_id: str
    principal_id: str


@dataclass(frozen=True)
class NewSecret:
    """A client secret just made; the text is told once."""

    key_id: str
    text: str = field(repr=False)
    ends: datetime | None = None


class Graph:
    """The directory, seen by one identity. Everything raises an ``AzureError``."""

    def __init__(self, login: AzureLogin) -> None:
        cloud = login.cloud
        self._service = JsonService(f"{cloud.graph}/v1.0", login, cloud.graph_scope)

    def me(self) -> Person:
        """The person; ``Rejected`` for an application by itself."""
        me = self._service.get("/me", {"$select": "id,displayName,userPrincipalName"})
        roles = {
            as_text(one.get("displayName"))
            for one in self._service.list("/me/memberOf", {"$top": _PAGE})
            if as_text(one.get("@odata.type")).endswith("directoryRole")
        }
        return Person(as_text(me.get("id")), as_text(me.get("userPrincipalName")), frozenset(roles))

    def groups(self) -> Iterator[JsonObject]:
        """Security groups with ``id`` and ``displayName``."""
        return self._service.list(
            "/groups",
            {"$select": "id,displayName", "$filter": "securityEnabled eq true", "$top": _PAGE},
        )

    def people_may_register(self) -> bool:
        """Whether the directory lets everybody register applications."""
        policy = self._service.get("/policies/authorizationPolicy")
        return dig(policy, "defaultUserRolePermissions", "allowedToCreateApps") is True

    def owns_application(self, person: Person, application_id: str) -> bool:
        """Whether the person is an owner; ``Gone`` for no such application."""
        owners = self._service.list(f"/applications(appId='{application_id}')/owners")
        return any(as_text(one.get("id")) == person.id for one in owners)

    def register(self, name: str) -> Registered:
        """A new application with a service principal, owned by whoever is signed in."""
        application = self._service.post(
            "/applications", {"displayName": name, "signInAudience": "AzureADMyOrg"}
        )
        application_id = as_text(application.get("appId"))
        principal = self._service.post("/servicePrincipals", {"appId": application_id})
        return Registered(
            as_text(application.get("id")), application_id, as_text(principal.get("id"))
        )

    def remove_application(self, object_id: str) -> None:
        """Remove an application; what is not there is gone already."""
        try:
            self._service.delete(f"/applications/{object_id}")
        except Gone:
            return

    def principal_of(self, application_id: str) -> str:
        """The object id of the service principal of an application."""
        found = self._service.get(f"/servicePrincipals(appId='{application_id}')")
        return as_text(found.get("id"))

    def add_secret(self, application_object_id: str, name: str, ends: datetime) -> NewSecret:
        """A new client secret that ends at ``ends``."""
        answer = self._service.post(
            f"/applications/{application_object_id}/addPassword",
            {
                "passwordCredential": {
                    "displayName": name,
                    "endDateTime": ends.isoformat().replace("+00:00", "Z"),
                }
            },
        )
        return NewSecret(as_text(answer.get("keyId")), as_text(answer.get("secretText")), ends)

    def add_to_group(self, group_id: str, principal_id: str) -> None:
        """Make a service principal a member of a group."""
        reference = f"{self._service.base_url}/directoryObjects/{principal_id}"
        self._service.post(f"/groups/{group_id}/members/$ref", {"@odata.id": reference})

    def tenant_name(self) -> str | None:
        """What the directory is called."""
        answer = self._service.get("/organization")
        for one in as_list(answer.get("value")):
            return as_text(as_object(one).get("displayName")) or None
        return None
