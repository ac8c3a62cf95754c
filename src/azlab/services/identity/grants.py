"""The grants of the token endpoint: applications by themselves, and people through one."""

import hmac
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass

from azlab.core.http import Request
from azlab.core.json_types import JsonObject, encode, text_at
from azlab.core.service import Lab
from azlab.core.state import Transaction
from azlab.core.tokens import Principal
from azlab.services.identity import audiences, certificates, device_codes, errors
from azlab.services.identity.state import Application, Tenant, User, find_application, find_user

# What Entra gives an application by default.
TOKEN_SECONDS = 3599
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_REFRESH = "refreshToken"
_OPENID = frozenset({"openid", "profile", "email", "offline_access"})
# Tools of Microsoft that every tenant knows, and what they may do for people in Graph.
_TOOL_SCOPES = frozenset(
    {
        "AuditLog.Read.All",
        "Directory.AccessAsUser.All",
        "Group.ReadWrite.All",
        "User.ReadWrite.All",
    }
)
TOOLS = {
    "04b07795-8ddb-461a-bbee-02f9e1bf7b46": "Microsoft Azure CLI",
    "1950a258-227b-4e31-a9cf-717495945fc2": "Microsoft Azure PowerShell",
}


@dataclass(frozen=True)
class Form:
    """A request of the token endpoint."""

    lab: Lab
    request: Request
    tx: Transaction
    directory: Tenant
    fields: dict[str, str]

    def field(self, name: str) -> str:
        """A field that must be there."""
        value = self.fields.get(name, "")
        if not value:
            raise errors.missing_field(name)
        return value

    @property
    def is_v2(self) -> bool:
        """Whether the newer endpoint was asked, which speaks of scopes."""
        return "v2.0" in self.request.path


def client_credentials(form: Form) -> JsonObject:
    """An application for itself, by secret or certificate."""
    client_id = form.field("client_id")
    application = find_application(form.tx, client_id)
    if application is None:
        raise errors.unknown_application(client_id, form.directory.display_name)
    _authenticate(form, application)
    if not application.object_id:
        raise errors.no_service_principal(application.client_id, form.directory.id)
    audience = _one_audience(form)
    roles = application.graph_roles if audiences.is_graph(form.lab, audience) else ()
    principal = Principal(
        application.object_id,
        application.client_id,
        form.directory.id,
        roles=frozenset(roles),
    )
    return _answer(form, principal, audience)


def device_code(form: Form) -> JsonObject:
    """A person who was asked to sign in elsewhere."""
    client_id = form.field("client_id")
    code = form.fields.get("device_code") or form.field("code")
    user, scope = device_codes.redeem(form.tx, code, client_id, form.request.now)
    return _for_person(form, user, client_id, scope)


def refresh_token(form: Form) -> JsonObject:
    """A person who has signed in before."""
    client_id = form.field("client_id")
    token = form.field("refresh_token")
    kept = form.tx.get(_REFRESH, token)
    if kept is None or text_at(kept, "clientId").lower() != client_id.lower():
        raise errors.bad_code()
    user = find_user(form.tx, text_at(kept, "userId"))
    if user is None:
        raise errors.bad_code()
    if user.disabled:
        raise errors.disabled_user()
    if user.wants_second_factor:
        raise errors.second_factor_wanted()
    return _for_person(form, user, client_id, form.fields.get("scope") or text_at(kept, "scope"))


def _authenticate(form: Form, application: Application) -> None:
    if "client_assertion" in form.fields:
        if form.fields.get("client_assertion_type") != _ASSERTION:
            raise errors.missing_field("client_assertion_type")
        login, tenant = form.lab.endpoints.login, form.directory
        expected = frozenset(
            f"{login}/{name}{path}"
            for name in (tenant.id, tenant.default_domain)
            for path in ("/oauth2/v2.0/token", "/oauth2/token", "/v2.0", "")
        )
        certificates.check_assertion(
            form.fields["client_assertion"], application, expected, form.request.now
        )
        return
    secret = form.fields.get("client_secret", "")
    if not secret:
        raise errors.missing_credential()
    fitting = [
        one
        for one in application.secrets
        if hmac.compare_digest(secret.encode(), one.text.encode())
    ]
    if not fitting:
        raise errors.wrong_secret(application.client_id)
    if all(one.ends is not None and one.ends <= form.request.now for one in fitting):
        raise errors.expired_secret(application.client_id)


