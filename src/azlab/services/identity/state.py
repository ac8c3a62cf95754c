"""The tenant and its applications."""

from dataclasses import dataclass

from azlab.core.json_types import JsonObject, text_at
from azlab.core.state import Transaction

TENANT, APPLICATION = "tenant", "application"


@dataclass(frozen=True)
class Tenant:
    """The one directory of a lab."""

    id: str
    display_name: str
    default_domain: str

    def is_called(self, name: str) -> bool:
        """Whether a path names this tenant, by id or by domain."""
        return name.lower() in (self.id.lower(), self.default_domain.lower())


@dataclass(frozen=True)
class Application:
    """An application with its service principal (whose object id role assignments name)."""

    client_id: str
    object_id: str
    name: str
    secret: str
    position: int


def put_tenant(tx: Transaction, tenant: Tenant) -> None:
    """Store the tenant."""
    tx.put(
        TENANT,
        tenant.id.lower(),
        {
            "id": tenant.id,
            "displayName": tenant.display_name,
            "defaultDomain": tenant.default_domain,
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
    )


def put_application(tx: Transaction, application: Application) -> None:
    """Store an application."""
    document: JsonObject = {
        "clientId": application.client_id,
        "objectId": application.object_id,
        "name": application.name,
        "secret": application.secret,
        "position": application.position,
    }
    tx.put(APPLICATION, application.client_id.lower(), document)


def find_application(tx: Transaction, client_id: str) -> Application | None:
    """The application with a client id."""
    found = tx.get(APPLICATION, client_id.lower())
    return None if found is None else _application(found)


def application_called(tx: Transaction, name: str) -> Application | None:
    """The application with a name in the scene."""
    return next((one for one in applications(tx) if one.name == name), None)


def applications(tx: Transaction) -> list[Application]:
    """All applications in the order of the scene."""
    found = [_application(document) for _, document in tx.list(APPLICATION)]
    return sorted(found, key=lambda one: one.position)


def first_application(tx: Transaction) -> Application:
    """The one that lab.json names; LookupError without any."""
    found = applications(tx)
    if not found:
        raise LookupError("the scene has no application")
    return found[0]


def _application(document: JsonObject) -> Application:
    position = document.get("position")
    return Application(
        text_at(document, "clientId"),
        text_at(document, "objectId"),
        text_at(document, "name"),
        text_at(document, "secret"),
        position if isinstance(position, int) else 0,
    )
