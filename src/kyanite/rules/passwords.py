"""Which passwords are good enough for a local user (docs/behaviour/accounts-and-users.md §4.4).

The rule for Azure machines, and no password that a guesser tries early: zxcvbn knows the
dictionaries that cracklib knows, and what people do to the words in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from kyanite.base.errors import Invalid

MIN_LENGTH: Final = 12
MAX_LENGTH: Final = 72
_KINDS_NEEDED: Final = 3
_GUESSED_SCORE: Final = 2
"""zxcvbn's score of what falls within a hundred million guesses; ours are slow ones."""


def weakness(password: str, known: Sequence[str] = ()) -> str | None:
    """What is wrong with a new password, as a sentence; None if nothing is.

    ``known``: what a guesser knows of its owner, such as the name.
    """
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        return f"A password has {MIN_LENGTH} to {MAX_LENGTH} characters."
    kinds = (
        any(one.islower() for one in password),
        any(one.isupper() for one in password),
        any(one.isdigit() for one in password),
        any(not one.isalnum() for one in password),
    )
    if sum(kinds) < _KINDS_NEEDED:
        return (
            "A password has three of these: lower case letters, upper case letters, digits, "
            "special characters."
        )
    # Its word lists are a few megabytes, which a process that sets no password needs not.
    from zxcvbn import zxcvbn

    if zxcvbn(password, list(known), max_length=MAX_LENGTH)["score"] <= _GUESSED_SCORE:
        return "This password is among those that are guessed first; choose less common words."
    return None


def require_good(password: str, member: str, known: Sequence[str] = ()) -> None:
    """Raise Invalid naming `member` unless the password is good enough."""
    wrong = weakness(password, known)
    if wrong is not None:
        raise Invalid.member(member, wrong)
