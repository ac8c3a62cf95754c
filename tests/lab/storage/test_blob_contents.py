"""Block blobs: put, blocks, ranges, checksums, copies, and exactly one winner in a race."""

from __future__ import annotations

import base64
import hashlib
import os
import random
import threading

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import (
    BlobBlock,
    BlobClient,
    BlobServiceClient,
    BlockState,
    ContainerClient,
    ContentSettings,
)

from azlab.services.storage_blob.crc64 import Crc64
from support.storage import Account, code


def test_a_blob_keeps_bytes_headers_metadata_and_tags(container: ContainerClient) -> None:
    name = "folder/a b+c%d é.txt"
    settings = ContentSettings(
        content_type="text/plain",
        content_encoding="identity",
        content_language="de",
        content_disposition="inline",
        cache_control="no-store",
    )
    blob = container.upload_blob(
        name, b"hello", metadata={"Kind": "x"}, tags={"a": "1"}, content_settings=settings
    )
    found = blob.get_blob_properties()
    assert found.size == 5
    assert found.metadata == {"kind": "x"} or found.metadata == {"Kind": "x"}
    assert found.tag_count == 1
    assert found.content_settings.content_type == "text/plain"
    assert found.content_settings.content_language == "de"
    assert found.content_settings.cache_control == "no-store"
    assert blob.download_blob().readall() == b"hello"
    assert blob.get_blob_tags() == {"a": "1"}
    blob.set_blob_tags({"b": "2"})
    assert blob.get_blob_tags() == {"b": "2"}
    assert blob.get_blob_properties().etag == found.etag  # tags are no part of the blob
    blob.set_blob_metadata({"other": "y"})
    assert blob.get_blob_properties().metadata == {"other": "y"}
    assert blob.get_blob_properties().etag != found.etag
    blob.set_http_headers(ContentSettings(content_type="text/html"))
    changed = blob.get_blob_properties().content_settings
    assert (changed.content_type, changed.content_language) == ("text/html", None)


def test_random_ranges_of_a_blob_of_blocks_are_right(container: ContainerClient) -> None:
    rng = random.Random(11)
    whole = rng.randbytes(5 << 20)
    blob = container.get_blob_client("blocks")
    blocks: list[BlobBlock] = []
    offset = 0
    while offset < len(whole):
        size = rng.randrange(1, 900_000)
        block_id = f"{len(blocks):06}"
        blob.stage_block(block_id, whole[offset : offset + size])
        blocks.append(BlobBlock(block_id))
        offset += size
    blob.commit_block_list(blocks)
    for _ in range(40):
        first = rng.randrange(len(whole))
        length = rng.randrange(1, len(whole) - first + 1)
        assert blob.download_blob(first, length).readall() == whole[first : first + length]
    with pytest.raises(HttpResponseError) as refusal:
        blob.download_blob(len(whole), 1)
    assert refusal.value.status_code == 416
    assert code(refusal.value) == "InvalidRange"


def test_a_block_list_chooses_among_committed_and_uncommitted_blocks(
    container: ContainerClient, account: Account
) -> None:
    blob = container.get_blob_client("b")
    for block_id, data in (("a", b"A1"), ("b", b"B1")):
        blob.stage_block(block_id, data)
    committed, uncommitted = blob.get_block_list("all")
    assert (len(committed), len(uncommitted)) == (0, 2)
    blob.commit_block_list([BlobBlock("a"), BlobBlock("b"), BlobBlock("a")])
    assert blob.download_blob().readall() == b"A1B1A1"
    blob.stage_block("a", b"A2")
    blob.stage_block("c", b"C1")
    # The SDK writes every entry as Latest, so the list is sent as XML.
    ids = {name: base64.b64encode(name.encode()).decode() for name in "abc"}
    wanted = (("Latest", "a"), ("Committed", "a"), ("Latest", "b"))
    entries = "".join(f"<{kind}>{ids[name]}</{kind}>" for kind, name in wanted)
    answer = account.raw(
        "PUT",
        f"{container.container_name}/b",
        query={"comp": "blocklist"},
        data=f"<BlockList>{entries}</BlockList>".encode(),
    )
    assert answer.status_code == 201
    assert blob.download_blob().readall() == b"A2A1B1"
    committed, uncommitted = blob.get_block_list("all")
    assert [(block.id, block.size) for block in committed] == [("a", 2), ("a", 2), ("b", 2)]
    assert uncommitted == []  # "c" was not listed, so it is gone
    for wrong in ("c", "zz"):
        with pytest.raises(HttpResponseError) as refusal:
            blob.commit_block_list([BlobBlock(wrong, BlockState.LATEST)])
        assert code(refusal.value) in ("InvalidBlockList", "InvalidBlobOrBlock")
    blob.stage_block("a", b"1")
    with pytest.raises(HttpResponseError) as refusal:
        blob.stage_block("longer-id", b"2")
    assert code(refusal.value) == "InvalidBlobOrBlock"


