"""The control interface: what a guest system, an accident or a test needs and Azure has not.

Plain HTTP on the loopback address, JSON, errors with a sentence. It is never counted, shaped or
held. `disk-bytes` is the guest of a machine, `faults` the accidents (core/faults.py says what each
member means), `clock`, `stats` and `requests` tell time and what was asked, `settings` holds page
size and durations, `reset` goes back to the scene. docs/howto/use-the-lab.md shows them at work.
"""

from collections.abc import Iterator
from dataclasses import replace

from azlab.core.clock import iso
from azlab.core.errors import ArmError
from azlab.core.http import Request, Response, json_response
from azlab.core.json_types import (
    JsonObject,
    JsonValue,
    WrongShape,
    flag_at,
    number_at,
    parse_object,
)
from azlab.core.routing import Router
from azlab.core.scene import kept_scene, load_scene
from azlab.core.service import Guest, Lab
from azlab.core.settings import store_settings
from azlab.services.identity.state import find_user, put_user

_PIECE_BYTES = 4 << 20
_RESET_PATIENCE_SECONDS = 30.0


def make_router(lab: Lab) -> Router:
    """The routes of the control port."""
    router = Router("control", _render_error, max_body_bytes=1 << 50)
    handlers = _Handlers(lab)
    for method, path, handler in (
        ("PUT", "/disk-bytes", handlers.write_disk),
        ("DELETE", "/disk-bytes", handlers.discard_disk),
        ("GET", "/disk-bytes", handlers.read_disk),
        ("POST", "/faults", handlers.add_fault),
        ("GET", "/faults", handlers.list_faults),
        ("DELETE", "/faults", handlers.clear_faults),
        ("POST", "/clock", handlers.advance_clock),
        ("GET", "/clock", handlers.read_clock),
        ("GET", "/stats", handlers.read_stats),
        ("DELETE", "/stats", handlers.reset_stats),
        ("GET", "/requests", handlers.read_requests),
        ("GET", "/settings", handlers.read_settings),
        ("PATCH", "/settings", handlers.change_settings),
        ("PATCH", "/users", handlers.change_user),
        ("POST", "/reset", handlers.reset),
    ):
        router.add(method, path, handler, operation=path)
    return router


