"""Lists of blobs and containers: pages, prefixes, delimiters, and the XML itself."""

from __future__ import annotations

import random
import re
import uuid

from azure.storage.blob import BlobPrefix, BlobServiceClient, ContainerClient

from support.storage import Account

LIST = {"restype": "container", "comp": "list"}


def test_pages_join_to_all_names_in_order_while_blobs_come_and_go(
    container: ContainerClient,
) -> None:
    names = {f"{number:03}" for number in range(40)}
    for name in names:
        container.upload_blob(name, b"")
    pages = container.list_blobs(results_per_page=7).by_page()
    seen = [blob.name for blob in next(pages)]
    container.get_blob_client("007").delete_blob()  # the first name of the next page
    container.get_blob_client("000").delete_blob()
    container.upload_blob("0005", b"")  # before the marker, so it is not seen any more
    container.upload_blob("0205", b"")
    for page in pages:
        seen += [blob.name for blob in page]
    assert seen == sorted(names - {"007"} | {"0205"})


def test_a_delimiter_folds_names_into_prefixes_across_pages(container: ContainerClient) -> None:
    rng = random.Random(3)
    names = {
        "/".join(rng.choice(["a", "b", "ü", "x y"]) for _ in range(rng.randrange(1, 4)))
        for _ in range(60)
    }
    for name in names:
        container.upload_blob(name, b"", overwrite=True)
    for prefix in ("", "a/", "x y/"):
        expected = set()
        for name in names:
            if name.startswith(prefix):
                head, mark, _ = name[len(prefix) :].partition("/")
                expected.add(prefix + head + mark)
        listed: list[str] = []
        for page in container.walk_blobs(prefix, delimiter="/", results_per_page=2).by_page():
            entries = list(page)
            assert len(entries) <= 2
            for entry in entries:
                assert isinstance(entry, BlobPrefix) == entry.name.endswith("/")
                listed.append(entry.name)
        assert sorted(listed) == sorted(expected)
        assert len(listed) == len(set(listed))


def test_a_list_shows_what_it_is_asked_to_include(container: ContainerClient) -> None:
    container.upload_blob("b", b"12", metadata={"m": "<&>"}, tags={"t": "1"})
    container.get_blob_client("waiting").stage_block("a", b"1")
    (plain,) = container.list_blobs()
    assert (plain.metadata, plain.tags, plain.size) == ({}, None, 2)
    (full,) = container.list_blobs(include=["metadata", "tags", "copy"])
    assert (full.metadata, full.tags) == ({"m": "<&>"}, {"t": "1"})
    pending = list(container.list_blobs(include=["uncommittedblobs"]))
    assert [blob.name for blob in pending] == ["b", "waiting"]


def test_the_xml_of_a_list_is_that_of_azure(account: Account, container: ContainerClient) -> None:
    for name in ("a/1", "b"):
        container.upload_blob(name, b"12")
    name = container.container_name
    query = {**LIST, "delimiter": "/", "maxresults": "2", "prefix": ""}
    answer = account.raw("GET", name, query=query)
    assert answer.headers["Content-Type"] == "application/xml"
    text = answer.content.decode("utf-8")
    assert text.startswith('\ufeff<?xml version="1.0" encoding="utf-8"?><EnumerationResults ')
    blob = re.search("<Blob>.*</Blob>", text)
    assert blob is not None
    shape = re.sub(r">[^<]+<", "><", blob[0])
    assert shape == (
        "<Blob><Name></Name><Properties><Creation-Time></Creation-Time>"
        "<Last-Modified></Last-Modified><Etag></Etag><Content-Length></Content-Length>"
        "<Content-Type></Content-Type><Content-Encoding /><Content-Language />"
        "<Content-CRC64 /><Content-MD5 /><Cache-Control /><Content-Disposition />"
        "<BlobType></BlobType><AccessTier></AccessTier><AccessTierInferred></AccessTierInferred>"
        "<LeaseStatus></LeaseStatus><LeaseState></LeaseState><ServerEncrypted></ServerEncrypted>"
        "</Properties><OrMetadata /></Blob>"
    )
    assert f'ServiceEndpoint="{account.url}/" ContainerName="{name}"' in text
    assert "<MaxResults>2</MaxResults><Delimiter>/</Delimiter><Blobs><BlobPrefix>" in text
    assert text.endswith("</Blobs><NextMarker /></EnumerationResults>")
    assert 'Etag>"' not in text


def test_odd_parameters_of_a_list_are_refused(account: Account, container: ContainerClient) -> None:
    for wrong, code in (
        ({"maxresults": "0"}, "OutOfRangeQueryParameterValue"),
        ({"maxresults": "many"}, "InvalidQueryParameterValue"),
        ({"marker": "nonsense"}, "InvalidQueryParameterValue"),
        ({"include": "everything"}, "InvalidQueryParameterValue"),
        ({"include": "metadata,permissions"}, "NotImplemented"),
        ({"order": "down"}, "UnsupportedQueryParameter"),
    ):
        answer = account.raw("GET", container.container_name, query={**LIST, **wrong})
        assert answer.headers["x-ms-error-code"] == code


def test_containers_are_listed_by_prefix_in_pages(service: BlobServiceClient) -> None:
    prefix = f"list-{uuid.uuid4().hex[:8]}-"
    for number in range(5):
        service.create_container(f"{prefix}{number}", metadata={"n": str(number)})
    pages = service.list_containers(prefix, include_metadata=True, results_per_page=2).by_page()
    found = [[container.metadata["n"] for container in page] for page in pages]
    assert found == [["0", "1"], ["2", "3"], ["4"]]
    for number in range(5):
        service.delete_container(f"{prefix}{number}")
