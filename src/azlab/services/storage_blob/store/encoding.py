"""Records to JSON columns and back."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import TypeVar, cast

from azlab.services.storage_blob.store.records import (
    ContentHeaders,
    CopyResult,
    Lease,
    StoredPolicy,
    Tier,
)

Record = ContentHeaders | CopyResult | Lease | StoredPolicy | Tier
T = TypeVar("T", ContentHeaders, CopyResult, Lease, StoredPolicy, Tier)

_DATES = frozenset({"changed_at", "rehydrate_at", "expires_at", "break_at", "completed_at"})


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"not storable: {value!r}")


def dump(record: Record | None) -> str | None:
    return None if record is None else json.dumps(asdict(record), default=_plain)


def dump_always(record: Record) -> str:
    return json.dumps(asdict(record), default=_plain)


def load(kind: type[T], text: str) -> T:
    members = cast(dict[str, object], json.loads(text))
    for name in _DATES & members.keys():
        value = members[name]
        members[name] = datetime.fromisoformat(value) if isinstance(value, str) else None
    return kind(**members)  # type: ignore[arg-type]  # written by dump() from the same class


def load_optional(kind: type[T], text: str | None) -> T | None:
    return None if text is None else load(kind, text)


def dump_mapping(values: Mapping[str, str]) -> str:
    return json.dumps(dict(values), ensure_ascii=False)


def load_mapping(text: str) -> dict[str, str]:
    return cast(dict[str, str], json.loads(text))


def dump_policies(policies: tuple[StoredPolicy, ...]) -> str:
    return json.dumps([asdict(policy) for policy in policies])


def load_policies(text: str) -> tuple[StoredPolicy, ...]:
    return tuple(StoredPolicy(**item) for item in json.loads(text))
