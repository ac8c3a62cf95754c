"""Requests to the data planes: accidents, renewals, and what is told about them."""

from __future__ import annotations

import pytest

from engine.storage_suite import read_in_pieces
from kyanite.azure.blob.storage import BlobStorage
from kyanite.azure.compute.pages import DiskPages
from kyanite.azure.connections import Answer
from kyanite.azure.signed_urls import RenewableUrl, SignedUrl
from kyanite.base.errors import (
    Cancelled,
    Denied,
    ObjectExists,
    ObjectMissing,
    StorageDenied,
    StorageError,
    StorageUnavailable,
    Transient,
)
from kyanite.base.units import MIB
from support.memory_planes import HASTY, MemoryContainer, MemoryDisk, MemoryExchange, refusal

DISK_URL = SignedUrl.parse("https://disks.test/md-1/abcd?sv=1&sig=first")
CONTAINER_URL = SignedUrl.parse("https://blobs.test/account/container?sv=1&sig=first")


def disk_pages(
    disk: MemoryDisk, *accidents: str | Answer, renew: bool = True
) -> tuple[DiskPages, MemoryExchange]:
    exchange = MemoryExchange(disk, accidents)

    def renewed(stale: SignedUrl) -> SignedUrl:
        return SignedUrl(stale.address, "sv=1&sig=second")

    url = RenewableUrl(DISK_URL, renewed if renew else None)
    return DiskPages(exchange, url, patience=HASTY), exchange


def read(pages: DiskPages, offset: int, length: int) -> bytes:
    buffer = bytearray(length)
    pages.read_into(offset, memoryview(buffer))
    return bytes(buffer)


def storage(
    container: MemoryContainer, *accidents: str | Answer
) -> tuple[BlobStorage, MemoryExchange]:
    exchange = MemoryExchange(container, accidents)
    return BlobStorage.signed(CONTAINER_URL, "folder", pool=exchange, patience=HASTY), exchange


def test_the_footer_does_not_count_to_the_size_of_a_disk() -> None:
    pages, _ = disk_pages(MemoryDisk(3 * MIB))
    assert pages.size_bytes() == 3 * MIB


def test_a_range_is_read_in_one_request() -> None:
    disk = MemoryDisk(MIB)
    disk.data[4096:8192] = b"x" * 4096
    pages, exchange = disk_pages(disk)
    assert read(pages, 4095, 3) == b"\0xx"
    assert len(exchange.requests) == 1


def test_a_read_survives_broken_and_stale_connections_and_a_busy_server() -> None:
    disk = MemoryDisk(MIB)
    disk.data[0] = 7
    pages, _ = disk_pages(disk, "before", "stale", refusal(503, "ServerBusy"), "after")
    assert read(pages, 0, 1) == b"\7"


def test_many_stale_connections_cost_no_attempts() -> None:
    pages, _ = disk_pages(MemoryDisk(MIB), *["stale"] * 30)
    assert read(pages, 0, 1) == b"\0"


def test_an_expired_access_is_renewed_and_the_read_goes_on() -> None:
    pages, exchange = disk_pages(MemoryDisk(MIB), refusal(403, "AuthenticationFailed"))
    assert read(pages, 0, 4) == bytes(4)
    assert [target.rpartition("=")[2] for _, target in exchange.requests] == ["first", "second"]


def test_an_access_that_cannot_be_renewed_is_denied() -> None:
    pages, _ = disk_pages(MemoryDisk(MIB), refusal(403, "AuthenticationFailed"), renew=False)
    with pytest.raises(Denied, match="cannot be renewed"):
        read(pages, 0, 4)


def test_an_access_that_is_refused_again_and_again_ends_as_denied() -> None:
    pages, exchange = disk_pages(MemoryDisk(MIB), *[refusal(403, "AuthenticationFailed")] * 9)
    with pytest.raises(Denied):
        read(pages, 0, 4)
    assert len(exchange.requests) == 4


def test_a_lacking_right_is_no_expiry() -> None:
    pages, exchange = disk_pages(MemoryDisk(MIB), refusal(403, "AuthorizationPermissionMismatch"))
    with pytest.raises(Denied):
        read(pages, 0, 4)
    assert len(exchange.requests) == 1


