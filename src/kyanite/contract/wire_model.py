"""The base of all generated wire models."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class WireModel(BaseModel):
    """A body of the API. Python names are snake case, wire names are the contract's.

    Unknown members are ignored: existing clients send old and new ones
    (docs/behaviour/rulings.md).
    """

    model_config = ConfigDict(populate_by_name=True, extra="ignore")
