"""From one request on a connection to its answer: faults, counting, routing, errors.

This is the lab's last handler: whatever a service lets slip is answered with 500 and shown on
standard error.
"""

import sys
import time
import traceback
from collections.abc import Callable
from datetime import datetime
from email.utils import format_datetime
from urllib.parse import unquote_to_bytes

from azlab.core.body import BodyReader, BrokenRequest, ConnectionLost
from azlab.core.connection import Connection, Head
from azlab.core.faults import Fault, FaultRule, Faults, HeldRequest, Hold, Plan
from azlab.core.gate import Gate
from azlab.core.http import Headers, HttpError, QueryArgs, Request, Response
from azlab.core.json_types import WrongShape
from azlab.core.routing import Match, Router
from azlab.core.shaping import UNSHAPED
from azlab.core.stats import Stats

# A body that the handler refused is read all the same, or the client, still sending, would see a
# reset instead of the answer. One that is longer than this costs the connection.
_UNREAD_LIMIT = 1 << 30
_DISCARD_BYTES = 256 << 10


class Abandoned(Exception):
    """The request is not to be answered; its connection breaks."""


class Exchange:
    """Serves the requests of one port. Without faults and stats it serves the control port."""

    def __init__(
        self,
        router: Router,
        now: Callable[[], datetime],
        gate: Gate,
        faults: Faults | None = None,
        stats: Stats | None = None,
    ) -> None:
        self.base_url = ""
        self._router = router
        self._now = now
        self._gate = gate
        self._faults = faults
        self._stats = stats

    def serve_one(self, connection: Connection) -> bool:
        """Read one request and answer it; False when the connection is to end."""
        connection.shape = UNSHAPED
        connection.sent_body_bytes = 0
        head: Head | None = None
        try:
            head = connection.read_head()
            if head is None:
                return False
            request = self._request(head, connection)
        except BrokenRequest as error:
            self._refuse(connection, error)
            return False
        if self._faults is None or self._stats is None:
            response = self._handle(request, self._router.find(request))
            return self._answer(connection, request, head, response)
        return self._serve_counted(connection, request, head, self._faults, self._stats)

    def _serve_counted(
        self, connection: Connection, request: Request, head: Head, faults: Faults, stats: Stats
    ) -> bool:
        match = self._router.find(request)
        route = match.route if match else None
        count = stats.begin(
            route.service if route else self._router.service,
            route.operation if route else "Unknown",
        )
        started = time.monotonic()
        status = 0
        try:
            plan = faults.plan(request.method, request.path, connection.lines)
            connection.shape = plan.shape
            response = self._run_plan(connection, request, match, plan, faults)
            status = response.status
            if plan.drop:
                connection.send_half_response(response.status, response.headers, response.body)
                raise Abandoned
            return self._answer(connection, request, head, response)
        except Abandoned:
            status = 0
            connection.abort()
            return False
        finally:
            stats.end(
                count,
                request.method,
                request.path,
                status,
                request.body.received,
                connection.sent_body_bytes,
                time.monotonic() - started,
            )

    def _run_plan(
        self,
        connection: Connection,
        request: Request,
        match: Match | None,
        plan: Plan,
        faults: Faults,
    ) -> Response:
        if plan.delay_seconds > 0:
            time.sleep(plan.delay_seconds)
        for fault in plan.hold_before:
            here = _hold(faults, fault, request, "before", connection)
            if not here and not fault.rule.apply_after_disconnect:
                raise Abandoned
        if plan.error is not None:
            self._discard(request)
            return self._fault_response(request, plan.error)
        if plan.drop and request.body.length:
            _take_half(request.body)
            raise Abandoned
        request.fail_operation = plan.fail_operation
        with self._gate.passing():
            response = self._handle(request, match)
        for fault in plan.hold_after:
            _hold(faults, fault, request, "after", connection)
        return response

    def _refuse(self, connection: Connection, error: BrokenRequest) -> None:
        """Answer what is no request, in the style of the service, before the connection ends."""
        nothing = BodyReader(connection, 0, 0)
        request = Request(
            "", "", "", "", QueryArgs(), Headers(), nothing, self.base_url, self._now(), connection
        )
        response = self._router.render_error(request, error.status, "BadRequest", str(error))
        response.headers.setdefault("Date", format_datetime(request.now, usegmt=True))
        connection.send_response(
            error.status, response.headers, response.body, without_body=False, close=True
        )

    def _request(self, head: Head, connection: Connection) -> Request:
        raw_path, _, raw_query = head.target.partition("?")
        if not raw_path.startswith("/"):
            # The absolute form, as it is sent to proxies.
            raw_path = "/" + raw_path.partition("://")[2].partition("/")[2]
        try:
            path = unquote_to_bytes(raw_path).decode()
        except UnicodeDecodeError as error:
            raise BrokenRequest(400, "The path is not UTF-8.") from error
        return Request(
            method=head.method,
            path=path,
            raw_path=raw_path,
            raw_query=raw_query,
            query=QueryArgs(raw_query),
            headers=head.headers,
            body=self._body(head, connection),
            base_url=self.base_url,
            now=self._now(),
            client_gone=connection,
        )

    def _body(self, head: Head, connection: Connection) -> BodyReader:
        limit = self._router.max_body_bytes
        length: int | None = 0
        coding = head.headers.get("transfer-encoding").lower()
        if coding == "chunked":
            length = None
        elif coding:
            raise BrokenRequest(501, f"The transfer coding '{coding}' is not supported.")
        elif "content-length" in head.headers:
            text = head.headers["content-length"]
            if not text.isascii() or not text.isdigit():
                raise BrokenRequest(400, "The Content-Length is no number.")
            length = int(text)
            if length > limit:
                raise BrokenRequest(413, f"The request body is longer than {limit} bytes.")
        expects = head.headers.get("expect").lower() == "100-continue"
        if expects:
            return BodyReader(connection, length, limit, connection.send_continue)
        return BodyReader(connection, length, limit)

    def _handle(self, request: Request, match: Match | None) -> Response:
        try:
            if request.query.repeated:
                name = request.query.repeated[0]
                message = f"The query parameter '{name}' must not be given twice."
                return self._router.render_error(request, 400, "InvalidQueryParameter", message)
            if match is None:
                return self._unknown(request)
            return match.route.handler(request, **match.params)
        except HttpError as error:
            return error.to_response(request)
        except WrongShape as error:
            return self._router.render_error(request, 400, "InvalidRequestContent", str(error))
        except ConnectionLost:
            raise
        except BrokenRequest as error:
            return self._router.render_error(request, error.status, "BadRequest", str(error))
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            message = f"The lab failed on this request: {type(error).__name__}: {error}"
            return self._router.render_error(request, 500, "InternalServerError", message)

    def _unknown(self, request: Request) -> Response:
        if methods := self._router.methods_at(request):
            message = (
                f"The method {request.method} is not simulated for '{request.path}'; "
                f"{', '.join(methods)} would be."
            )
            response = self._router.render_error(request, 405, "MethodNotAllowed", message)
            response.headers["Allow"] = ", ".join(methods)
            return response
        message = f"The lab does not simulate {request.method} {request.path}"
        if request.raw_query:
            message += " with the query arguments " + ", ".join(request.query)
        return self._router.render_error(request, 501, "NotImplemented", message + ".")

    def _fault_response(self, request: Request, rule: FaultRule) -> Response:
        status = rule.status or 500
        code = rule.code or {429: "TooManyRequests", 503: "ServerBusy"}.get(status, "LabFault")
        message = rule.message or f"The lab was told to answer {status} {code}."
        response = self._router.render_error(request, status, code, message)
        if rule.retry_after_seconds is not None:
            response.headers["Retry-After"] = f"{rule.retry_after_seconds:g}"
        return response

    def _discard(self, request: Request) -> None:
        if request.method == "HEAD":
            return
        for _ in request.body.chunks(_DISCARD_BYTES):
            pass

    def _answer(
        self, connection: Connection, request: Request, head: Head, response: Response
    ) -> bool:
        body = request.body
        close = not head.keep_alive or body.broken
        if not body.finished and not body.broken:
            waiting = not body.begun and bool(head.headers.get("expect"))
            if waiting or (body.length or 0) > _UNREAD_LIMIT:
                close = True
            else:
                self._discard(request)
        without_body = request.method == "HEAD" or response.status in (204, 304)
        # The lab's own time: clients that follow the service's clock, as they should, get along
        # with a clock that was moved on.
        response.headers.setdefault("Date", format_datetime(request.now, usegmt=True))
        connection.send_response(
            response.status,
            response.headers,
            response.body,
            without_body=without_body,
            close=close,
        )
        return not close


def _hold(
    faults: Faults, fault: Fault, request: Request, when: Hold, connection: Connection
) -> bool:
    return faults.hold(fault, HeldRequest(request.method, request.path, when), connection)


def _take_half(body: BodyReader) -> None:
    left = (body.length or 0) // 2
    buffer = memoryview(bytearray(min(max(left, 1), _DISCARD_BYTES)))
    while left > 0:
        taken = body.readinto(buffer[:left])
        if taken == 0:
            return
        left -= taken
