"""The checks that every ARM call goes through, each with Azure's own error."""

import re
import threading
from typing import TYPE_CHECKING

from azlab.core.arm_call import ArmCall
from azlab.core.errors import (
    ArmError,
    group_not_found,
    invalid_parameter,
    missing_api_version,
    not_simulated,
    subscription_not_found,
)
from azlab.core.http import Request, Response
from azlab.core.json_types import text_at, texts_at
from azlab.core.resource_ids import BadResourceId, ResourceId, contains, parse
from azlab.core.resources import SUBSCRIPTION
from azlab.core.tokens import Principal, TokenError, challenge

if TYPE_CHECKING:
    from azlab.core.service import Lab

LOCK = "lock"
_READ_BUDGET, _WRITE_BUDGET = 11_999, 1_199
_KNOWN_HEADERS = frozenset(
    {
        "x-ms-client-request-id",
        "x-ms-return-client-request-id",
        "x-ms-correlation-request-id",
        "x-ms-command-name",
        "x-ms-parameter-set-name",
        "x-ms-date",
        "x-ms-useragent",
    }
)
_CONDITIONS = frozenset({"if-match", "if-none-match", "if-modified-since", "if-unmodified-since"})
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?")


class ArmChecks:
    """Raises an ArmError when something is not in order."""

    def __init__(self, lab: "Lab") -> None:
        self._lab = lab
        self._lock = threading.Lock()
        self._calls: dict[tuple[str, str], int] = {}

    def principal(self, request: Request) -> Principal:
        """Who calls, by the bearer token."""
        lab = self._lab
        try:
            return lab.tokens.verify(request.headers.get("authorization"), lab.arm_audiences)
        except TokenError as error:
            header = challenge(lab.endpoints.login, lab.tenant_id, error)
            raise ArmError(
                401, error.code, error.message, headers={"WWW-Authenticate": header}
            ) from error

    def api_version(self, request: Request, template: str, versions: tuple[str, ...]) -> str:
        """The api-version asked for; empty `versions` accept any that looks like one."""
        version = request.query.text("api-version")
        if not version:
            raise missing_api_version()
        if version.lower() in versions or (not versions and _VERSION.fullmatch(version)):
            return version.lower()
        supported = ", ".join(sorted(versions, reverse=True)) or "any date"
        if "/providers/" in template and versions:
            kind = template.rsplit("/providers/", 1)[1].split("/", 2)
            raise ArmError(
                400,
                "NoRegisteredProviderFound",
                f"No registered resource provider found for API version '{version}' for type "
                f"'{kind[1] if len(kind) > 1 else ''}' of '{kind[0]}'. The supported "
                f"api-versions are '{supported}'.",
            )
        raise ArmError(
            400,
            "InvalidApiVersionParameter",
            f"The api-version '{version}' is invalid. The supported versions are '{supported}'.",
        )

    def content(self, request: Request) -> bytes:
        """The body, which must say that it is JSON when there is one."""
        content = request.body.read()
        kind = request.headers.get("content-type").split(";", 1)[0].strip().lower()
        if content and kind not in ("application/json", "text/json"):
            raise ArmError(
                415,
                "UnsupportedMediaType",
                f"The content media type '{kind or '<null>'}' is not supported. Only "
                "'application/json' is supported.",
            )
        return content

    def subscription(self, call: ArmCall) -> None:
        """The subscription of the path exists and belongs to the caller's tenant."""
        name = call.id.subscription or _subscription_of(call.scope)
        if not name:
            return
        found = call.tx.get(SUBSCRIPTION, ResourceId(name).key)
        if found is None:
            raise subscription_not_found(name)
        tenant = text_at(found, "body", "tenantId")
        if tenant and tenant != call.principal.tenant_id:
            raise ArmError(
                401,
                "InvalidAuthenticationTokenTenant",
                f"The access token is from the wrong issuer '{call.principal.tenant_id}'. It must "
                f"match the tenant '{tenant}' associated with this subscription.",
            )

    def scope(self, call: ArmCall) -> None:
        """The scope of an extension call is one that can exist, in a group that exists."""
        try:
            scope = parse(call.scope)
        except BadResourceId as error:
            raise ArmError(
                404, "NotFound", f"The scope '{call.scope}' is not known to the lab."
            ) from error
        if scope.group and self._lab.groups.find(call.tx, scope.group_id) is None:
            raise group_not_found(scope.group)

    def arguments(self, call: ArmCall, queries: tuple[str, ...], headers: tuple[str, ...]) -> None:
        """Nothing is asked for that would be ignored."""
        known = {"api-version", *(one.lower() for one in queries)}
        for name in call.request.query:
            if name not in known:
                raise invalid_parameter(name, f"The lab does not know the parameter '{name}' here.")
        for name in call.request.headers:
            unknown = name.startswith("x-ms-") and name not in _KNOWN_HEADERS
            if (unknown or name in _CONDITIONS) and name not in headers:
                raise not_simulated(f"The lab does not honour the header '{name}' here.")

    def registered(self, call: ArmCall, namespace: str) -> None:
        """Writing needs the provider to be registered in the subscription."""
        if not namespace or call.request.method in ("GET", "HEAD") or not call.id.subscription:
            return
        if call.request.path.rstrip("/").lower().endswith("/register"):
            return
        found = call.tx.get(SUBSCRIPTION, ResourceId(call.id.subscription).key) or {}
        off = texts_at(found, "body", "unregistered")
        if namespace.lower() in (one.lower() for one in off):
            raise ArmError(
                409,
                "MissingSubscriptionRegistration",
                f"The subscription is not registered to use namespace '{namespace}'. See "
                "https://aka.ms/rps-not-found for how to register subscriptions.",
            )

    def locks(self, call: ArmCall, method: str, action: str) -> None:
        """No lock at or above the target (for a deletion: nor below it) forbids this."""
        if method in ("GET", "HEAD") or action.lower().startswith("microsoft.authorization/"):
            return
        deleting = method == "DELETE"
        stopping: list[str] = []
        for _, lock in call.tx.list(LOCK):
            scope = text_at(lock, "scope")
            level = text_at(lock, "level").lower()
            if level == "cannotdelete" and not deleting:
                continue
            if contains(scope, call.scope) or (deleting and contains(call.scope, scope)):
                stopping.append(scope)
        if stopping:
            verb = "delete" if deleting else "write"
            raise ArmError(
                409,
                "ScopeLocked",
                f"The scope '{call.scope}' cannot perform {verb} operation because following "
                f"scope(s) are locked: '{', '.join(stopping)}'. Please remove the lock and try "
                "again.",
            )

    def rate_headers(self, call: ArmCall, response: Response) -> None:
        """Say how many calls are left; the lab counts but throttles only by faults."""
        reading = call.request.method in ("GET", "HEAD")
        if not call.id.subscription:
            response.headers["x-ms-ratelimit-remaining-tenant-reads"] = str(_READ_BUDGET)
            return
        kind = "reads" if reading else "deletes" if call.request.method == "DELETE" else "writes"
        budget = _READ_BUDGET if reading else _WRITE_BUDGET
        with self._lock:
            used = self._calls.get((call.id.subscription, kind), 0)
            # The real budget refills; starting over keeps the figure in its range.
            self._calls[call.id.subscription, kind] = (used + 1) % budget
        response.headers[f"x-ms-ratelimit-remaining-subscription-{kind}"] = str(budget - used)


def _subscription_of(scope: str) -> str:
    parts = scope.strip("/").split("/")
    return parts[1] if len(parts) > 1 and parts[0].lower() == "subscriptions" else ""
