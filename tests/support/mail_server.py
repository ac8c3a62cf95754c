"""A real mail server on this machine: STARTTLS, sign-in, and everything it was given."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from kyanite.server.tls import ensure_certificate
from support.ports import free_port

USERNAME, PASSWORD = "kyanite", "of-the-mail-server"


@dataclass
class MailServer:
    """What it heard. ``sign_ins``: user names, with whether the connection was secure."""

    port: int
    ca_pem: str
    received: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    sign_ins: list[str] = field(default_factory=list)
    refuses: str = ""

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Keep a message, or refuse it."""
        if self.refuses:
            return self.refuses
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.received.append(message)
        self.recipients.append(list(envelope.rcpt_tos))
        return "250 OK"

    def authenticate(
        self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any
    ) -> AuthResult:
        """Let the one user in."""
        assert isinstance(data, LoginPassword)
        self.sign_ins.append(data.login.decode())
        right = (data.login, data.password) == (USERNAME.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=False)


@contextmanager
def mail_server(folder: Path, *, secure: bool = True) -> Iterator[MailServer]:
    """A server for the length of a ``with``; a secure one wants STARTTLS and a sign-in."""
    certificate = ensure_certificate(folder, "127.0.0.1", datetime.now(UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate_file, certificate.key_file)
    server = MailServer(free_port(), certificate.certificate_file.read_text())
    options: dict[str, Any] = (
        {
            "tls_context": context,
            "require_starttls": True,
            "authenticator": server.authenticate,
            "auth_required": True,
        }
        if secure
        else {}
    )
    controller = Controller(server, hostname="127.0.0.1", port=server.port, **options)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()
