"""Handing a message to a mail server."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Final

from kyanite.areas.notifications.settings import EmailSettings
from kyanite.base.errors import Invalid

TLS_PORT: Final = 465
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")


def send(settings: EmailSettings, recipients: Sequence[str], subject: str, text: str) -> None:
    """Send one message. Raises Invalid with the server's words when it is not taken.

    With ``secure``, nothing is sent, and no password given, before the server has shown a
    certificate for its name.
    """
    message = EmailMessage()
    message["Subject"] = _CONTROL.sub(" ", subject).strip()
    message["From"], message["To"] = settings.sender, ", ".join(recipients)
    message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain="kyanite.invalid")
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    try:
        with _connected(settings) as server:
            if settings.username:
                server.login(settings.username, settings.password)
            refused = server.send_message(message, settings.sender, list(recipients))
    except (smtplib.SMTPException, OSError) as error:
        raise Invalid(
            f"The mail server {settings.host}:{settings.port} did not take the message: "
            f"{_words(error)}"
        ) from error
    if refused:
        raise Invalid(f"The mail server refused these recipients: {', '.join(sorted(refused))}.")


def _connected(settings: EmailSettings) -> smtplib.SMTP:
    seconds = settings.timeout_ms / 1000
    if not settings.secure:
        return smtplib.SMTP(settings.host, settings.port, timeout=seconds)
    trust = ssl.create_default_context()
    if settings.ca_pem:
        trust.load_verify_locations(cadata=settings.ca_pem)
    if settings.port == TLS_PORT:
        return smtplib.SMTP_SSL(settings.host, settings.port, timeout=seconds, context=trust)
    server = smtplib.SMTP(settings.host, settings.port, timeout=seconds)
    try:
        server.starttls(context=trust)
    except BaseException:
        server.close()
        raise
    return server


def _words(error: Exception) -> str:
    """What went wrong, without anything that was sent."""
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        return f"{error.smtp_code} {_CONTROL.sub(' ', text)}"
    return _CONTROL.sub(" ", str(error)) or type(error).__name__
