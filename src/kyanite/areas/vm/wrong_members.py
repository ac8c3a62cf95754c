"""Collecting what is wrong with a request, by member."""

from __future__ import annotations

from kyanite.base.errors import Invalid


class WrongMembers:
    """Notes wrong members, and raises once with all of them: people mend a form in one go."""

    def __init__(self, message: str) -> None:
        self._message = message
        self._errors: dict[str, list[str]] = {}

    def add(self, member: str, sentence: str) -> None:
        """Note one wrong member."""
        self._errors.setdefault(member, []).append(sentence)

    def raise_if_any(self) -> None:
        """Raise Invalid with everything noted."""
        if self._errors:
            raise Invalid(self._message, self._errors)