def test_a_wrong_checksum_stores_nothing(container: ContainerClient) -> None:
    data = os.urandom(300_000)
    md5 = base64.b64encode(hashlib.md5(data).digest()).decode()
    wrong = base64.b64encode(bytes(16)).decode()
    blob = container.get_blob_client("b")
    with pytest.raises(HttpResponseError) as refusal:
        blob.upload_blob(data, headers={"Content-MD5": wrong})
    assert (refusal.value.status_code, code(refusal.value)) == (400, "Md5Mismatch")
    assert not blob.exists()
    blob.upload_blob(data, headers={"Content-MD5": md5})
    stored = blob.get_blob_properties().content_settings.content_md5
    assert base64.b64encode(bytes(stored or b"")).decode() == md5
    crc = Crc64()
    crc.update(data)
    right = base64.b64encode(crc.digest()).decode()
    blob.upload_blob(data, overwrite=True, headers={"x-ms-content-crc64": right})
    with pytest.raises(HttpResponseError) as refusal:
        blob.upload_blob(data[1:], overwrite=True, headers={"x-ms-content-crc64": right})
    assert (refusal.value.status_code, code(refusal.value)) == (400, "Crc64Mismatch")
    with pytest.raises(HttpResponseError) as refusal:
        blob.stage_block("a", data, headers={"Content-MD5": wrong})
    assert code(refusal.value) == "Md5Mismatch"
    assert blob.get_block_list("uncommitted")[1] == []


def test_the_md5_of_a_small_range_is_told_when_asked(container: ContainerClient) -> None:
    data = os.urandom(100_000)
    blob = container.upload_blob("b", data)
    assert blob.download_blob(10, 5000, validate_content=True).readall() == data[10:5010]


def test_conditions_decide_about_reads_and_writes(container: ContainerClient) -> None:
    blob = container.upload_blob("b", b"1")
    first = blob.get_blob_properties().etag
    with pytest.raises(ResourceExistsError) as exists:
        blob.upload_blob(b"2")  # the SDK sends If-None-Match: *
    assert (exists.value.status_code, code(exists.value)) == (409, "BlobAlreadyExists")
    blob.upload_blob(
        b"2", overwrite=True, etag=first, match_condition=MatchConditions.IfNotModified
    )
    with pytest.raises(ResourceModifiedError) as modified:
        blob.upload_blob(
            b"3", overwrite=True, etag=first, match_condition=MatchConditions.IfNotModified
        )
    assert (modified.value.status_code, code(modified.value)) == (412, "ConditionNotMet")
    second = blob.get_blob_properties().etag
    with pytest.raises(HttpResponseError) as unchanged:
        blob.download_blob(etag=second, match_condition=MatchConditions.IfModified)
    assert unchanged.value.status_code == 304
    with pytest.raises(ResourceModifiedError):
        blob.delete_blob(etag=first, match_condition=MatchConditions.IfNotModified)
    blob.delete_blob(etag=second, match_condition=MatchConditions.IfNotModified)
    with pytest.raises(ResourceNotFoundError) as missing:
        blob.download_blob()
    assert code(missing.value) == "BlobNotFound"


