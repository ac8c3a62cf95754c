"""Errors of the disk data plane, in the XML of the storage services."""

from __future__ import annotations

from xml.sax.saxutils import escape

from azlab.core.http import HttpError, Request, Response


class BlobError(HttpError):
    """An answer with a storage error code."""

    def __init__(self, status: int, code: str, message: str, **details: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details

    def to_response(self, request: Request) -> Response:
        """The XML body, or just the headers for HEAD."""
        return render(request, self.status, self.code, self.message, self.details)


def render(
    request: Request, status: int, code: str, message: str, details: dict[str, str] | None = None
) -> Response:
    """A storage error: the code in a header and, except for HEAD, in an XML body."""
    headers = {"x-ms-error-code": code, "x-ms-request-id": request.request_id}
    if request.method == "HEAD" or status == 304:
        return Response(status, headers)
    text = f"{message}\nRequestId:{request.request_id}\nTime:{request.now.isoformat()}"
    more = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in (details or {}).items())
    body = (
        '<?xml version="1.0" encoding="utf-8"?>'
        f"<Error><Code>{code}</Code><Message>{escape(text)}</Message>{more}</Error>"
    )
    headers["Content-Type"] = "application/xml"
    return Response(status, headers, body.encode())
