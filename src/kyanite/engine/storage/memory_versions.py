"""A storage in memory that keeps versions and locks, as a blob container can."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from kyanite.base.clock import Clock
from kyanite.base.errors import ObjectLocked, ObjectMissing, StorageDenied
from kyanite.engine.storage.base import Data, Version, check_name
from kyanite.engine.storage.memory import MemoryStorage


@dataclass(slots=True)
class _State:
    version_id: str
    data: bytes
    made_at: datetime
    locked_until: datetime | None = None


class VersionedMemoryStorage(MemoryStorage):
    """Everything that was ever put stays until its version is deleted."""

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__(clock)
        self._states: dict[str, list[_State]] = {}
        self._made = 0

    def put(self, name: str, data: Data) -> None:
        with self._lock:
            super().put(name, data)
            self._remember(name)

    def overwrite(self, name: str, data: bytes) -> None:
        with self._lock:
            super().overwrite(name, data)
            self._remember(name)

    def delete(self, name: str) -> None:
        with self._lock:
            if check_name(name) in self._objects:
                self._refuse_locked(name, self._states[name][-1])
            super().delete(name)

    def keeps_versions(self) -> bool:
        return True

    def lock_until(self, name: str, until: datetime) -> None:
        with self._lock:
            state = self._current(name)
            if state.locked_until is None or state.locked_until < until:
                state.locked_until = until

    def locked_until(self, name: str) -> datetime | None:
        with self._lock:
            return self._current(name).locked_until

    def versions(self, prefix: str) -> Iterator[Version]:
        with self._lock:
            found = [
                Version(
                    name,
                    state.version_id,
                    len(state.data),
                    state.made_at,
                    state is states[-1] and name in self._objects,
                    state.locked_until,
                )
                for name, states in sorted(self._states.items())
                if name.startswith(prefix)
                for state in states
            ]
        return iter(found)

    def get_version(self, name: str, version_id: str) -> bytes:
        with self._lock:
            for state in self._states.get(check_name(name), ()):
                if state.version_id == version_id:
                    return state.data
        raise ObjectMissing(f"There is no version {version_id} of {name}.")

    def get_version_range(self, name: str, version_id: str, offset: int, length: int) -> bytes:
        data = self.get_version(name, version_id)
        start = max(0, len(data) + offset) if offset < 0 else offset
        return data[start : start + length]

    def delete_version(self, name: str, version_id: str) -> None:
        with self._lock:
            states = self._states.get(check_name(name), [])
            for state in states:
                if state.version_id == version_id:
                    if state is states[-1] and name in self._objects:
                        raise StorageDenied(f"{name}: the current version cannot be removed.")
                    self._refuse_locked(name, state)
                    states.remove(state)
                    break
            if not states:
                self._states.pop(name, None)

    def _remember(self, name: str) -> None:
        data, made_at = self._objects[name]
        self._made += 1
        self._states.setdefault(name, []).append(_State(f"{self._made:012}", data, made_at))

    def _refuse_locked(self, name: str, state: _State) -> None:
        if state.locked_until is not None and state.locked_until > self._clock.now():
            raise ObjectLocked(f"{name} is locked until {state.locked_until.isoformat()}.")

    def _current(self, name: str) -> _State:
        if check_name(name) not in self._objects:
            raise ObjectMissing(f"There is no object {name}.")
        return self._states[name][-1]