def _one_audience(form: Form) -> str:
    if form.is_v2:
        scope = form.field("scope")
        # OpenID scopes may stand beside the resource; MSAL adds them for users only.
        resource, default, rest = scope.partition("/.default")
        if not default or rest.strip() or " " in resource:
            raise errors.bad_scope(scope)
    else:
        resource = form.field("resource")
    if not audiences.is_known(form.lab, resource):
        raise errors.unknown_resource(resource, form.directory.display_name)
    return resource


def _for_person(form: Form, user: User, client_id: str, scope: str) -> JsonObject:
    words = scope.split()
    asked = [word for word in words if word not in _OPENID]
    resources = {_resource_of(word) for word in asked} or {audiences.GRAPH}
    if len(resources) > 1:
        raise errors.bad_scope(scope)
    (audience,) = resources
    if not audiences.is_known(form.lab, audience):
        raise errors.unknown_resource(audience, form.directory.display_name)
    scopes = frozenset({"user_impersonation"})
    if audiences.is_graph(form.lab, audience):
        if client_id.lower() not in TOOLS:
            raise errors.consent_wanted(scope, client_id)
        scopes = _TOOL_SCOPES
    principal = Principal(
        user.id, client_id, form.directory.id, True, scopes, name=user.principal_name
    )
    answer = _answer(form, principal, audience)
    # What was asked for is named too: clients find a token in their cache by it.
    given = [f"{audience.rstrip('/')}/{one}" for one in sorted(scopes)]
    answer["scope"] = " ".join(dict.fromkeys([*given, *asked]))
    if "offline_access" in words or "refresh_token" in form.fields:
        token = f"1.{secrets.token_urlsafe(64)}"
        kept: JsonObject = {"clientId": client_id, "userId": user.id, "scope": scope}
        form.tx.put(_REFRESH, token, kept)
        answer["refresh_token"] = token
    if "openid" in words:
        answer["id_token"] = _identity(form, user, client_id)
        known: JsonObject = {"uid": user.id, "utid": form.directory.id}
        answer["client_info"] = urlsafe_b64encode(encode(known)).decode().rstrip("=")
    return answer


def _resource_of(word: str) -> str:
    """`https://host/.default` and `https://host//x` name a resource; a bare word means Graph."""
    resource, slash, _ = word.rpartition("/")
    return resource.rstrip("/") if slash and "://" in word else audiences.GRAPH


def _identity(form: Form, user: User, client_id: str) -> str:
    """Who the person is, for the application. Clients compare it with their own clock, so it
    keeps the time outside the lab."""
    now = int(form.lab.clock.real_now().timestamp())
    return form.lab.tokens.sign(
        {
            "aud": client_id,
            "iss": form.lab.tokens.issuer(form.directory.id),
            "iat": now,
            "nbf": now,
            "exp": now + TOKEN_SECONDS,
            "name": user.name,
            "preferred_username": user.principal_name,
            "oid": user.id,
            "sub": user.id,
            "tid": form.directory.id,
            "ver": "2.0",
        }
    )


def _answer(form: Form, principal: Principal, audience: str) -> JsonObject:
    answer: JsonObject = {
        "token_type": "Bearer",
        "expires_in": TOKEN_SECONDS,
        "ext_expires_in": TOKEN_SECONDS,
        "access_token": form.lab.tokens.issue(principal, audience, TOKEN_SECONDS),
    }
    if not form.is_v2:
        # The older endpoint writes its numbers as text and says when and for what.
        expires = int(form.request.now.timestamp()) + TOKEN_SECONDS
        answer.update(expires_in=str(TOKEN_SECONDS), expires_on=str(expires), resource=audience)
    return answer
