"""Azure Resource Manager: what every call goes through before a service sees it.

Order of the checks, as in Azure: token (401), api-version (400), subscription (404), access (403),
provider registration (409), locks (409), group of a PUT (404). Services register whole types
with `Arm.type` and single calls with `Arm.route`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from azlab.core.arm_call import ArmCall, ArmHandler, forbidden
from azlab.core.arm_checks import ArmChecks
from azlab.core.arm_types import ArmType, delete_later, delete_now, get_stored, head_stored
from azlab.core.arm_types import list_stored as _list_stored
from azlab.core.errors import ArmError, with_request_ids
from azlab.core.http import HttpError, Request, Response
from azlab.core.json_types import WrongShape
from azlab.core.resource_ids import ResourceId
from azlab.core.routing import Router
from azlab.core.state import Transaction

if TYPE_CHECKING:
    from azlab.core.service import Lab

__all__ = ["Arm", "ArmCall", "ArmError", "ArmHandler", "ArmType", "delete_later", "delete_now"]

_GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"
_SUBSCRIPTION = "/subscriptions/{subscription}"
_LIST_QUERIES = ("$top", "$skiptoken")


class Arm:
    """Registration of types and calls on the ARM port."""

    def __init__(self, lab: "Lab", router: Router) -> None:
        self._lab = lab
        self._router = router
        self._checks = ArmChecks(lab)
        self.types: dict[str, ArmType] = {}

    @property
    def namespaces(self) -> dict[str, list[ArmType]]:
        """The registered types by provider namespace."""
        found: dict[str, list[ArmType]] = {}
        for kind in self.types.values():
            found.setdefault(kind.namespace, []).append(kind)
        return found

    def type(self, kind: ArmType) -> None:
        """Make a type of resource available."""
        self.types[kind.name.lower()] = kind
        if kind.on_delete is not None:
            self._lab.resources.delete_hooks[kind.name.lower()] = kind.on_delete
        one = f"{_GROUP}/providers/{kind.namespace}"
        for depth, word in enumerate(kind.types):
            one += f"/{word}/{{name{depth}}}"
        many = one.rsplit("/", 1)[0]
        name = kind.types[-1] if not kind.is_child else "/".join(kind.types)

        def add(
            verb: str, method: str, template: str, handler: ArmHandler | None, suffix: str
        ) -> None:
            if handler is None:
                return
            extra = _LIST_QUERIES if verb == "list" else ()
            self.route(
                method,
                template,
                handler,
                operation=f"{name}.{verb}",
                action=f"{kind.name}/{suffix}",
                api_versions=kind.api_versions,
                queries=(*kind.queries.get(verb, ()), *extra),
                headers=kind.headers,
                note=kind.notes.get(verb, ""),
                in_group=method == "PUT",
            )

        add("get", "GET", one, kind.get or get_stored(kind), "read")
        add("head", "HEAD", one, head_stored, "read")
        add("put", "PUT", one, kind.put, "write")
        add("patch", "PATCH", one, kind.patch, "write")
        add("delete", "DELETE", one, kind.delete, "delete")
        listed = kind.list or _list_stored(kind)
        add("list", "GET", many, listed, "read")
        if not kind.is_child:
            whole = f"{_SUBSCRIPTION}/providers/{kind.namespace}/{kind.types[0]}"
            add("list", "GET", whole, listed, "read")
        for word, handler in kind.actions.items():
            add(word, "POST", f"{one}/{word}", handler, f"{word}/action")
        for word, handler in kind.reads.items():
            add(word, "GET", f"{one}/{word}", handler, f"{word}/read")

    def route(
        self,
        method: str,
        template: str,
        handler: ArmHandler,
        *,
        operation: str,
        action: str | None,
        api_versions: tuple[str, ...],
        queries: tuple[str, ...] = (),
        headers: tuple[str, ...] = (),
        note: str = "",
        in_group: bool = False,
        service: str = "",
    ) -> None:
        """Make one call available.

        `action` is what the caller needs at the scope of the path (None: any valid token).
        In the template, `{subscription}`, `{group}` and pairs of type and `{nameN}` build
        `ArmCall.id`; `{scope*}` is a scope of any kind, given as `ArmCall.scope`.
        `in_group`: the group of the path must exist and live.
        """
        namespace = _namespace(template)
        lab, checks = self._lab, self._checks

        def handle(request: Request, **params: str) -> Response:
            try:
                principal = checks.principal(request)
                version = checks.api_version(request, template, api_versions)
                content = checks.content(request)
                with lab.transaction() as tx:
                    target = _stored_case(lab, tx, _target(template, params))
                    scope = "/" + params["scope"] if "scope" in params else target.text
                    call = ArmCall(
                        lab,
                        request,
                        tx,
                        principal,
                        version,
                        target,
                        action or "",
                        content,
                        params,
                        scope if target.subscription or "scope" in params else "/",
                    )
                    checks.subscription(call)
                    if "scope" in params:
                        checks.scope(call)
                    if action is not None:
                        _authorize(call, action, listing=operation.endswith(".list"))
                    checks.arguments(call, queries, headers)
                    checks.registered(call, namespace)
                    checks.locks(call, method, action or "")
                    if in_group and target.group:
                        call.group()
                    response = handler(call)
                    checks.rate_headers(call, response)
                return with_request_ids(request, response)
            except WrongShape as error:
                wrong = ArmError(400, "InvalidRequestContent", str(error))
                return with_request_ids(request, wrong.to_response(request))
            except HttpError as error:
                return with_request_ids(request, error.to_response(request))

        self._router.add(
            method,
            template,
            handle,
            operation=operation,
            service=service or _service_name(namespace),
            api_versions=api_versions,
            note=note,
        )


def _namespace(template: str) -> str:
    """The provider that answers: the last one in the path."""
    _, found, rest = template.rpartition("/providers/")
    namespace = rest.split("/", 1)[0]
    return namespace if found and not namespace.startswith("{") else ""


def _service_name(namespace: str) -> str:
    return namespace.split(".")[-1].lower() if namespace else "resources"


def _authorize(call: ArmCall, action: str, *, listing: bool) -> None:
    if call.allowed(action, call.scope):
        return
    if listing and call.lab.rbac.allowed_below(call.principal, action, call.scope):
        call.partly = True
        return
    raise forbidden(call.principal, action, call.scope)


def _stored_case(lab: "Lab", tx: Transaction, target: ResourceId) -> ResourceId:
    """With subscription and group written as they are stored, whatever the path says."""
    if not target.group:
        return target
    group = lab.groups.find(tx, target.group_id)
    if group is None:
        return target
    return replace(target, subscription=group.id.subscription, group=group.id.group)


def _target(template: str, params: Mapping[str, str]) -> ResourceId:
    """The id that a path names, in the case of the template where the template has words."""
    subscription = params.get("subscription", "")
    namespace = ""
    types: list[str] = []
    names: list[str] = []
    segments = template.split("/")
    for position, segment in enumerate(segments):
        if segment == "providers" and position + 1 < len(segments):
            namespace = segments[position + 1]
        elif segment.startswith("{name"):
            types.append(segments[position - 1])
            names.append(params[segment.strip("{}*")])
    if not names:
        namespace = ""
    return ResourceId(subscription, params.get("group", ""), namespace, tuple(types), tuple(names))
