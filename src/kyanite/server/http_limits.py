"""Bounds on what a client may send before anybody knows who it is.

uvicorn leaves these to a proxy in front of it; the appliance stands alone. Bodies are bounded
in ``kyanite.http.reading``.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


@dataclass(frozen=True)
class HttpLimits:
    """The bounds.

    head_bytes    the longest requests are lists with some hundred ids in the query
    head_seconds  from the first byte (of a new connection: from its beginning) to the head's end
    body_seconds  for a whole body; the largest ones have some hundred KiB
    take_seconds  a client that takes nothing of an answer for so long does not want it
    goodbye_seconds  an idle client that does not answer the end of TLS holds no shutdown up
    """

    head_bytes: int = 64 * 1024
    connections: int = 512
    head_seconds: float = 20.0
    body_seconds: float = 300.0
    take_seconds: float = 120.0
    goodbye_seconds: float = 0.5


class BoundedProtocol(HttpToolsProtocol):
    """One connection. What goes over a bound ends it."""

    limits: ClassVar[HttpLimits] = HttpLimits()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._in_head = False
        self._head_bytes = 0  # in chunks that hold nothing else
        self._header_bytes = 0
        self._receiving: asyncio.TimerHandle | None = None
        self._sending: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        if len(self.connections) > self.limits.connections:
            self.transport.abort()
            return
        self._expect_more(self.limits.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._receiving, self._sending):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        was_in_head = self._in_head
        super().data_received(data)
        if self.transport.is_closing():
            return
        if was_in_head and self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > self.limits.head_bytes:
                self._refuse_head()
        elif self._receiving is None and (self.cycle is None or self.cycle.response_complete):
            # Blank lines between requests: they have ended uvicorn's own wait for the next one.
            self._expect_more(self.limits.head_seconds)

    def on_message_begin(self) -> None:
        self._in_head = True
        self._head_bytes = self._header_bytes = 0
        self._expect_more(self.limits.head_seconds)
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        # Also called for the trailers of a body in pieces, when the head is long over.
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > self.limits.head_bytes:
            raise ValueError("a request with too many headers")  # the parser makes it a 400
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._expect_more(self.limits.body_seconds)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        if self._receiving is not None:
            self._receiving.cancel()
            self._receiving = None
        super().on_message_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._sending = self.loop.call_later(self.limits.take_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None

    def shutdown(self) -> None:
        super().shutdown()
        if self.cycle is None or self.cycle.response_complete:
            self.loop.call_later(self.limits.goodbye_seconds, self.transport.abort)

    def _expect_more(self, seconds: float) -> None:
        if self._receiving is not None:
            self._receiving.cancel()
        self._receiving = self.loop.call_later(seconds, self._too_slow, seconds)

    def _too_slow(self, seconds: float) -> None:
        self._receiving = None
        if self.flow.read_paused:  # it is us who do not read
            self._expect_more(seconds)
        else:
            self.transport.abort()

    def _refuse_head(self) -> None:
        self.transport.write(
            b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
            b"content-length: 0\r\nconnection: close\r\n\r\n"
        )
        self.transport.close()
