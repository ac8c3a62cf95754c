"""Discovery, keys, tokens and device codes: the login port."""

from collections.abc import Callable
from functools import partial
from urllib.parse import parse_qsl

from azlab.core.http import Request, Response, json_response
from azlab.core.json_types import JsonObject, JsonValue
from azlab.core.routing import Router
from azlab.core.service import Lab
from azlab.services.identity import device_codes, errors, grants, managed_identity
from azlab.services.identity.grants import DEVICE_GRANT, TOOLS, Form
from azlab.services.identity.state import Tenant, find_application, read_tenant

_FORM_LIMIT = 64 << 10
_ANY_TENANT = ("common", "organizations")
_GRANTS: dict[str, Callable[[Form], JsonObject]] = {
    "client_credentials": grants.client_credentials,
    DEVICE_GRANT: grants.device_code,
    "device_code": grants.device_code,
    "refresh_token": grants.refresh_token,
}


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
            note="applications by secret or certificate, people by device code and refresh token; "
            "lifetime 3599 s",
        )
        router.add(
            "POST",
            f"/{{tenant}}/oauth2{version}/devicecode",
            partial(_device_code, lab),
            operation="DeviceCode",
            note=f"asks for an interval of {device_codes.INTERVAL_SECONDS} s",
        )
    router.add("GET", "/{tenant}/discovery/v2.0/keys", partial(_keys, lab), operation="Keys")
    router.add("GET", "/{tenant}/discovery/keys", partial(_keys, lab), operation="Keys")
    router.add("GET", "/device", _show_page, operation="DevicePage")
    router.add("POST", "/device", partial(_enter_code, lab), operation="DevicePage")
    managed_identity.register(lab)


def _discovery(lab: Lab, request: Request, tenant: str) -> Response:
    found = _tenant(lab, tenant, "invalid_tenant")
    # Who asks for any tenant goes on asking for any; the issuer is that of the tenant.
    base = f"{request.base_url}/{tenant.lower() if tenant.lower() in _ANY_TENANT else found.id}"
    texts: dict[str, list[JsonValue]] = {
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
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
    if tenant.lower() not in _ANY_TENANT:
        _tenant(lab, tenant)
    return json_response(200, lab.tokens.public_keys())


def _token(lab: Lab, request: Request, tenant: str) -> Response:
    fields = _form(request)
    directory = _tenant(lab, tenant)
    grant = fields.get("grant_type", "")
    if not grant:
        raise errors.missing_field("grant_type")
    answer = _GRANTS.get(grant)
    if answer is None:
        raise errors.unsupported_grant(grant)
    with lab.state.transaction() as tx:
        body = answer(Form(lab, request, tx, directory, fields))
    return json_response(200, body, {"Cache-Control": "no-store", "Pragma": "no-cache"})


def _device_code(lab: Lab, request: Request, tenant: str) -> Response:
    fields = _form(request)
    directory = _tenant(lab, tenant)
    client_id = fields.get("client_id", "")
    if not client_id:
        raise errors.missing_field("client_id")
    with lab.state.transaction() as tx:
        if client_id.lower() not in TOOLS and find_application(tx, client_id) is None:
            raise errors.unknown_application(client_id, directory.display_name)
        code = device_codes.begin(tx, client_id, fields.get("scope", ""), request.now)
    where = f"{request.base_url}/device"
    body: JsonObject = {
        "user_code": code.user_code,
        "device_code": code.code,
        "verification_uri": where,
        "expires_in": device_codes.LIFETIME_SECONDS,
        "interval": device_codes.INTERVAL_SECONDS,
        "message": f"To sign in, use a web browser to open the page {where} and enter the code "
        f"{code.user_code} to authenticate.",
    }
    return json_response(200, body, {"Cache-Control": "no-store"})


def _show_page(request: Request) -> Response:  # noqa: ARG001
    return device_codes.page()


def _enter_code(lab: Lab, request: Request) -> Response:
    fields = _form(request)
    with lab.state.transaction() as tx:
        user = device_codes.finish(
            tx,
            fields.get("user_code", ""),
            fields.get("username", ""),
            fields.get("password", ""),
            request.now,
            decline=fields.get("answer") == "no",
        )
    said = "declined" if fields.get("answer") == "no" else "signed in"
    return device_codes.page(f"{user.principal_name} has {said}. You can close this window.")


def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.body.read().decode("utf-8", "replace"), keep_blank_values=True))


def _tenant(lab: Lab, name: str, error: str = "invalid_request") -> Tenant:
    with lab.state.transaction() as tx:
        tenant = read_tenant(tx)
    if not tenant.is_called(name) and name.lower() not in _ANY_TENANT:
        raise errors.unknown_tenant(name, error)
    return tenant
