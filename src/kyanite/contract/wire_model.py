"""The base of all generated wire models."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


def _as_the_contract_says(schema: dict[str, Any]) -> None:
    """Bytes have the format `binary`; newer documents of the framework say it otherwise."""
    for member in schema.get("properties", {}).values():
        if member.pop("contentMediaType", None) is not None:
            member["format"] = "binary"


class WireModel(BaseModel):
    """A body of the API. Python names are snake case, wire names are the contract's.

    Unknown members are ignored: existing clients send old and new ones
    (docs/behaviour/rulings.md).
    """

    model_config = ConfigDict(
        populate_by_name=True, extra="ignore", json_schema_extra=_as_the_contract_says
    )
