"""Discovery, keys and the token endpoint."""

import hmac
from functools import partial
from urllib.parse import parse_qsl, urlsplit

from azlab.core.http import Request, Response, json_response
from azlab.core.json_types import JsonObject, JsonValue
from azlab.core.routing import Router
from azlab.core.service import Lab
from azlab.core.tokens import Principal
from azlab.services.identity import errors
from azlab.services.identity.state import Tenant, find_application, read_tenant

# What Entra gives an application by default.
_TOKEN_SECONDS = 3599
_FORM_LIMIT = 64 << 10
# Resources of the public cloud that clients ask for when they are only given a base URL.
_KNOWN_RESOURCES = frozenset(
    {
        "management.azure.com",
        "management.core.windows.net",
        "storage.azure.com",
        "disk.azure.com",
        "vault.azure.net",
        "graph.microsoft.com",
    }
)


def register(lab: Lab) -> None:
    """Add the routes to the login port."""
    router = Router("login", errors.render_error, ignore_case=True, max_body_bytes=_FORM_LIMIT)
    lab.routers["login"] = router
    for version in ("", "/v2.0"):
        router.add(
            "GET",
            f"/{{tenant}}{version}/.well-known/openid-configuration",
            partial(_discovery, lab),
            operation="OpenIdConfiguration",
        )
        router.add(
            "POST",
            f"/{{tenant}}/oauth2{version}/token",
            partial(_token, lab),
            operation="Token",
            note="client_credentials with a secret only; lifetime 3599 s",
        )
    router.add("GET", "/{tenant}/discovery/v2.0/keys", partial(_keys, lab), operation="Keys")
    router.add("GET", "/{tenant}/discovery/keys", partial(_keys, lab), operation="Keys")


def _discovery(lab: Lab, request: Request, tenant: str) -> Response:
    found = _tenant(lab, tenant, "invalid_tenant")
    base = f"{request.base_url}/{found.id}"
    texts: dict[str, list[JsonValue]] = {
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "nbf", "oid", "tid", "appid"],
    }
    body: JsonObject = {
        "issuer": lab.tokens.issuer(found.id),
        "token_endpoint": f"{base}/oauth2/v2.0/token",
        "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
        "end_session_endpoint": f"{base}/oauth2/v2.0/logout",
        "jwks_uri": f"{base}/discovery/v2.0/keys",
        "tenant_region_scope": "EU",
        "cloud_instance_name": "lab",
        "cloud_graph_host_name": "graph.windows.net",
        "msgraph_host": "graph.microsoft.com",
        **texts,
    }
    return json_response(200, body)


def _keys(lab: Lab, request: Request, tenant: str) -> Response:  # noqa: ARG001
    # Clients ask with `common` as well: the keys are the same for all tenants.
    if tenant.lower() not in ("common", "organizations"):
        _tenant(lab, tenant)
    return json_response(200, lab.tokens.public_keys())


def _token(lab: Lab, request: Request, tenant: str) -> Response:
    form = dict(parse_qsl(request.body.read().decode("utf-8", "replace"), keep_blank_values=True))
    directory = _tenant(lab, tenant)
    grant = form.get("grant_type", "")
    if not grant:
        raise errors.missing_field("grant_type")
    if grant != "client_credentials":
        raise errors.unsupported_grant(grant)
    client_id = form.get("client_id", "")
    if not client_id:
        raise errors.missing_field("client_id")
    with lab.state.transaction() as tx:
        application = find_application(tx, client_id)
    if application is None:
        raise errors.unknown_application(client_id, directory.display_name)
    if "client_assertion" in form:
        raise errors.assertion_not_simulated()
    secret = form.get("client_secret", "")
    if not secret:
        raise errors.missing_credential()
    if not hmac.compare_digest(secret.encode(), application.secret.encode()):
        raise errors.wrong_secret(application.client_id)
    audience = _audience(lab, request, form, directory)
    principal = Principal(application.object_id, application.client_id, directory.id)
    body: JsonObject = {
        "token_type": "Bearer",
        "expires_in": _TOKEN_SECONDS,
        "ext_expires_in": _TOKEN_SECONDS,
        "access_token": lab.tokens.issue(principal, audience, _TOKEN_SECONDS),
    }
    if "v2.0" not in request.path:
        # The older endpoint writes its numbers as text and says when and for what.
        expires = int(request.now.timestamp()) + _TOKEN_SECONDS
        body.update(expires_in=str(_TOKEN_SECONDS), expires_on=str(expires), resource=audience)
    return json_response(200, body, {"Cache-Control": "no-store", "Pragma": "no-cache"})


def _tenant(lab: Lab, name: str, error: str = "invalid_request") -> Tenant:
    with lab.state.transaction() as tx:
        tenant = read_tenant(tx)
    if not tenant.is_called(name):
        raise errors.unknown_tenant(name, error)
    return tenant


def _audience(lab: Lab, request: Request, form: dict[str, str], directory: Tenant) -> str:
    if "v2.0" in request.path:
        scope = form.get("scope", "")
        if not scope:
            raise errors.missing_field("scope")
        # OpenID scopes may stand beside the resource; MSAL adds them for users only.
        resource, default, rest = scope.partition("/.default")
        if not default or rest.strip() or " " in resource:
            raise errors.bad_scope(scope)
    else:
        resource = form.get("resource", "")
        if not resource:
            raise errors.missing_field("resource")
    parts = urlsplit(resource)
    own = {
        urlsplit(url).netloc for url in (lab.endpoints.arm, lab.endpoints.blob, lab.endpoints.disks)
    }
    own |= {netloc.replace("127.0.0.1", "localhost") for netloc in own}
    host = parts.netloc.lower()
    if host in own or host in _KNOWN_RESOURCES or host.endswith(".blob.core.windows.net"):
        return resource
    raise errors.unknown_resource(resource, directory.display_name)
