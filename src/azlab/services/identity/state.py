"""The tenant, its applications, people and groups, as documents of the state.

An application is stored under its client id. Its service principal (the object that roles are
assigned to) is part of it; without one the application cannot sign in.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

from azlab.core.clock import iso, moment_or_none
from azlab.core.json_types import (
    JsonObject,
    JsonValue,
    flag_at,
    objects_at,
    text_at,
    texts_at,
)
from azlab.core.rbac import GROUP
from azlab.core.state import Transaction

TENANT, APPLICATION, USER = "tenant", "application", "user"


@dataclass(frozen=True)
class Tenant:
    """The one directory of a lab."""

    id: str
    display_name: str
    default_domain: str
    users_may_register: bool = True
    """Whether people without a role of the directory may register applications."""

    def is_called(self, name: str) -> bool:
        """Whether a path names this tenant, by id or by domain."""
        return name.lower() in (self.id.lower(), self.default_domain.lower())


@dataclass(frozen=True)
class Secret:
    """A client secret."""

    key_id: str
    name: str
    text: str = field(repr=False)
    starts: datetime | None = None
    ends: datetime | None = None
    """None: never."""


@dataclass(frozen=True)
class Certificate:
    """A certificate with which an application proves who it is."""

    key_id: str
    name: str
    der: bytes
    starts: datetime
    ends: datetime


@dataclass(frozen=True)
class Application:
    """An application, and its service principal (whose object id role assignments name)."""

    client_id: str
    object_id: str
    """Of the service principal; empty while there is none."""
    name: str
    position: int
    app_object_id: str = ""
    secrets: tuple[Secret, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    owners: tuple[str, ...] = ()
    """Object ids of people."""
    graph_roles: tuple[str, ...] = ()
    """Permissions of Graph that an administrator has granted to the application itself."""
    created: str = ""
    tags: tuple[str, ...] = ()
    required_access: tuple[JsonObject, ...] = ()

    @property
    def secret(self) -> str:
        """The text of the first secret; empty without any."""
        return self.secrets[0].text if self.secrets else ""


@dataclass(frozen=True)
class User:
    """A person."""

    id: str
    name: str
    principal_name: str
    password: str = field(default="", repr=False)
    roles: tuple[str, ...] = ()
    """Display names of directory roles, such as `Global Administrator`."""
    disabled: bool = False
    wants_second_factor: bool = False
    """Refreshing a token fails until the person has signed in with a second factor."""

    @property
    def is_administrator(self) -> bool:
        """Whether the person may manage every application."""
        return bool(
            {"Global Administrator", "Application Administrator", "Cloud Application Administrator"}
            & set(self.roles)
        )


@dataclass(frozen=True)
class Group:
    """A group of people and service principals."""

    id: str
    name: str
    members: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    description: str = ""
    security: bool = True


def put_tenant(tx: Transaction, tenant: Tenant) -> None:
    """Store the tenant."""
    tx.put(
        TENANT,
        tenant.id.lower(),
        {
            "id": tenant.id,
            "displayName": tenant.display_name,
            "defaultDomain": tenant.default_domain,
            "usersMayRegister": tenant.users_may_register,
        },
    )


def read_tenant(tx: Transaction) -> Tenant:
    """The tenant; LookupError before a scene was loaded."""
    found = tx.first(TENANT)
    if found is None:
        raise LookupError("the lab has no tenant yet")
    document = found[1]
    return Tenant(
        text_at(document, "id"),
        text_at(document, "displayName"),
        text_at(document, "defaultDomain"),
        flag_at(document, "usersMayRegister") is not False,
    )


def put_application(tx: Transaction, application: Application) -> None:
    """Store an application."""
    secrets: list[JsonValue] = [
        {
            "keyId": one.key_id,
            "name": one.name,
            "text": one.text,
            "starts": iso(one.starts) if one.starts else "",
            "ends": iso(one.ends) if one.ends else "",
        }
        for one in application.secrets
    ]
    certificates: list[JsonValue] = [
        {
            "keyId": one.key_id,
            "name": one.name,
            "der": one.der.hex(),
            "starts": iso(one.starts),
            "ends": iso(one.ends),
        }
        for one in application.certificates
    ]
    document: JsonObject = {
        "clientId": application.client_id,
        "objectId": application.object_id,
        "appObjectId": application.app_object_id,
        "name": application.name,
        "secrets": secrets,
        "certificates": certificates,
        "owners": list[JsonValue](application.owners),
        "graphRoles": list[JsonValue](application.graph_roles),
        "created": application.created,
        "tags": list[JsonValue](application.tags),
        "requiredAccess": list[JsonValue](application.required_access),
        "position": application.position,
    }
    tx.put(APPLICATION, application.client_id.lower(), document)


def remove_application(tx: Transaction, client_id: str) -> None:
    """Forget an application with its service principal."""
    tx.delete(APPLICATION, client_id.lower())


def find_application(tx: Transaction, client_id: str) -> Application | None:
    """The application with a client id."""
    found = tx.get(APPLICATION, client_id.lower())
    return None if found is None else _application(found)


def application_called(tx: Transaction, name: str) -> Application | None:
    """The application with a name in the scene."""
    return next((one for one in applications(tx) if one.name == name), None)


def applications(tx: Transaction) -> list[Application]:
    """All applications in the order of the scene, then of their creation."""
    found = [_application(document) for _, document in tx.list(APPLICATION)]
    return sorted(found, key=lambda one: (one.position, one.created, one.client_id))


def first_application(tx: Transaction) -> Application:
    """The one that lab.json names; LookupError without any."""
    found = applications(tx)
    if not found:
        raise LookupError("the scene has no application")
    return found[0]


def put_user(tx: Transaction, user: User) -> None:
    """Store a person."""
    tx.put(
        USER,
        user.id.lower(),
        {
            "id": user.id,
            "name": user.name,
            "principalName": user.principal_name,
            "password": user.password,
            "roles": list[JsonValue](user.roles),
            "disabled": user.disabled,
            "wantsSecondFactor": user.wants_second_factor,
        },
    )


def users(tx: Transaction) -> list[User]:
    """All people."""
    return [_user(document) for _, document in tx.list(USER)]


def find_user(tx: Transaction, name_or_id: str) -> User | None:
    """The person with an object id or a principal name."""
    found = tx.get(USER, name_or_id.lower())
    if found is not None:
        return _user(found)
    wanted = name_or_id.lower()
    return next((one for one in users(tx) if one.principal_name.lower() == wanted), None)


def put_group(tx: Transaction, group: Group) -> None:
    """Store a group; call `lab.rbac.changed()` in the same transaction."""
    tx.put(
        GROUP,
        group.id.lower(),
        {
            "id": group.id,
            "name": group.name,
            "members": list[JsonValue](group.members),
            "owners": list[JsonValue](group.owners),
            "description": group.description,
            "security": group.security,
        },
    )


def groups(tx: Transaction) -> list[Group]:
    """All groups."""
    return [_group(document) for _, document in tx.list(GROUP)]


def find_group(tx: Transaction, group_id: str) -> Group | None:
    """The group with an object id."""
    found = tx.get(GROUP, group_id.lower())
    return None if found is None else _group(found)


def principal_type(tx: Transaction, object_id: str) -> str | None:
    """What a role can be assigned to: `User`, `Group`, `ServicePrincipal`; None for no such id."""
    wanted = object_id.lower()
    if tx.get(USER, wanted) is not None:
        return "User"
    if tx.get(GROUP, wanted) is not None:
        return "Group"
    if wanted and any(one.object_id.lower() == wanted for one in applications(tx)):
        return "ServicePrincipal"
    return None


def without_secret(application: Application, key_id: str) -> Application:
    """The application after a secret was removed."""
    left = tuple(one for one in application.secrets if one.key_id != key_id)
    return replace(application, secrets=left)


def _application(document: JsonObject) -> Application:
    position = document.get("position")
    return Application(
        text_at(document, "clientId"),
        text_at(document, "objectId"),
        text_at(document, "name"),
        position if isinstance(position, int) else 0,
        text_at(document, "appObjectId"),
        tuple(
            Secret(
                text_at(one, "keyId"),
                text_at(one, "name"),
                text_at(one, "text"),
                moment_or_none(text_at(one, "starts")),
                moment_or_none(text_at(one, "ends")),
            )
            for one in objects_at(document, "secrets")
        ),
        tuple(
            Certificate(
                text_at(one, "keyId"),
                text_at(one, "name"),
                bytes.fromhex(text_at(one, "der")),
                datetime.fromisoformat(text_at(one, "starts")),
                datetime.fromisoformat(text_at(one, "ends")),
            )
            for one in objects_at(document, "certificates")
        ),
        tuple(texts_at(document, "owners")),
        tuple(texts_at(document, "graphRoles")),
        text_at(document, "created"),
        tuple(texts_at(document, "tags")),
        tuple(objects_at(document, "requiredAccess")),
    )


def _user(document: JsonObject) -> User:
    return User(
        text_at(document, "id"),
        text_at(document, "name"),
        text_at(document, "principalName"),
        text_at(document, "password"),
        tuple(texts_at(document, "roles")),
        flag_at(document, "disabled") is True,
        flag_at(document, "wantsSecondFactor") is True,
    )


def _group(document: JsonObject) -> Group:
    return Group(
        text_at(document, "id"),
        text_at(document, "name"),
        tuple(texts_at(document, "members")),
        tuple(texts_at(document, "owners")),
        text_at(document, "description"),
        flag_at(document, "security") is not False,
    )