class _Handlers:
    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def write_disk(self, request: Request) -> Response:
        disk, offset = self._disk(request), _number(request, "offset")
        _only(request, "disk", "offset")
        guest = self._guest()
        written = 0
        for piece in request.body.chunks(_PIECE_BYTES):
            # Piece by piece, so that a reset waits for one piece and not for a slow client.
            with self._lab.gate.passing():
                guest.write(self._lab, disk, offset + written, piece)
            written += len(piece)
        return json_response(200, {"offset": offset, "length": written})

    def discard_disk(self, request: Request) -> Response:
        disk, offset = self._disk(request), _number(request, "offset")
        length = _number(request, "length")
        _only(request, "disk", "offset", "length")
        guest = self._guest()
        with self._lab.gate.passing():
            guest.discard(self._lab, disk, offset, length)
        return json_response(200, {"offset": offset, "length": length})

    def read_disk(self, request: Request) -> Response:
        disk, offset = self._disk(request), _number(request, "offset")
        length = _number(request, "length")
        _only(request, "disk", "offset", "length")
        guest = self._guest()
        # The first piece before the head, so that a wrong range is an error and not a torn answer.
        first = guest.read(self._lab, disk, offset, min(length, _PIECE_BYTES))

        def pieces() -> Iterator[bytes]:
            yield first
            for start in range(_PIECE_BYTES, length, _PIECE_BYTES):
                size = min(_PIECE_BYTES, length - start)
                yield guest.read(self._lab, disk, offset + start, size)

        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(length)}
        return Response(200, headers, pieces())

    def add_fault(self, request: Request) -> Response:
        _only(request)
        return json_response(201, self._lab.faults.add(parse_object(request.body.read())))

    def list_faults(self, request: Request) -> Response:
        _only(request)
        return json_response(200, {"faults": self._lab.faults.to_json()})

    def clear_faults(self, request: Request) -> Response:
        _only(request, "id")
        fault_id = request.query.text("id")
        if not fault_id:
            return json_response(200, {"cleared": self._lab.faults.clear()})
        if not self._lab.faults.remove(fault_id):
            raise ArmError(404, "FaultNotFound", f"There is no fault '{fault_id}'.")
        return json_response(200, {"cleared": 1})

    def advance_clock(self, request: Request) -> Response:
        _only(request)
        body = parse_object(request.body.read())
        _members(body, "advanceSeconds")
        seconds = number_at(body, "advanceSeconds")
        if seconds is None or seconds < 0:
            raise WrongShape("The member 'advanceSeconds' must be a number of at least 0.")
        try:
            self._lab.clock.advance(seconds)
        except OverflowError as error:
            raise WrongShape("The member 'advanceSeconds' is too large.") from error
        return self.read_clock(request)

    def read_clock(self, request: Request) -> Response:
        _only(request)
        now, real = self._lab.clock.now(), self._lab.clock.real_now()
        return json_response(
            200,
            {
                "now": iso(now),
                "realNow": iso(real),
                "aheadSeconds": round((now - real).total_seconds(), 3),
            },
        )

    def read_stats(self, request: Request) -> Response:
        _only(request)
        return json_response(200, self._lab.stats.to_json())

    def reset_stats(self, request: Request) -> Response:
        _only(request)
        self._lab.stats.reset()
        return json_response(200, self._lab.stats.to_json())

    def read_requests(self, request: Request) -> Response:
        _only(request, "after")
        after = _number(request, "after") if "after" in request.query else 0
        return json_response(200, self._lab.stats.journal(after))

    def read_settings(self, request: Request) -> Response:
        _only(request)
        return json_response(200, self._lab.settings.to_json())

    def change_settings(self, request: Request) -> Response:
        _only(request)
        changed = self._lab.settings.changed(parse_object(request.body.read()))
        with self._lab.state.transaction() as tx:
            store_settings(tx, changed)
        self._lab.settings = changed
        return json_response(200, changed.to_json())

    def change_user(self, request: Request) -> Response:
        """Switch a person's account off, or let the directory want a second factor."""
        _only(request, "name")
        body = parse_object(request.body.read())
        _members(body, "disabled", "wantsSecondFactor")
        with self._lab.state.transaction() as tx:
            user = find_user(tx, request.query.text("name"))
            if user is None:
                raise ArmError(404, "UserNotFound", "The argument 'name' names nobody.")
            disabled, wants = flag_at(body, "disabled"), flag_at(body, "wantsSecondFactor")
            changed = replace(
                user,
                disabled=user.disabled if disabled is None else disabled,
                wants_second_factor=user.wants_second_factor if wants is None else wants,
            )
            put_user(tx, changed)
        return json_response(200, {"name": user.principal_name})

    def reset(self, request: Request) -> Response:
        _only(request)
        scene = kept_scene(self._lab.dir)
        if scene is None:
            raise ArmError(500, "SceneMissing", "The directory of the lab has lost its scene.")
        self._lab.faults.clear()
        try:
            with self._lab.gate.closed(_RESET_PATIENCE_SECONDS):
                load_scene(self._lab, scene)
        except TimeoutError as error:
            raise ArmError(
                409, "Busy", "Requests are still running after 30 s; nothing was reset."
            ) from error
        self._lab.stats.reset()
        return json_response(200, {"now": iso(self._lab.clock.now())})

    def _guest(self) -> Guest:
        if self._lab.guest is None:
            raise ArmError(501, "NotImplemented", "This lab has no service that keeps disks.")
        return self._lab.guest

    def _disk(self, request: Request) -> str:
        disk = request.query.text("disk")
        if not disk:
            raise WrongShape("The query argument 'disk' (an ARM id) is missing.")
        return disk


def _render_error(
    request: Request,  # noqa: ARG001
    status: int,
    code: str,
    message: str,
) -> Response:
    body: JsonObject = {"code": code, "message": message}
    value: JsonValue = {"error": body}
    return json_response(status, value)


def _number(request: Request, name: str) -> int:
    text = request.query.text(name)
    if not text.isascii() or not text.isdigit():
        raise WrongShape(f"The query argument '{name}' must be a whole number of at least 0.")
    return int(text)


def _only(request: Request, *names: str) -> None:
    for name in request.query:
        if name not in names:
            raise WrongShape(f"There is no query argument '{name}' here.")


def _members(body: JsonObject, *names: str) -> None:
    if unknown := sorted(set(body) - set(names)):
        raise WrongShape(f"There is no member '{unknown[0]}' here.")