@pytest.mark.parametrize("by_blocks", [False, True])
def test_of_many_racing_creators_exactly_one_wins(
    container: ContainerClient, account: Account, by_blocks: bool
) -> None:
    racers = 8
    barrier = threading.Barrier(racers)
    results: list[bytes | str] = [""] * racers

    def race(number: int) -> None:
        client = account.client(account.key).get_blob_client(container.container_name, "prize")
        data = bytes([number]) * 200_000
        if by_blocks:
            client.stage_block(f"{number}", data)
        barrier.wait()
        try:
            if by_blocks:
                client.commit_block_list(
                    [BlobBlock(f"{number}")], match_condition=MatchConditions.IfMissing
                )
            else:
                client.upload_blob(data)
            results[number] = data
        except HttpResponseError as error:
            results[number] = code(error)

    threads = [threading.Thread(target=race, args=(number,)) for number in range(racers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [result for result in results if isinstance(result, bytes)]
    assert len(winners) == 1
    # A loser's blocks are gone with the winner's commit, so its list may be refused for that.
    assert {result for result in results if isinstance(result, str)} <= {"BlobAlreadyExists"}
    assert container.get_blob_client("prize").download_blob().readall() == winners[0]


def test_a_reader_sees_one_whole_version_while_writers_replace_the_blob(
    container: ContainerClient, account: Account
) -> None:
    container.upload_blob("b", bytes([9]) * 1_000_000)
    done = threading.Event()
    torn: list[str] = []

    def write(number: int) -> None:
        client = account.client(account.key).get_blob_client(container.container_name, "b")
        for round_ in range(15):
            client.upload_blob(bytes([number]) * (1_000_000 + round_), overwrite=True)

    def read() -> None:
        while not done.is_set():
            got = account.raw("GET", f"{container.container_name}/b")
            if got.status_code != 200 or len(set(got.content)) != 1:
                torn.append(f"{got.status_code}, {len(got.content)} bytes")

    readers = [threading.Thread(target=read) for _ in range(2)]
    writers = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for thread in (*readers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()
    assert torn == []


def test_a_copy_has_the_bytes_of_its_source_and_survives_it(container: ContainerClient) -> None:
    data = os.urandom(400_000)
    source = container.upload_blob("source", data, metadata={"m": "1"})
    copy = container.get_blob_client("copy")
    answer = copy.start_copy_from_url(source.url)
    assert answer["copy_status"] == "success"
    put = container.get_blob_client("put")
    put.upload_blob_from_url(source.url)
    blocks = container.get_blob_client("blocks")
    blocks.stage_block_from_url("a", source.url, source_offset=100_000, source_length=200_000)
    blocks.stage_block_from_url("b", source.url, source_offset=0, source_length=100_000)
    blocks.commit_block_list([BlobBlock("b"), BlobBlock("a")])
    source.delete_blob()
    assert copy.download_blob().readall() == data
    assert put.download_blob().readall() == data
    assert blocks.download_blob().readall() == data[:300_000]
    found = copy.get_blob_properties()
    assert (found.metadata, found.copy.status) == ({"m": "1"}, "success")
    with pytest.raises(HttpResponseError) as refusal:
        copy.abort_copy(str(answer["copy_id"]))
    assert code(refusal.value) == "NoPendingCopyOperation"
    with pytest.raises(ResourceNotFoundError):
        copy.start_copy_from_url(source.url)


def test_a_batch_deletes_and_sets_tiers_part_by_part(container: ContainerClient) -> None:
    for number in range(5):
        container.upload_blob(f"b{number}", b"")
    answers = list(container.set_standard_blob_tier_blobs("Cool", "b0", "b1"))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert container.get_blob_client("b0").get_blob_properties().blob_tier == "Cool"
    answers = list(container.delete_blobs("b0", "missing", "b1", "b2", raise_on_any_failure=False))
    assert [answer.status_code for answer in answers] == [202, 404, 202, 202]
    assert [blob.name for blob in container.list_blobs()] == ["b3", "b4"]


def test_a_batch_with_a_part_that_is_not_allowed_changes_nothing(
    container: ContainerClient, account: Account
) -> None:
    container.upload_blob("b", b"1")
    path = f"/{container.container_name}/b?{account.sas()}"
    parts = "".join(
        f"--x\r\nContent-Type: application/http\r\nContent-ID: {number}\r\n\r\n"
        f"{method} {path} HTTP/1.1\r\nContent-Length: 0\r\n\r\n"
        for number, method in enumerate(("DELETE", "GET"))
    )
    answer = account.raw(
        "POST",
        query={"comp": "batch"},
        headers={"Content-Type": "multipart/mixed; boundary=x"},
        data=f"{parts}--x--\r\n".encode(),
    )
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (400, "InvalidInput")
    assert container.get_blob_client("b").exists()


def test_a_large_upload_in_parallel_blocks_comes_back(
    container: ContainerClient, account: Account
) -> None:
    data = os.urandom(12 << 20)
    client = BlobClient(
        account.url,
        container.container_name,
        "big",
        credential=account.key,
        connection_verify=account.azure.ca or True,
        max_single_put_size=1 << 20,
        max_block_size=1 << 20,
        max_single_get_size=1 << 20,
        max_chunk_get_size=1 << 20,
    )
    client.upload_blob(data, max_concurrency=4)
    assert len(client.get_block_list()[0]) == 12
    assert client.download_blob(max_concurrency=4).readall() == data


def test_blobs_of_other_kinds_are_refused_loudly(container: ContainerClient) -> None:
    blob = container.get_blob_client("p")
    with pytest.raises(HttpResponseError) as refusal:
        blob.create_page_blob(512)
    assert refusal.value.status_code == 501
    with pytest.raises(HttpResponseError) as refusal:
        blob.create_append_blob()
    assert refusal.value.status_code == 501
    with pytest.raises(HttpResponseError) as refusal:
        list(container.find_blobs_by_tags("a='1'"))
    assert refusal.value.status_code == 501


def test_account_information_names_sku_and_kind(service: BlobServiceClient) -> None:
    info = service.get_account_information()
    assert (info["sku_name"], info["account_kind"]) == ("Standard_LRS", "StorageV2")
