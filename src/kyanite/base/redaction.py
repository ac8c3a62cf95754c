"""Keeping secrets out of what is written down.

Nothing should hand a secret to the log in the first place; this is the second wall. It knows
names under which secrets travel, and the texts in which they hide: signatures of storage
addresses, bearer tokens, passwords in database addresses, account keys.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

HIDDEN = "***"

_NAMES = re.compile(
    r"pass(word|wd|phrase)?$|secret|token$|authorization|credential|master_?key|account_?key"
    r"|private_?key|^sas$|signature|recovery_?code",
    re.IGNORECASE,
)
_TEXTS = (
    (re.compile(r"(?i)([?&](?:sig|sv_sig|code|access_token)=)[^&\s\"']+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer|basic|sharedkey)\s+[A-Za-z0-9._~+/:=-]{8,}"), rf"\1 {HIDDEN}"),
    (
        re.compile(r"(?i)((?:password|client_secret|refresh_token|accountkey)=)[^&;\s]+"),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"(://[^:/@\s]+:)[^@/\s]+@"), rf"\1{HIDDEN}@"),
)


def redacted_text(text: str) -> str:
    """The text with secrets in it replaced."""
    for pattern, replacement in _TEXTS:
        text = pattern.sub(replacement, text)
    return text


def redacted(value: object, name: str = "") -> object:
    """The value with secrets replaced, by their names and by their looks."""
    if name and _NAMES.search(name) and value not in (None, "", False, True):
        return HIDDEN
    if isinstance(value, str):
        return redacted_text(value)
    if isinstance(value, Mapping):
        return {key: redacted(one, str(key)) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(one) for one in value]
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    return value
