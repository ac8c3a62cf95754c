"""Records to JSON columns and back."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import TypeVar, cast

from azlab.services.storage_blob.store.records import (
    ContainerPolicy,
    ContentHeaders,
    CopyResult,
    HoldTag,
    Lease,
    PolicyUpdate,
    Protection,
    Retention,
    ServiceSettings,
    SoftDeletion,
    StoredPolicy,
    Tier,
    Worm,
)

Record = (
    ContentHeaders
    | CopyResult
    | Lease
    | StoredPolicy
    | Tier
    | Protection
    | SoftDeletion
    | ServiceSettings
    | Worm
)
T = TypeVar(
    "T",
    ContentHeaders,
    CopyResult,
    Lease,
    StoredPolicy,
    Tier,
    Protection,
    SoftDeletion,
    ServiceSettings,
    HoldTag,
    PolicyUpdate,
)

_DATES = frozenset(
    (
        *("changed_at", "rehydrate_at", "expires_at", "break_at", "completed_at"),
        *("until", "at", "versions_since"),
    )
)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"not storable: {value!r}")


def dump(record: Record | None) -> str | None:
    return None if record is None else json.dumps(asdict(record), default=_plain)


def dump_always(record: Record) -> str:
    return json.dumps(asdict(record), default=_plain)


def load(kind: type[T], text: str) -> T:
    return _made(kind, cast(dict[str, object], json.loads(text)))


def _made(kind: type[T], members: dict[str, object]) -> T:
    return kind(**_with_dates(members))  # type: ignore[arg-type]  # written by dump()


def _with_dates(members: dict[str, object]) -> dict[str, object]:
    for name in _DATES & members.keys():
        value = members[name]
        members[name] = datetime.fromisoformat(value) if isinstance(value, str) else None
    return members


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


def load_worm(text: str | None) -> Worm:
    """Absent in containers that a lab made before it knew of immutability."""
    if text is None:
        return Worm()
    members = _with_dates(json.loads(text))
    policy = cast(dict[str, object] | None, members["policy"])
    if policy is not None:
        history = cast(list[dict[str, object]], policy["history"])
        policy["history"] = tuple(_made(PolicyUpdate, one) for one in history)
        policy["retention"] = Retention(**cast(dict[str, int], policy["retention"]))  # type: ignore[arg-type]
        members["policy"] = ContainerPolicy(**policy)  # type: ignore[arg-type]
    holds = cast(list[dict[str, object]], members["holds"])
    members["holds"] = tuple(_made(HoldTag, one) for one in holds)
    return Worm(**members)  # type: ignore[arg-type]
