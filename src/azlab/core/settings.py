"""What a scene or a test may set about the lab as a whole."""

from dataclasses import dataclass, replace

from azlab.core.json_types import JsonObject, WrongShape, integer_at, number_at
from azlab.core.state import Transaction

_KIND, _KEY = "lab", "settings"
_MEMBERS = {"pageSize", "lroSeconds", "retryAfterSeconds"}


@dataclass(frozen=True)
class Settings:
    """Kept in the state, so a restarted lab behaves the same."""

    page_size: int = 100
    """Items on one page of an ARM list."""
    lro_seconds: float = 0.2
    """How long a long-running operation takes (in lab time) unless its service says otherwise."""
    retry_after_seconds: int = 0
    """What `Retry-After` of a running operation says."""

    def to_json(self) -> JsonObject:
        """As scenes and the control interface write it."""
        return {
            "pageSize": self.page_size,
            "lroSeconds": self.lro_seconds,
            "retryAfterSeconds": self.retry_after_seconds,
        }

    def changed(self, body: JsonObject) -> "Settings":
        """With the members of `body` in place; WrongShape when one is unknown or nonsense."""
        if unknown := sorted(set(body) - _MEMBERS):
            raise WrongShape(f"There is no setting '{unknown[0]}'.")
        page_size = integer_at(body, "pageSize")
        lro_seconds = number_at(body, "lroSeconds")
        retry_after = integer_at(body, "retryAfterSeconds")
        if page_size is not None and page_size < 1:
            raise WrongShape("The member 'pageSize' must be at least 1.")
        if (lro_seconds or 0) < 0 or (retry_after or 0) < 0:
            raise WrongShape("Seconds must not be negative.")
        return replace(
            self,
            page_size=self.page_size if page_size is None else page_size,
            lro_seconds=self.lro_seconds if lro_seconds is None else lro_seconds,
            retry_after_seconds=self.retry_after_seconds if retry_after is None else retry_after,
        )


def load_settings(tx: Transaction) -> Settings:
    """What the state holds, else the defaults."""
    return Settings().changed(tx.get(_KIND, _KEY) or {})


def store_settings(tx: Transaction, settings: Settings) -> None:
    """Keep for the next start."""
    tx.put(_KIND, _KEY, settings.to_json())
