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
    # In a query, at its beginning, escaped for XML, or as a value inside another query.
    (
        re.compile(r"(?i)((?:\b|%26)(?:sig|access_token)(?:=|%3d))[^&\s\"'<>]+"),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"(?i)([?&;]code=)[^&\s\"']+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer|basic|sharedkey)\s+[A-Za-z0-9._~+/:=-]{8,}"), rf"\1 {HIDDEN}"),
    (
        re.compile(r"(?i)((?:password|client_?secret|refresh_?token|account_?key)=)[^&;\s]+"),
        rf"\1{HIDDEN}",
    ),
    # Members of JSON, and of objects of Python as a traceback shows them.
    (
        re.compile(
            r"""(?i)(['"][a-z_]*(?:password|secret|token|accesssas|accountkey)['"]\s*:\s*)"""
            r"""(?:"[^"]*"|'[^']*')"""
        ),
        rf"\1'{HIDDEN}'",
    ),
    (re.compile(r"(://[^:/@\s]*:)[^@/\s]+@"), rf"\1{HIDDEN}@"),
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
