"""What the service does not know it refuses, in the words and shapes of Azure."""

from __future__ import annotations

import http.client
import re
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import urlsplit

import pytest
import requests
from azure.storage.blob import ContainerClient

from support.storage import Account

PUT = {"x-ms-blob-type": "BlockBlob"}


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 400, "MissingRequiredHeader"),
        ({"x-ms-blob-type": "Blob"}, 400, "InvalidHeaderValue"),
        ({**PUT, "x-ms-colour": "blue"}, 400, "UnsupportedHeader"),
        ({**PUT, "x-ms-meta-1a": "x"}, 400, "InvalidMetadata"),
        ({**PUT, "x-ms-meta-a": "x" * 9000}, 400, "MetadataTooLarge"),
        ({**PUT, "x-ms-access-tier": "Warm"}, 400, "InvalidBlobTier"),
        ({**PUT, "x-ms-tags": "&".join(f"t{n}=1" for n in range(11))}, 400, "TagsTooLarge"),
        ({**PUT, "Content-MD5": "short"}, 400, "InvalidMd5"),
        ({**PUT, "x-ms-lease-id": "no-guid"}, 412, "LeaseNotPresentWithBlobOperation"),
        ({**PUT, "x-ms-immutability-policy-mode": "Locked"}, 400, "MissingRequiredHeader"),
        (
            {**PUT, "x-ms-immutability-policy-until-date": "Fri, 01 Jan 2100 00:00:00 GMT"},
            409,
            "ImmutableStorageWithVersioningNotEnabled",
        ),
        ({**PUT, "x-ms-encryption-scope": "mine"}, 501, "NotImplemented"),
        ({**PUT, "x-ms-if-tags": "a='1'"}, 501, "NotImplemented"),
    ],
)
def test_a_header_that_would_have_to_be_ignored_is_refused_and_nothing_stored(
    account: Account,
    container: ContainerClient,
    headers: dict[str, str],
    status: int,
    code: str,
) -> None:
    path = f"{container.container_name}/b"
    answer = account.raw("PUT", path, headers=headers, data=b"1")
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (status, code)
    assert list(container.list_blobs()) == []


@pytest.mark.parametrize(
    ("method", "query", "headers", "status", "code"),
    [
        ("GET", {"versionid": "2026-01-01T00:00:00.0000000Z"}, {}, 404, "BlobNotFound"),
        ("GET", {"snapshot": "2026-01-01T00:00:00.0000000Z"}, {}, 404, "BlobNotFound"),
        ("DELETE", {"deletetype": "permanent"}, {}, 409, "PermanentDeleteNotEnabled"),
        ("DELETE", {"deletetype": "soft"}, {}, 400, "InvalidQueryParameterValue"),
        ("DELETE", {}, {"x-ms-delete-snapshots": "some"}, 400, "InvalidHeaderValue"),
        ("PUT", {"comp": "immutabilityPolicies"}, {}, 400, "MissingRequiredHeader"),
        ("PUT", {"comp": "legalhold"}, {}, 400, "MissingRequiredHeader"),
        ("PUT", {"comp": "incrementalcopy"}, {}, 501, "NotImplemented"),
        ("GET", {"fields": "all"}, {}, 400, "UnsupportedQueryParameter"),
        ("GET", {}, {"x-ms-range": "bytes=-5"}, 400, "InvalidHeaderValue"),
        ("GET", {}, {"x-ms-range": "bytes=5-1"}, 400, "InvalidHeaderValue"),
        ("GET", {}, {"x-ms-range-get-content-md5": "true"}, 400, "InvalidHeaderValue"),
        ("PUT", {"comp": "tier"}, {"If-Match": "*"}, 400, "ConditionHeadersNotSupported"),
        ("PUT", {"comp": "block", "blockid": "%%"}, {}, 400, "InvalidQueryParameterValue"),
        ("PUT", {"comp": "lease"}, {"x-ms-lease-action": "steal"}, 400, "InvalidHeaderValue"),
        (
            "PUT",
            {"comp": "lease"},
            {"x-ms-lease-action": "acquire", "x-ms-lease-duration": "5"},
            400,
            "InvalidHeaderValue",
        ),
    ],
)
def test_an_unknown_question_about_a_blob_is_refused(
    account: Account,
    container: ContainerClient,
    method: str,
    query: dict[str, str],
    headers: dict[str, str],
    status: int,
    code: str,
) -> None:
    container.upload_blob("b", b"1")
    path = f"{container.container_name}/b"
    answer = account.raw(method, path, query=query, headers=headers, data=b"")
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (status, code)
    assert container.get_blob_client("b").download_blob().readall() == b"1"


