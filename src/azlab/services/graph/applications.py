"""Applications: registering, secrets and certificates, owners, removal."""

import binascii
import secrets
import uuid
from base64 import b64decode, b64encode
from dataclasses import replace
from datetime import datetime, timedelta

from azlab.core.clock import iso
from azlab.core.http import Response, json_response
from azlab.core.json_types import JsonObject, JsonValue, object_at, objects_at, text_at, texts_at
from azlab.services.authorization.state import forget_principal
from azlab.services.graph import errors
from azlab.services.graph.call import GraphCall, GraphRoutes
from azlab.services.graph.people import shown_user
from azlab.services.identity import certificates
from azlab.services.identity.state import (
    Application,
    Certificate,
    Secret,
    applications,
    find_application,
    find_user,
    put_application,
    read_tenant,
    remove_application,
    without_secret,
)

_READ = ("Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All")
_WRITE = ("Application.ReadWrite.All",)
_OWNED = "Application.ReadWrite.OwnedBy"
_AS_USER = "Directory.AccessAsUser.All"
_BY_ID, _BY_APP = "/applications/{id}", "/applications(appId='{app}')"
# The end of the scene comes first in lists; what is made later follows by its time.
_LATER = 1 << 30
_SECRET_YEARS = 2


def register(routes: GraphRoutes) -> None:
    """Add the routes, by object id and by application id."""
    read, write = (*_READ, _OWNED), (*_WRITE, _OWNED)
    person_read, person_write = (*_READ, _AS_USER), (*_WRITE, _AS_USER)
    add = routes.add
    add("GET", "/applications", _list, "applications.list", application=read, person=person_read)
    add("POST", "/applications", _create, "applications.create", application=write,
        person=person_write)  # fmt: skip
    for path in (_BY_ID, _BY_APP):
        add("GET", path, _get, "applications.get", application=read, person=person_read)
        add("PATCH", path, _patch, "applications.update", application=write, person=person_write,
            note="displayName, tags, keyCredentials, requiredResourceAccess")  # fmt: skip
        add("DELETE", path, _delete, "applications.delete", application=write,
            person=person_write, note="gone at once: there is no bin")  # fmt: skip
        add("POST", f"{path}/addPassword", _add_password, "applications.addPassword",
            application=write, person=person_write)  # fmt: skip
        add("POST", f"{path}/removePassword", _remove_password, "applications.removePassword",
            application=write, person=person_write)  # fmt: skip
        add("GET", f"{path}/owners", _owners, "applications.owners", application=read,
            person=person_read)  # fmt: skip
        add("POST", f"{path}/owners/$ref", _add_owner, "applications.addOwner", application=write,
            person=person_write)  # fmt: skip


def _list(call: GraphCall) -> Response:
    return call.page("applications", map(shown_application, applications(call.tx)))


def _get(call: GraphCall) -> Response:
    return call.one("applications", shown_application(_asked(call)))


def _create(call: GraphCall) -> Response:
    if call.user is not None:
        allowed = call.user.is_administrator or read_tenant(call.tx).users_may_register
        if not allowed:
            raise errors.denied()
    asked = call.json()
    name = text_at(asked, "displayName")
    if not name:
        raise errors.bad_request(
            "A value is required for property 'displayName' of resource 'Application'."
        )
    now = call.request.now
    application = Application(
        str(uuid.uuid4()),
        "",
        name,
        _LATER,
        str(uuid.uuid4()),
        owners=(call.principal.object_id,),
        created=iso(now),
        tags=tuple(texts_at(asked, "tags")),
        required_access=tuple(objects_at(asked, "requiredResourceAccess")),
    )
    application = replace(application, certificates=_certificates(asked, now))
    put_application(call.tx, application)
    return call.one("applications", shown_application(application), 201)


def _patch(call: GraphCall) -> Response:
    application = _writable(call)
    asked = call.json()
    if "displayName" in asked:
        application = replace(application, name=text_at(asked, "displayName"))
    if "tags" in asked:
        application = replace(application, tags=tuple(texts_at(asked, "tags")))
    if "requiredResourceAccess" in asked:
        access = tuple(objects_at(asked, "requiredResourceAccess"))
        application = replace(application, required_access=access)
    if "keyCredentials" in asked:
        kept = _certificates(asked, call.request.now, application)
        application = replace(application, certificates=kept)
    put_application(call.tx, application)
    return Response(204)


def _delete(call: GraphCall) -> Response:
    application = _writable(call)
    remove_application(call.tx, application.client_id)
    if application.object_id:
        forget_principal(call.lab, call.tx, application.object_id)
    return Response(204)