def test_no_error_shows_the_signature() -> None:
    pages, _ = disk_pages(MemoryDisk(MIB), refusal(400, "InvalidHeaderValue"))
    with pytest.raises(Exception, match="InvalidHeaderValue") as caught:
        read(pages, 0, 4)
    assert "sig" not in str(caught.value) + repr(caught.value)


def test_waiting_for_a_busy_server_can_be_called_off() -> None:
    exchange = MemoryExchange(MemoryDisk(MIB), (refusal(503, "ServerBusy"),) * 9)
    asked = [0]

    def check() -> None:
        asked[0] += 1
        if asked[0] > 4:
            raise Cancelled("stop")

    pages = DiskPages(exchange, RenewableUrl(DISK_URL), check)
    with pytest.raises(Cancelled):
        read(pages, 0, 1)


def test_a_put_whose_answer_was_lost_finds_its_own_object() -> None:
    for md5 in (True, False):
        container = MemoryContainer(md5=md5)
        repository, _ = storage(container, "after")
        repository.put("packs/a", b"content")
        assert container.blobs == {"folder/packs/a": b"content"}


def test_a_put_whose_answer_was_lost_does_not_take_anothers_object_for_its_own() -> None:
    for other in (b"differs", b"longer than it"):
        container = MemoryContainer()
        container.blobs["folder/packs/a"] = other
        repository, _ = storage(container, "before")
        with pytest.raises(ObjectExists):
            repository.put("packs/a", b"content")


def test_identical_bytes_of_somebody_else_are_still_somebody_elses() -> None:
    container = MemoryContainer()
    container.blobs["folder/packs/a"] = b"content"
    repository, _ = storage(container)
    with pytest.raises(ObjectExists):
        repository.put("packs/a", b"content")


def test_create_without_write_meets_the_same_answer() -> None:
    container = MemoryContainer(overwrite_code="UnauthorizedBlobOverwrite")
    container.blobs["folder/packs/a"] = b"old"
    repository, _ = storage(container)
    with pytest.raises(ObjectExists):
        repository.put("packs/a", b"new")
    assert container.blobs["folder/packs/a"] == b"old"


def test_errors_come_in_the_words_of_storages() -> None:
    repository, _ = storage(MemoryContainer())
    with pytest.raises(ObjectMissing):
        repository.get("packs/none")
    repository, _ = storage(MemoryContainer(), refusal(403, "AuthorizationPermissionMismatch"))
    with pytest.raises(StorageDenied):
        repository.get("packs/none")
    repository, _ = storage(MemoryContainer(), *[refusal(503, "ServerBusy")] * 9)
    with pytest.raises(StorageUnavailable):
        repository.get("packs/none")


def test_a_failure_that_lasts_is_reported_as_one_of_the_moment() -> None:
    pages, _ = disk_pages(MemoryDisk(MIB), *["before"] * 9)
    with pytest.raises(Transient, match="got no answer"):
        read(pages, 0, 1)


def test_a_stream_that_is_torn_goes_on_where_it_was() -> None:
    data = bytes(range(256)) * 64
    container = MemoryContainer()
    container.blobs["folder/packs/a"] = data
    repository, exchange = storage(container, "stale", "torn", "torn", "before")
    assert read_in_pieces(repository, "packs/a", 10, 16_000, 700) == data[10:16_010]
    assert len(exchange.requests) == 5


def test_a_stream_that_breaks_again_and_again_is_given_up() -> None:
    container = MemoryContainer()
    container.blobs["folder/packs/a"] = bytes(10_000)
    repository, _ = storage(container, *["torn"] * 9)
    with pytest.raises(StorageUnavailable, match="broke off"):
        read_in_pieces(repository, "packs/a", 0, 10_000, 10_000)


def test_a_stream_of_more_than_was_asked_for_is_not_read() -> None:
    container = MemoryContainer()
    container.blobs["folder/packs/a"] = bytes(10_000)
    repository, _ = storage(container, Answer(200, {}, bytes(10_000)))
    with pytest.raises(StorageError, match="Other bytes"):
        read_in_pieces(repository, "packs/a", 0, 100, 100)