def test_an_error_has_the_form_of_azure(account: Account) -> None:
    answer = account.raw("GET", "missing/blob", headers={"x-ms-client-request-id": "my-id"})
    assert answer.status_code == 404
    assert answer.headers["x-ms-error-code"] == "ContainerNotFound"
    assert answer.headers["x-ms-client-request-id"] == "my-id"
    assert answer.headers["x-ms-version"] == "2024-11-04"
    request_id = answer.headers["x-ms-request-id"]
    text = answer.content.decode("utf-8")
    assert re.fullmatch(
        '\ufeff<\\?xml version="1.0" encoding="utf-8"\\?><Error><Code>ContainerNotFound</Code>'
        "<Message>The specified container does not exist.\n"
        f"RequestId:{request_id}\n"
        r"Time:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z</Message></Error>",
        text,
    )


def test_a_head_request_tells_its_error_in_a_header_only(account: Account) -> None:
    answer = account.raw("HEAD", "missing/blob")
    assert (answer.status_code, answer.content) == (404, b"")
    assert answer.headers["x-ms-error-code"] == "ContainerNotFound"


@pytest.mark.parametrize("version", ["1999-01-01", "2030-01-01", "latest"])
def test_an_unknown_version_of_the_service_is_refused(account: Account, version: str) -> None:
    answer = account.raw("GET", query={"comp": "list"}, version=version)
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (400, "InvalidHeaderValue")


def test_a_signed_request_must_be_of_the_last_quarter_of_an_hour(account: Account) -> None:
    for minutes in (-16, 16):
        sent = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)
        answer = account.raw(
            "GET",
            query={"comp": "list"},
            sas="",
            headers={"Authorization": f"SharedKey {account.name}:AAAA", "x-ms-date": sent},
        )
        assert answer.status_code == 403
        assert "too old" in answer.text


def test_a_container_with_a_bad_name_is_not_made(account: Account) -> None:
    for name in ("A", "ab", "a--b", "a_b"):
        answer = account.raw("PUT", name, query={"restype": "container"})
        assert answer.headers["x-ms-error-code"] == "InvalidResourceName"


def test_a_chunked_upload_has_no_length_and_is_refused(
    account: Account, container: ContainerClient
) -> None:

    answer = requests.put(
        f"{container.url}/b?{account.sas()}",
        headers={**PUT, "x-ms-version": "2024-11-04"},
        data=iter([b"1", b"2"]),
        verify=account.azure.ca,
        timeout=30,
    )
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (
        411,
        "MissingContentLengthHeader",
    )


@pytest.mark.parametrize(
    ("query", "size", "version"),
    [
        ({}, 5001 << 20, "2024-11-04"),
        ({}, 257 << 20, "2019-07-07"),
        ({"comp": "block", "blockid": "AAAA"}, 4001 << 20, "2024-11-04"),
        ({"comp": "block", "blockid": "AAAA"}, 101 << 20, "2019-07-07"),
    ],
)
def test_a_body_over_the_limit_of_its_version_is_refused_before_it_is_sent(
    account: Account, container: ContainerClient, query: dict[str, str], size: int, version: str
) -> None:
    arguments = "&".join(f"{name}={value}" for name, value in query.items())
    url = urlsplit(f"{container.url}/b?{arguments}&{account.sas()}")
    context = ssl.create_default_context(cafile=account.azure.ca or None)
    connection = http.client.HTTPSConnection(url.netloc, context=context, timeout=30)
    connection.putrequest("PUT", f"{url.path}?{url.query}")
    sent = {"x-ms-version": version, "Content-Length": str(size), "Expect": "100-continue"}
    for name, value in (sent if query else {**sent, **PUT}).items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, answer.headers["x-ms-error-code"]) == (413, "RequestBodyTooLarge")
    connection.close()
