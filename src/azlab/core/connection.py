"""One connection: bytes in and out of the socket, heads parsed, answers written."""

import contextlib
import select
import socket
import ssl
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

from azlab.core.body import BrokenRequest, ConnectionLost
from azlab.core.http import Body, ClientWatch, Headers
from azlab.core.shaping import UNSHAPED, Pacer, Shape

_HEAD_LIMIT = 64 << 10  # Azure refuses longer heads too; two SAS URLs in headers fit easily
_BREAKS = frozenset("\r\n\0")
_JOIN_LIMIT = 64 << 10  # bodies up to this go out in one write with their head


@dataclass(frozen=True)
class Head:
    """The request line and the header fields."""

    method: str
    target: str
    version: str
    headers: Headers

    @property
    def keep_alive(self) -> bool:
        """Whether the client wants to ask again on this connection."""
        wish = self.headers.get("connection").lower()
        return "close" not in wish if self.version == "HTTP/1.1" else "keep-alive" in wish


class Connection(ClientWatch):
    """A socket with a buffer for heads. Bodies go straight into their reader's memory."""

    def __init__(self, plain: socket.socket, secured: ssl.SSLSocket | None) -> None:
        self._socket = secured or plain
        self._buffer = bytearray(_HEAD_LIMIT)
        self._view = memoryview(self._buffer)
        self._start = 0
        self._end = 0
        self.shape: Shape = UNSHAPED
        self.lines: dict[str, Pacer] = {}
        self.sent_body_bytes = 0
        self.idle = True
        """Whether the server may close it at once when it ends."""

    def __call__(self) -> bool:
        """Whether the client has hung up, without reading anything."""
        try:
            poller = select.poll()
            poller.register(self._socket.fileno(), select.POLLRDHUP)
            return bool(poller.poll(0))
        except (OSError, ValueError):
            return True

    def read_head(self) -> Head | None:
        """The next request; None when the client closed the connection between two."""
        while True:
            end = self._buffer.find(b"\r\n\r\n", self._start, self._end)
            if end >= 0:
                break
            if not self._more():
                if self._start == self._end:
                    return None
                raise ConnectionLost("the head ended early")
        self.idle = False
        text = str(self._view[self._start : end], "iso-8859-1")
        self._start = end + 4
        return _parse_head(text)

    def _more(self) -> bool:
        if self._start == self._end:
            self._start = self._end = 0
        elif self._end == len(self._buffer):
            if self._start == 0:
                raise BrokenRequest(431, "The request header is too long.")
            rest = self._end - self._start
            self._buffer[:rest] = self._buffer[self._start : self._end]
            self._start, self._end = 0, rest
        taken = self._receive(self._view[self._end :])
        self._end += taken
        return taken > 0

    def _receive(self, target: memoryview) -> int:
        try:
            return self._socket.recv_into(target)
        except OSError:
            return 0  # reset, or TLS cut off: to a reader both are the end

    def read_into(self, target: memoryview) -> int:
        """Body bytes as they come; on a slow line piece by piece, at its pace.

        TLS gives 16 KiB at a time: to wait for each of them would cost more than the network.
        """
        if not self.shape:
            return self._take(target)
        piece = target[: self.shape.piece_bytes]
        taken = 0
        while taken < len(piece) and (more := self._take(piece[taken:])):
            taken += more
        self.shape.pass_bytes(taken)
        return taken

    def _take(self, target: memoryview) -> int:
        waiting = self._end - self._start
        if not waiting:
            return self._receive(target)
        taken = min(waiting, len(target))
        target[:taken] = self._view[self._start : self._start + taken]
        self._start += taken
        return taken

    def read_line(self, limit: int) -> bytes:
        """One line of a chunked body."""
        while True:
            end = self._buffer.find(b"\n", self._start, self._end)
            if end >= 0:
                line = bytes(self._view[self._start : end + 1])
                self._start = end + 1
                return line
            if self._end - self._start > limit:
                raise BrokenRequest(400, "A line of the chunked body is too long.")
            if not self._more():
                raise ConnectionLost("the body ended early")

    def send(self, data: bytes | bytearray | memoryview) -> None:
        """All of `data`, unpaced. ConnectionLost when nobody takes it."""
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise ConnectionLost("the client went away") from error

    def send_continue(self) -> None:
        """Let the client send its body."""
        self.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def send_response(
        self, status: int, headers: dict[str, str], body: Body, *, without_body: bool, close: bool
    ) -> None:
        """Head and body; `without_body` for HEAD and for statuses that have none."""
        sized = isinstance(body, bytes | bytearray | memoryview)
        chunked = False
        if sized and not (without_body and "Content-Length" in headers):
            if status not in (204, 304):
                headers["Content-Length"] = str(len(body))  # type: ignore[arg-type]
        elif not sized and "Content-Length" not in headers:
            chunked = True
            headers["Transfer-Encoding"] = "chunked"
        if close:
            headers["Connection"] = "close"
        head = _render_head(status, headers)
        if without_body:
            self.send(head)
        elif isinstance(body, bytes | bytearray | memoryview):
            self._send_sized(head, body)
        else:
            self._send_stream(head, body, chunked)

    def _send_sized(self, head: bytes, body: bytes | bytearray | memoryview) -> None:
        if not self.shape and len(body) <= _JOIN_LIMIT:
            self.send(b"".join((head, body)))
            self.sent_body_bytes += len(body)
            return
        self.send(head)
        self._send_body(body)

    def _send_body(self, data: bytes | bytearray | memoryview) -> None:
        if not self.shape:
            self.send(data)
            self.sent_body_bytes += len(data)
            return
        view = memoryview(data)
        step = self.shape.piece_bytes
        for offset in range(0, len(view), step):
            piece = view[offset : offset + step]
            self.shape.pass_bytes(len(piece))
            self.send(piece)
            self.sent_body_bytes += len(piece)

    def _send_stream(self, head: bytes, parts: Iterable[bytes | memoryview], chunked: bool) -> None:
        self.send(head)
        for part in parts:
            if not len(part):
                continue
            if chunked:
                self.send(b"%x\r\n" % len(part))
            self._send_body(part)
            if chunked:
                self.send(b"\r\n")
        if chunked:
            self.send(b"0\r\n\r\n")

    def send_half_response(self, status: int, headers: dict[str, str], body: Body) -> None:
        """An answer that stops in the middle of its body, for the fault `drop`."""
        if isinstance(body, bytes | bytearray | memoryview):
            headers["Content-Length"] = str(len(body))
            body = (memoryview(body),)
        half = int(headers.get("Content-Length", "0")) // 2
        if not half:
            return
        self.send(_render_head(status, headers))
        for part in body:
            self._send_body(memoryview(part)[:half])
            half -= min(half, len(part))
            if not half:
                return

    def abort(self) -> None:
        """Break the connection with a reset, as a failing network does."""
        with contextlib.suppress(OSError):
            linger = struct.pack("ii", 1, 0)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close()

    def shut_down(self) -> None:
        """Wake a thread that reads from or writes to this connection; it then closes it."""
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket; a second time does nothing."""
        with contextlib.suppress(OSError):
            self._socket.close()


def _parse_head(text: str) -> Head:
    lines = text.split("\r\n")
    parts = lines[0].split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise BrokenRequest(400, "The request line is no HTTP/1.1 request line.")
    fields: list[tuple[str, str]] = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        # A line break inside a value could come back in an answer and split its head.
        if not colon or not name or name != name.strip() or _BREAKS.intersection(line):
            raise BrokenRequest(400, "A header field is malformed.")
        fields.append((name, value.strip()))
    return Head(parts[0], parts[1], parts[2], Headers(fields))


def _render_head(status: int, headers: dict[str, str]) -> bytes:
    try:
        reason = HTTPStatus(status).phrase
    except ValueError:
        reason = "Status"
    lines = [f"HTTP/1.1 {status} {reason}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("iso-8859-1", "replace")
