"""One authenticated call of Graph: who asks, what the token allows, and how lists answer."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import quote

from azlab.core.http import HttpError, Request, Response, json_response
from azlab.core.json_types import JsonObject, JsonValue, WrongShape, parse_object, text_at
from azlab.core.routing import Router
from azlab.core.service import Lab
from azlab.core.state import Transaction
from azlab.core.tokens import Principal, TokenError
from azlab.services.graph import errors
from azlab.services.graph.errors import GraphError
from azlab.services.identity.audiences import graph_audiences
from azlab.services.identity.state import User, find_user

_PAGE, _MOST = 100, 999
_EQUALS = re.compile(r"(\w+) eq (?:'((?:[^']|'')*)'|(true|false))", re.IGNORECASE)
_STARTS = re.compile(r"startswith\((\w+),\s*'((?:[^']|'')*)'\)", re.IGNORECASE)
_OPTIONS = ("$filter", "$select", "$top", "$orderby", "$count", "$skiptoken")


@dataclass(frozen=True)
class GraphCall:
    """The request, its caller and the transaction it runs in."""

    lab: Lab
    request: Request
    tx: Transaction
    principal: Principal
    user: User | None
    """The person who is signed in; None for an application by itself."""
    params: Mapping[str, str]
    content: bytes

    def json(self) -> JsonObject:
        """The body. Raises WrongShape."""
        return parse_object(self.content) if self.content else {}

    @property
    def me(self) -> User:
        """The person; 400 for an application, which has no `/me`."""
        if self.user is None:
            raise errors.bad_request(
                "/me request is only valid with delegated authentication flow."
            )
        return self.user

    def may(self, *permissions: str) -> bool:
        """Whether the token carries one of the permissions."""
        held = self.principal.scopes if self.principal.is_user else self.principal.roles
        return bool(held & set(permissions))

    def page(self, context: str, found: Iterable[JsonObject]) -> Response:
        """A list with `$filter`, `$orderby`, `$select` and `$top` done."""
        for name in self.request.query:
            if name not in _OPTIONS:
                raise errors.unsupported_query(f"The lab does not understand the option '{name}'.")
        wanted = _conditions(self.request.query.text("$filter"))
        items = [one for one in found if all(fits(one) for fits in wanted)]
        items = _ordered(items, self.request.query.text("$orderby"))
        start = _start(self.request.query.text("$skiptoken"))
        size = self._top()
        shown: list[JsonValue] = [self._selected(one) for one in items[start : start + size]]
        answer: JsonObject = {"@odata.context": self._context(context)}
        if self.request.query.text("$count") == "true":
            answer["@odata.count"] = len(items)
        if start + size < len(items):
            answer["@odata.nextLink"] = self._next(start + size)
        answer["value"] = shown
        return json_response(200, answer)

    def one(self, context: str, found: JsonObject, status: int = 200) -> Response:
        """A single object."""
        body = {"@odata.context": self._context(f"{context}/$entity"), **self._selected(found)}
        return json_response(status, body)

    def _context(self, text: str) -> str:
        return f"{self.request.base_url}/v1.0/$metadata#{text}"

    def _selected(self, one: JsonObject) -> JsonObject:
        names = [name for name in self.request.query.text("$select").split(",") if name]
        return {name: one.get(name) for name in names} if names else one

    def _top(self) -> int:
        text = self.request.query.text("$top")
        if not text:
            return min(_PAGE, self.lab.settings.page_size)
        if not text.isdigit() or not 1 <= int(text) <= _MOST:
            raise errors.unsupported_query(f"Invalid page size specified: '{text}'.")
        return int(text)

    def _next(self, start: int) -> str:
        token = urlsafe_b64encode(str(start).encode()).decode()
        kept = [
            f"{quote(name, safe='$')}={quote(value)}"
            for name, value in self.request.query.items()
            if name != "$skiptoken"
        ]
        path = f"{self.request.base_url}{self.request.raw_path}"
        return f"{path}?{'&'.join([*kept, f'$skiptoken={quote(token)}'])}"


GraphHandler: TypeAlias = Callable[[GraphCall], Response]


class GraphRoutes:
    """Adds routes to the Graph port; permissions of applications and of people beside each."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._router = lab.routers["graph"]

    def add(
        self,
        method: str,
        path: str,
        handler: GraphHandler,
        operation: str,
        *,
        application: tuple[str, ...],
        person: tuple[str, ...],
        note: str = "",
    ) -> None:
        """`application` and `person`: one of these permissions is needed, by who asks."""
        lab = self._lab

        def handle(request: Request, **params: str) -> Response:
            try:
                return _answer(lab, request, params, handler, application, person)
            except WrongShape as error:
                return errors.bad_request(str(error)).to_response(request)
            except HttpError as error:
                return error.to_response(request)

        self._router.add(method, f"/v1.0{path}", handle, operation=operation, note=note)


def _answer(
    lab: Lab,
    request: Request,
    params: dict[str, str],
    handler: GraphHandler,
    application: tuple[str, ...],
    person: tuple[str, ...],
) -> Response:
    try:
        principal = lab.tokens.verify(request.headers.get("authorization"), graph_audiences(lab))
    except TokenError as error:
        raise GraphError(401, "InvalidAuthenticationToken", error.message) from error
    content = request.body.read()
    with lab.transaction() as tx:
        user = find_user(tx, principal.object_id) if principal.is_user else None
        if principal.is_user and (user is None or user.disabled):
            raise GraphError(401, "InvalidAuthenticationToken", "The user is not known.")
        call = GraphCall(lab, request, tx, principal, user, params, content)
        if not call.may(*(person if principal.is_user else application)):
            raise errors.denied()
        response = handler(call)
    response.headers.setdefault("request-id", request.request_id)
    return response


def make_router() -> Router:
    """The empty router of the Graph port."""
    return Router("graph", errors.render_error, ignore_case=True, max_body_bytes=1 << 20)


def _conditions(text: str) -> list[Callable[[JsonObject], bool]]:
    if not text:
        return []
    return [_condition(part.strip()) for part in re.split(r"\s+and\s+", text)]


def _condition(text: str) -> Callable[[JsonObject], bool]:
    if found := _EQUALS.fullmatch(text):
        name, value = found[1], found[3] or (found[2] or "").replace("''", "'")
        if found[3]:
            return lambda one: one.get(name) is (value.lower() == "true")
        return lambda one: str(one.get(name) or "").lower() == value.lower()
    if found := _STARTS.fullmatch(text):
        name, value = found[1], found[2].replace("''", "'").lower()
        return lambda one: str(one.get(name) or "").lower().startswith(value)
    raise errors.unsupported_query(f"The lab does not understand the filter '{text}'.")


def _ordered(items: list[JsonObject], text: str) -> list[JsonObject]:
    if not text:
        return items
    name, _, direction = text.partition(" ")
    if direction.lower() not in ("", "asc", "desc"):
        raise errors.unsupported_query(f"The lab does not understand the order '{text}'.")
    return sorted(
        items, key=lambda one: text_at(one, name).lower(), reverse=direction.lower() == "desc"
    )


def _start(token: str) -> int:
    if not token:
        return 0
    try:
        return int(urlsafe_b64decode(token))
    except ValueError:
        raise errors.bad_request("Invalid $skiptoken.") from None
