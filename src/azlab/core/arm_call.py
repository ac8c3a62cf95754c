"""One authenticated ARM request, with everything a handler of a service needs."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote

from azlab.core.errors import ArmError, group_not_found, resource_not_found
from azlab.core.http import Request, Response, json_response
from azlab.core.json_types import JsonObject, JsonValue, parse_object, text_at
from azlab.core.operations import Style
from azlab.core.resource_ids import ResourceId
from azlab.core.resources import Record
from azlab.core.state import Transaction
from azlab.core.tokens import Principal

if TYPE_CHECKING:
    from azlab.core.service import Lab

ArmHandler: TypeAlias = Callable[["ArmCall"], Response]


@dataclass
class ArmCall:
    """The request, its caller, its target and the transaction it runs in.

    `id` is what the path names, with the case as asked; for a list the scope of the list.
    `params` are the other parameters of the path.
    """

    lab: "Lab"
    request: Request
    tx: Transaction
    principal: Principal
    api_version: str
    id: ResourceId
    action: str
    content: bytes = b""
    """The body, read before the transaction began: a slow client must not stop the others."""
    params: Mapping[str, str] = field(default_factory=dict)
    scope: str = ""
    """The scope that was authorized: the text of `id` unless the route says otherwise."""
    partly: bool = False
    """The caller may see only a part of this list; `page` leaves the rest out."""

    def json(self) -> JsonObject:
        """The body; 400 InvalidRequestContent when it is no JSON object."""
        return parse_object(self.content)

    def query(self, name: str) -> str:
        """A query argument, empty when missing."""
        return self.request.query.text(name)

    def record(self) -> Record:
        """The stored resource this call is about; 404 ResourceNotFound."""
        found = self.lab.resources.find(self.tx, self.id)
        if found is None:
            raise self.not_found()
        return found

    def not_found(self) -> ArmError:
        """The error for the resource of this call: that its group is missing, or itself."""
        if self.id.group and self.lab.groups.find(self.tx, self.id.group_id) is None:
            return group_not_found(self.id.group)
        return missing(self.id)

    def group(self) -> Record:
        """The resource group this call lies in; 404, or 409 while it is being deleted."""
        group = self.lab.groups.find(self.tx, self.id.group_id)
        if group is None:
            raise group_not_found(self.id.group)
        if text_at(group.body, "properties", "provisioningState") == "Deleting":
            raise ArmError(
                409,
                "ResourceGroupBeingDeleted",
                f"The resource group '{self.id.group}' is in deprovisioning state and cannot "
                "perform this operation.",
            )
        return group

    def allowed(self, action: str, scope: str, *, data: bool = False) -> bool:
        """Whether the caller may do something else as well."""
        return self.lab.rbac.allowed(self.principal, action, scope, data=data)

    def require(self, action: str, scope: str) -> None:
        """403 AuthorizationFailed unless the caller may."""
        if not self.allowed(action, scope):
            raise forbidden(self.principal, action, scope)

    def require_any_role(self, action: str) -> None:
        """403 for `action` unless the caller has a role at, above or inside the scope.

        Azure shows a subscription, its regions, providers and the names of what lies in it to
        everybody who may do anything there.
        """
        if not self.lab.rbac.has_access(self.principal, self.scope):
            raise forbidden(self.principal, action, self.scope)

    def require_linked(self, action: str, scope: str) -> None:
        """403 LinkedAuthorizationFailed unless the caller may use the resource linked to."""
        if not self.allowed(action, scope):
            raise ArmError(
                403,
                "LinkedAuthorizationFailed",
                f"The client '{self.principal.app_id}' with object id "
                f"'{self.principal.object_id}' has permission to perform action "
                f"'{self.action}' on scope '{self.scope}'; however, it does not have permission "
                f"to perform action '{action}' on the linked scope(s) '{scope}' or the linked "
                "scope(s) are invalid.",
            )

    def start_operation(
        self,
        *,
        complete: str,
        arguments: JsonObject,
        location: str = "",
        style: Style = "both",
        seconds: float | None = None,
        on_failure: str = "",
        target: ResourceId | None = None,
    ) -> dict[str, str]:
        """Start a long-running operation about this resource; the headers for the answer."""
        return self.lab.operations.start(
            self.tx,
            complete=complete,
            arguments=arguments,
            target=target or self.id,
            location=location or "global",
            api_version=self.api_version,
            style=style,
            seconds=seconds,
            fail_with=self.request.fail_operation,
            on_failure=on_failure,
        )

    def page(self, items: Iterable[JsonObject]) -> Response:
        """One page of a list, with an absolute `nextLink` when there is more.

        Items are ordered by `id`, and the token of the next page is the id it starts after, so
        that nothing is lost or shown twice when the list changes between two pages.
        """
        ordered = sorted(items, key=_order)
        if self.partly:
            ordered = [one for one in ordered if self.allowed(self.action, text_at(one, "id"))]
        after, size = self.page_start, self.page_size
        left = [one for one in ordered if _order(one) > after] if after else ordered
        shown: Sequence[JsonObject] = left[:size]
        values: list[JsonValue] = list(shown)
        answer: JsonObject = {"value": values}
        if len(left) > size and shown:
            answer["nextLink"] = self._next_link(_order(shown[-1]))
        return json_response(200, answer)

    @property
    def page_start(self) -> str:
        """The id, in lower case, after which this page of a list begins; empty for the first."""
        return _read_token(self.query("$skiptoken"))

    @property
    def page_size(self) -> int:
        """How many items this page of a list may have."""
        return min(self.lab.settings.page_size, self._top())

    def _top(self) -> int:
        text = self.query("$top")
        if not text:
            return self.lab.settings.page_size
        if not text.isdigit() or int(text) < 1:
            raise ArmError(400, "InvalidTopInQueryString", f"The $top value '{text}' is invalid.")
        return int(text)

    def _next_link(self, last: str) -> str:
        token = urlsafe_b64encode(last.encode()).decode()
        arguments = [
            f"{quote(name, safe='$-')}={quote(value)}"
            for name, value in self.request.query.items()
            if name != "$skiptoken"
        ]
        arguments.append(f"$skiptoken={quote(token)}")
        return f"{self.request.base_url}{self.request.raw_path}?{'&'.join(arguments)}"


def missing(resource_id: ResourceId) -> ArmError:
    """404 for a resource id."""
    pairs = [
        part for pair in zip(resource_id.types, resource_id.names, strict=True) for part in pair
    ]
    return resource_not_found("/".join((resource_id.namespace, *pairs)), resource_id.group)


def forbidden(principal: Principal, action: str, scope: str) -> ArmError:
    """403 as ARM words it."""
    return ArmError(
        403,
        "AuthorizationFailed",
        f"The client '{principal.app_id}' with object id '{principal.object_id}' does not have "
        f"authorization to perform action '{action}' over scope '{scope}' or the scope is "
        "invalid. If access was recently granted, please refresh your credentials.",
    )


def _order(item: JsonObject) -> str:
    return (text_at(item, "id") or text_at(item, "name")).lower()


def _read_token(text: str) -> str:
    if not text:
        return ""
    try:
        return urlsafe_b64decode(text).decode()
    except ValueError as error:
        raise ArmError(
            400, "InvalidSkipToken", "The $skiptoken value in the query is invalid."
        ) from error
