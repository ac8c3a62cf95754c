"""The sections `tenant` and `applications` of a scene."""

from base64 import urlsafe_b64encode

from azlab.core.json_types import JsonObject, WrongShape, object_at, objects_at, text_at
from azlab.core.service import Lab
from azlab.core.state import Transaction
from azlab.services.identity.state import Application, Tenant, put_application, put_tenant

SECTIONS = ("tenant", "applications")


def load(lab: Lab, tx: Transaction, scene: JsonObject) -> None:
    """Make the tenant and its applications.

    An application without a `secret` gets one that belongs to this directory of the lab.
    """
    tenant = object_at(scene, "tenant")
    tenant_id = text_at(tenant, "id")
    if not tenant_id:
        raise WrongShape("The section 'tenant' needs an id.")
    put_tenant(
        tx,
        Tenant(
            tenant_id,
            text_at(tenant, "displayName") or "Lab",
            text_at(tenant, "defaultDomain") or "lab.onmicrosoft.com",
        ),
    )
    asked = objects_at(scene, "applications")
    if not asked:
        raise WrongShape("A scene needs at least one application.")
    for position, one in enumerate(asked):
        client_id = text_at(one, "clientId")
        object_id = text_at(one, "objectId")
        if not client_id or not object_id:
            raise WrongShape("Each application needs a clientId and an objectId.")
        secret = text_at(one, "secret") or urlsafe_b64encode(
            lab.secret("application", client_id)
        ).decode().rstrip("=")
        put_application(
            tx,
            Application(client_id, object_id, text_at(one, "name") or client_id, secret, position),
        )
