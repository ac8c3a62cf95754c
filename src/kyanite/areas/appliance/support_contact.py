"""What the appliance says to somebody who asks for help with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session


@dataclass(frozen=True)
class SupportContact:
    """``tenant_of`` gives the Microsoft Entra tenant it works for, None before there is one.

    ``updates_url``: where its operator gets new versions; empty when nobody has said so.
    """

    tenant_of: Callable[[Session], str | None]
    updates_url: str


def support_code(installation_id: str) -> str:
    """A short name of the installation to be read out; it says nothing about it."""
    code = installation_id.replace("-", "")[-12:].upper()
    return "-".join(code[start : start + 4] for start in range(0, 12, 4))
