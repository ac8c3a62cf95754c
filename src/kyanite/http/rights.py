"""Who sent a request, and whether the role allows it (`rules/roles.py` has the matrix)."""

from __future__ import annotations

from dataclasses import dataclass

from kyanite.base.errors import Forbidden
from kyanite.rules.roles import RIGHTS as RIGHTS
from kyanite.rules.roles import Right as Right
from kyanite.rules.roles import Role as Role
from kyanite.rules.roles import may


@dataclass(frozen=True)
class Principal:
    """Who sent the request. `session_id` names the sign-in that the token came from."""

    user_id: str
    username: str
    role: Role
    session_id: str

    @property
    def is_administrator(self) -> bool:
        return self.role is Role.PORTAL_ADMIN

    def require(self, right: Right) -> None:
        """Raise Forbidden unless the role has the right."""
        if not may(self.role, right):
            raise Forbidden(f"The role {self.role.value} does not allow to {right.value}.")