def _add_password(call: GraphCall) -> Response:
    application = _writable(call)
    asked = object_at(call.json(), "passwordCredential")
    now = call.request.now
    ends = _moment(text_at(asked, "endDateTime"), now + timedelta(days=365 * _SECRET_YEARS))
    if ends <= now:
        raise errors.bad_request("Key credential end date is invalid.")
    secret = Secret(
        str(uuid.uuid4()),
        text_at(asked, "displayName"),
        f"{secrets.token_urlsafe(3)[:3]}8Q~{secrets.token_urlsafe(27)[:34]}",
        _moment(text_at(asked, "startDateTime"), now),
        ends,
    )
    put_application(call.tx, replace(application, secrets=(*application.secrets, secret)))
    body = {**_shown_secret(secret), "secretText": secret.text}
    return json_response(200, body)


def _remove_password(call: GraphCall) -> Response:
    application = _writable(call)
    key_id = text_at(call.json(), "keyId")
    if all(one.key_id != key_id for one in application.secrets):
        raise errors.bad_request("No password credential found with keyId.")
    put_application(call.tx, without_secret(application, key_id))
    return Response(204)


def _owners(call: GraphCall) -> Response:
    found = (find_user(call.tx, one) for one in _asked(call).owners)
    return call.page("directoryObjects", [shown_user(one) for one in found if one is not None])


def _add_owner(call: GraphCall) -> Response:
    application = _writable(call)
    owner = text_at(call.json(), "@odata.id").rstrip("/").rsplit("/", 1)[-1]
    if find_user(call.tx, owner) is None:
        raise errors.not_found(owner)
    if owner in application.owners:
        raise errors.bad_request(
            "One or more added object references already exist for the following modified "
            "properties: 'owners'."
        )
    put_application(call.tx, replace(application, owners=(*application.owners, owner)))
    return Response(204)


def _asked(call: GraphCall) -> Application:
    if (app := call.params.get("app")) is not None:
        found = find_application(call.tx, app)
        wanted = app
    else:
        wanted = call.params["id"].lower()
        found = next((x for x in applications(call.tx) if x.app_object_id.lower() == wanted), None)
    if found is None:
        raise errors.not_found(wanted)
    return found


def _writable(call: GraphCall) -> Application:
    """The application, if the caller may change it: administrators, and owners."""
    found = _asked(call)
    owns = call.principal.object_id in found.owners
    if call.user is not None:
        if not owns and not call.user.is_administrator:
            raise errors.denied()
    elif not owns and not call.may(*_WRITE):
        raise errors.denied()
    return found


def _certificates(
    asked: JsonObject, now: datetime, before: Application | None = None
) -> tuple[Certificate, ...]:
    """`keyCredentials` are given as a whole; those with a known id and no key stay."""
    known = {one.key_id: one for one in before.certificates} if before else {}
    found: list[Certificate] = []
    for one in objects_at(asked, "keyCredentials"):
        if not text_at(one, "key") and text_at(one, "keyId") in known:
            found.append(known[text_at(one, "keyId")])
            continue
        try:
            content = b64decode(text_at(one, "key"), validate=True)
            found.append(certificates.read(content, text_at(one, "displayName")))
        except (ValueError, binascii.Error):
            raise errors.bad_request(
                "Credential type not allowed or the key value is not a certificate."
            ) from None
        if found[-1].ends <= now:
            raise errors.bad_request("Key credential end date is invalid.")
    return tuple(found)


def _moment(text: str, otherwise: datetime) -> datetime:
    if not text:
        return otherwise
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise errors.bad_request(f"'{text}' is not a date.") from None
    return found if found.tzinfo else found.replace(tzinfo=otherwise.tzinfo)


def shown_application(one: Application) -> JsonObject:
    """As Graph shows an application."""
    passwords: list[JsonValue] = [_shown_secret(secret) for secret in one.secrets]
    keys: list[JsonValue] = [
        {
            "customKeyIdentifier": b64encode(certificates.thumbprint(key)).decode(),
            "displayName": key.name or None,
            "endDateTime": iso(key.ends),
            "key": None,
            "keyId": key.key_id,
            "startDateTime": iso(key.starts),
            "type": "AsymmetricX509Cert",
            "usage": "Verify",
        }
        for key in one.certificates
    ]
    return {
        "id": one.app_object_id,
        "appId": one.client_id,
        "displayName": one.name,
        "createdDateTime": one.created,
        "signInAudience": "AzureADMyOrg",
        "tags": list[JsonValue](one.tags),
        "identifierUris": [],
        "keyCredentials": keys,
        "passwordCredentials": passwords,
        "requiredResourceAccess": list[JsonValue](one.required_access),
    }


def _shown_secret(secret: Secret) -> JsonObject:
    return {
        "customKeyIdentifier": None,
        "displayName": secret.name or None,
        "endDateTime": iso(secret.ends) if secret.ends else None,
        "hint": secret.text[:3],
        "keyId": secret.key_id,
        "secretText": None,
        "startDateTime": iso(secret.starts) if secret.starts else None,
    }
