"""Which names are allowed: accounts, repositories, folders, containers.

Each function returns the sentence that tells what is wrong, or ``None``.
Rules: docs/behaviour/accounts-and-users.md, section 1.1; repositories.md, sections 2 and 13.
"""

from __future__ import annotations

import re
from typing import Final

ACCOUNT_NAME_CHARACTERS: Final = 255
CERTIFICATE_NAME_CHARACTERS: Final = 255
REPOSITORY_NAME_CHARACTERS: Final = 125
FOLDER_NAME_CHARACTERS: Final = 256

_ACCOUNT_NAME: Final = re.compile(r"[A-Za-z0-9_\- ]+")
_REPOSITORY_FORBIDDEN: Final = frozenset('*:/\\?"<>|!@#$%^&.')
_CONTAINER: Final = re.compile(r"[a-z0-9](?:[a-z0-9]|-(?=[a-z0-9])){2,62}")


def account_name_problem(name: str | None) -> str | None:
    """What is wrong with the name of a service account."""
    if not name or not name.strip():
        return "A name is required."
    if len(name) > ACCOUNT_NAME_CHARACTERS:
        return f"The name may have at most {ACCOUNT_NAME_CHARACTERS} characters."
    if not _ACCOUNT_NAME.fullmatch(name):
        return "The name may hold Latin letters, digits, blanks, '_' and '-' only."
    return None


def repository_name_problem(name: str) -> str | None:
    """What is wrong with the name of a repository."""
    if not name.strip():
        return "A name is required."
    if len(name) > REPOSITORY_NAME_CHARACTERS:
        return f"The name may have at most {REPOSITORY_NAME_CHARACTERS} characters."
    found = sorted(_REPOSITORY_FORBIDDEN.intersection(name))
    if found:
        return f"The name may not hold {' '.join(found)}"
    if not name.isprintable():
        return "The name may not hold control characters."
    return None


def folder_name_problem(folder: str) -> str | None:
    """What is wrong with the folder of a repository."""
    if not folder.strip():
        return "A folder name is required."
    if len(folder) > FOLDER_NAME_CHARACTERS:
        return f"The folder name may have at most {FOLDER_NAME_CHARACTERS} characters."
    if "/" in folder or "\\" in folder:
        return (
            "The folder name may not hold '/' or '\\': a repository is one folder of a container."
        )
    if folder in {".", ".."} or folder.endswith(".") or not folder.isprintable():
        # Azure drops a trailing dot of a path segment; "." and ".." are resolved away by clients.
        return "The folder name may not end with a dot or hold control characters."
    return None


def container_name_problem(name: str) -> str | None:
    """What is wrong with the name of a blob container."""
    if not _CONTAINER.fullmatch(name):
        return (
            "A container name has 3 to 63 lower-case letters, digits and single hyphens, "
            "and begins and ends with a letter or digit."
        )
    return None


def derived_repository_name(container: str, folder: str) -> str:
    """The name of a repository that was given none: container and folder, made allowed."""
    text = "".join("_" if c in _REPOSITORY_FORBIDDEN else c for c in f"{container}-{folder}")
    return text[:REPOSITORY_NAME_CHARACTERS]
