"""Service principals: what stands for an application in the tenant, and holds its roles."""

import uuid
from dataclasses import replace

from azlab.core.http import Response
from azlab.core.json_types import JsonObject, JsonValue, text_at
from azlab.services.authorization.state import forget_principal
from azlab.services.graph import errors
from azlab.services.graph.call import GraphCall, GraphRoutes
from azlab.services.identity.state import (
    Application,
    applications,
    find_application,
    put_application,
)

_READ = ("Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All")
_WRITE = ("Application.ReadWrite.All",)
_OWNED = "Application.ReadWrite.OwnedBy"
_AS_USER = "Directory.AccessAsUser.All"


def register(routes: GraphRoutes) -> None:
    """Add the routes."""
    read, person_read = (*_READ, _OWNED), (*_READ, _AS_USER)
    write, person_write = (*_WRITE, _OWNED), (*_WRITE, _AS_USER)
    routes.add("GET", "/servicePrincipals", _list, "servicePrincipals.list", application=read,
               person=person_read)  # fmt: skip
    routes.add("POST", "/servicePrincipals", _create, "servicePrincipals.create",
               application=write, person=person_write,
               note="of applications of this tenant only")  # fmt: skip
    for path in ("/servicePrincipals/{id}", "/servicePrincipals(appId='{app}')"):
        routes.add("GET", path, _get, "servicePrincipals.get", application=read,
                   person=person_read)  # fmt: skip
        routes.add("DELETE", path, _delete, "servicePrincipals.delete", application=write,
                   person=person_write)  # fmt: skip


def _list(call: GraphCall) -> Response:
    return call.page(
        "servicePrincipals", [_shown(call, one) for one in applications(call.tx) if one.object_id]
    )


def _create(call: GraphCall) -> Response:
    app_id = text_at(call.json(), "appId")
    application = find_application(call.tx, app_id)
    if application is None:
        raise errors.bad_request(
            f"The appId '{app_id}' of the service principal does not reference a valid application "
            "object."
        )
    _check_rights(call, application)
    if application.object_id:
        raise errors.GraphError(
            409,
            "Request_MultipleObjectsWithSameKeyValue",
            f"The service principal cannot be created, updated, or restored because the service "
            f"principal name {app_id} is already in use.",
        )
    application = replace(application, object_id=str(uuid.uuid4()))
    put_application(call.tx, application)
    return call.one("servicePrincipals", _shown(call, application), 201)


def _get(call: GraphCall) -> Response:
    return call.one("servicePrincipals", _shown(call, _asked(call)))


def _delete(call: GraphCall) -> Response:
    application = _asked(call)
    _check_rights(call, application)
    forget_principal(call.lab, call.tx, application.object_id)
    put_application(call.tx, replace(application, object_id=""))
    return Response(204)


def _check_rights(call: GraphCall, application: Application) -> None:
    owns = call.principal.object_id in application.owners
    if call.user is not None:
        allowed = owns or call.user.is_administrator
    else:
        allowed = owns or call.may(*_WRITE)
    if not allowed:
        raise errors.denied()


def _asked(call: GraphCall) -> Application:
    wanted = call.params.get("id") or call.params["app"]
    for one in applications(call.tx):
        named = one.object_id if "id" in call.params else one.client_id
        if one.object_id and named.lower() == wanted.lower():
            return one
    raise errors.not_found(wanted)


def _shown(call: GraphCall, one: Application) -> JsonObject:
    return {
        "id": one.object_id,
        "appId": one.client_id,
        "displayName": one.name,
        "appDisplayName": one.name,
        "accountEnabled": True,
        "appOwnerOrganizationId": call.lab.tenant_id,
        "servicePrincipalType": "Application",
        "tags": list[JsonValue](one.tags),
    }
