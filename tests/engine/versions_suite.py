"""What a storage must do that keeps versions. Subclass ``VersionsSuite``, as ``StorageSuite``.

It needs two fixtures: ``versioned``, and ``overwrite(name, data)``, which writes over an
object as somebody with all rights would.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from kyanite.base.errors import ObjectLocked, ObjectMissing, StorageDenied
from kyanite.engine.storage.as_of import AsOfStorage
from kyanite.engine.storage.base import VersionedStorage, versions_of

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
NEXT_WEEK = TOMORROW + timedelta(days=6)


class VersionsSuite:
    """The promises of ``kyanite.engine.storage.base.VersionedStorage``."""

    def test_it_says_that_it_keeps_versions(self, versioned: VersionedStorage) -> None:
        assert versions_of(versioned) is versioned

    def test_what_was_deleted_can_be_read_as_a_version(self, versioned: VersionedStorage) -> None:
        versioned.put("packs/a", b"0123456789")
        (before,) = versioned.versions("packs/")
        versioned.delete("packs/a")
        (after,) = versioned.versions("packs/")
        assert (before.current, after.current) == (True, False)
        assert (after.name, after.size_bytes) == ("packs/a", 10)
        assert after.version_id == before.version_id
        assert versioned.get_version("packs/a", after.version_id) == b"0123456789"
        assert versioned.get_version_range("packs/a", after.version_id, 2, 3) == b"234"
        assert versioned.get_version_range("packs/a", after.version_id, -2, 2) == b"89"
        assert list(versioned.list("packs/")) == []
        with pytest.raises(ObjectMissing):
            versioned.get("packs/a")

    def test_versions_come_by_name_and_age(self, versioned: VersionedStorage) -> None:
        for content in (b"one", b"two", b"three"):
            versioned.put("points/b", content)
            versioned.delete("points/b")
        versioned.put("points/b", b"four")
        versioned.put("points/a", b"a")
        versioned.put("pointsx", b"x")
        found = list(versioned.versions("points/"))
        assert [one.name for one in found] == ["points/a", *["points/b"] * 4]
        assert [one.current for one in found] == [True, False, False, False, True]
        contents = [versioned.get_version(one.name, one.version_id) for one in found]
        assert contents == [b"a", b"one", b"two", b"three", b"four"]
        assert sorted(found, key=lambda one: (one.name, one.version_id)) == found

    def test_a_version_that_is_not_locked_can_be_removed_for_good(
        self, versioned: VersionedStorage
    ) -> None:
        versioned.put("packs/a", b"one")
        versioned.put("packs/ab", b"other")
        versioned.delete("packs/a")
        (version, _) = versioned.versions("packs/a")
        versioned.delete_version("packs/a", version.version_id)
        versioned.delete_version("packs/a", version.version_id)
        assert [one.name for one in versioned.versions("packs/a")] == ["packs/ab"]
        with pytest.raises(ObjectMissing):
            versioned.get_version("packs/a", version.version_id)

    def test_a_lock_is_read_back_and_never_made_shorter(self, versioned: VersionedStorage) -> None:
        versioned.put("packs/a", b"one")
        assert versioned.locked_until("packs/a") is None
        versioned.lock_until("packs/a", TOMORROW)
        assert versioned.locked_until("packs/a") == TOMORROW
        versioned.lock_until("packs/a", NEXT_WEEK)
        versioned.lock_until("packs/a", TOMORROW)
        assert versioned.locked_until("packs/a") == NEXT_WEEK
        (version,) = versioned.versions("packs/")
        assert version.locked_until == NEXT_WEEK

    def test_the_current_version_is_not_removed(self, versioned: VersionedStorage) -> None:
        versioned.put("packs/a", b"one")
        (version,) = versioned.versions("packs/")
        with pytest.raises(StorageDenied):
            versioned.delete_version("packs/a", version.version_id)
        assert versioned.get("packs/a") == b"one"

    def test_locking_what_is_not_there_says_so(self, versioned: VersionedStorage) -> None:
        with pytest.raises(ObjectMissing):
            versioned.lock_until("packs/none", TOMORROW)
        with pytest.raises(ObjectMissing):
            versioned.locked_until("packs/none")

    def test_a_locked_object_is_not_deleted_and_outlives_being_written_over(
        self, versioned: VersionedStorage, overwrite: Callable[[str, bytes], None]
    ) -> None:
        versioned.put("packs/a", b"one")
        versioned.lock_until("packs/a", TOMORROW)
        with pytest.raises(ObjectLocked):
            versioned.delete("packs/a")
        assert versioned.get("packs/a") == b"one"
        overwrite("packs/a", b"garbage")
        versioned.delete("packs/a")
        assert list(versioned.list("packs/a")) == []
        first, second = versioned.versions("packs/a")
        assert (first.locked_until, second.locked_until) == (TOMORROW, None)
        with pytest.raises(ObjectLocked):
            versioned.delete_version("packs/a", first.version_id)
        versioned.delete_version("packs/a", second.version_id)
        assert versioned.get_version("packs/a", first.version_id) == b"one"

    def test_a_time_that_has_passed_can_be_looked_at(self, versioned: VersionedStorage) -> None:
        versioned.put("packs/s/a", b"0123456789")
        versioned.put("packs/s/b", b"b")
        made = [version.made_at for version in versioned.versions("packs/")]
        versioned.delete("packs/s/a")
        seen = AsOfStorage(versioned, max(made) + timedelta(hours=1))
        assert [info.name for info in seen.list("packs/")] == ["packs/s/a", "packs/s/b"]
        assert seen.get("packs/s/a") == b"0123456789"
        assert seen.get_range("packs/s/a", -3, 2) == b"78"
        assert seen.size("packs/s/a") == 10
        earlier = AsOfStorage(versioned, min(made) - timedelta(seconds=5))
        assert list(earlier.list("")) == []
        with pytest.raises(ObjectMissing):
            earlier.get("packs/s/a")
        with pytest.raises(StorageDenied):
            seen.put("packs/s/c", b"c")
        with pytest.raises(StorageDenied):
            seen.delete("packs/s/a")
