"""What a login of a mail or database server must look like.

docs/behaviour/accounts-and-users.md, section 7.
"""

from __future__ import annotations

import re
from typing import Final

SMTP: Final = "Smtp"
DATABASE: Final = "Database"
KINDS: Final = (SMTP, DATABASE)
NAME_CHARACTERS: Final = 255
DESCRIPTION_CHARACTERS: Final = 512

_NAME: Final = re.compile(r"[A-Za-z0-9_\- ]+")


def standard_account_problems(
    *, kind: str | None, name: str, description: str | None, has_login: bool
) -> dict[str, str]:
    """Sentences by member; empty when all is well. ``has_login``: name and password are known."""
    problems: dict[str, str] = {}
    if kind not in KINDS:
        problems["kind"] = f"Say which kind it is: {' or '.join(KINDS)}."
    if not name.strip():
        problems["name"] = "A name is required."
    elif len(name) > NAME_CHARACTERS:
        problems["name"] = f"The name may have at most {NAME_CHARACTERS} characters."
    elif not _NAME.fullmatch(name):
        problems["name"] = "The name may hold Latin letters, digits, blanks, '_' and '-' only."
    if len(description or "") > DESCRIPTION_CHARACTERS:
        problems["description"] = (
            f"The description may have at most {DESCRIPTION_CHARACTERS} characters."
        )
    if kind == DATABASE and not has_login:
        problems["password"] = "A database account needs a user name and a password."
    return problems
