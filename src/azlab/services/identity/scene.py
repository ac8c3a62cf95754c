"""The sections `tenant`, `applications`, `users`, `groups` and `machineIdentity` of a scene."""

import uuid
from base64 import b64decode, urlsafe_b64encode
from dataclasses import replace
from datetime import timedelta

from azlab.core.clock import iso
from azlab.core.json_types import (
    JsonObject,
    WrongShape,
    flag_at,
    integer_at,
    object_at,
    objects_at,
    text_at,
    texts_at,
)
from azlab.core.service import Lab
from azlab.core.state import Transaction
from azlab.services.identity import certificates
from azlab.services.identity.managed_identity import put_machine_identity
from azlab.services.identity.state import (
    Application,
    Group,
    Secret,
    Tenant,
    User,
    application_called,
    put_application,
    put_group,
    put_tenant,
    put_user,
    users,
)

SECTIONS = ("tenant", "applications", "users", "groups", "machineIdentity")
_NAMES = uuid.UUID("1f0d6f0e-0a57-4a0b-a4b1-4ea0cbd5a9b0")


def load(lab: Lab, tx: Transaction, scene: JsonObject) -> None:
    """Make the tenant, its applications, people and groups.

    An application without a `secret` gets one that belongs to this directory of the lab;
    `secretDays` lets it end. `certificate` is a certificate in base64 (DER).
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
            flag_at(tenant, "usersMayRegisterApplications") is not False,
        ),
    )
    for one in objects_at(scene, "users"):
        _user(tx, one)
    asked = objects_at(scene, "applications")
    if not asked:
        raise WrongShape("A scene needs at least one application.")
    for position, one in enumerate(asked):
        _application(lab, tx, one, position)
    for one in objects_at(scene, "groups"):
        _group(tx, one)
    if name := text_at(scene, "machineIdentity"):
        found = application_called(tx, name)
        if found is None:
            raise WrongShape(f"No application is called '{name}'.")
        put_machine_identity(tx, found.client_id)


def _application(lab: Lab, tx: Transaction, one: JsonObject, position: int) -> None:
    client_id, object_id = text_at(one, "clientId"), text_at(one, "objectId")
    if not client_id or not object_id:
        raise WrongShape("Each application needs a clientId and an objectId.")
    now = lab.clock.now()
    text = text_at(one, "secret") or urlsafe_b64encode(
        lab.secret("application", client_id)
    ).decode().rstrip("=")
    days = integer_at(one, "secretDays")
    secret = Secret(
        str(uuid.uuid5(_NAMES, f"secret {client_id}")),
        "scene",
        text,
        now,
        now + timedelta(days=days) if days is not None else None,
    )
    application = Application(
        client_id,
        object_id,
        text_at(one, "name") or client_id,
        position,
        str(uuid.uuid5(_NAMES, f"application {client_id}")),
        (secret,),
        owners=tuple(_principal(tx, name) for name in texts_at(one, "owners")),
        graph_roles=tuple(texts_at(one, "graphRoles")),
        created=iso(now),
    )
    if encoded := text_at(one, "certificate"):
        found = certificates.read(b64decode(encoded), "scene")
        application = replace(application, certificates=(found,))
    put_application(tx, application)


def _user(tx: Transaction, one: JsonObject) -> None:
    if not text_at(one, "id") or not text_at(one, "principalName"):
        raise WrongShape("Each of the users needs an id and a principalName.")
    put_user(
        tx,
        User(
            text_at(one, "id"),
            text_at(one, "name") or text_at(one, "principalName"),
            text_at(one, "principalName"),
            text_at(one, "password"),
            tuple(texts_at(one, "roles")),
            flag_at(one, "disabled") is True,
            flag_at(one, "wantsSecondFactor") is True,
        ),
    )


def _group(tx: Transaction, one: JsonObject) -> None:
    if not text_at(one, "id") or not text_at(one, "name"):
        raise WrongShape("Each of the groups needs an id and a name.")
    put_group(
        tx,
        Group(
            text_at(one, "id"),
            text_at(one, "name"),
            tuple(_principal(tx, name) for name in texts_at(one, "members")),
            tuple(_principal(tx, name) for name in texts_at(one, "owners")),
            text_at(one, "description"),
            flag_at(one, "security") is not False,
        ),
    )


def _principal(tx: Transaction, name: str) -> str:
    """The object id of a person (by principal name) or an application (by name)."""
    for user in users(tx):
        if name.lower() == user.principal_name.lower():
            return user.id
    application = application_called(tx, name)
    if application is None:
        raise WrongShape(f"Neither a person nor an application is called '{name}'.")
    return application.object_id
