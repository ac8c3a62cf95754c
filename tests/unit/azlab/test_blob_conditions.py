"""Conditional headers as a table."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from azlab.services.storage_blob import conditions
from azlab.services.storage_blob.errors import StorageError

ETAG = "0x8D0000000000001"
MODIFIED = datetime(2026, 1, 1, 12, 0, 0, 500_000, tzinfo=UTC)
SAME, EARLIER, LATER = (f"Thu, 01 Jan 2026 {hour}:00:00 GMT" for hour in ("12", "11", "13"))


def outcome(headers: dict[str, str], *, reads: bool, exists: bool = True) -> str:
    wanted = conditions.parse(headers)
    try:
        if reads:
            wanted.check_read(ETAG, MODIFIED)
        else:
            wanted.check_write(ETAG if exists else None, MODIFIED if exists else None)
    except StorageError as error:
        return error.code
    return "goes on"


@pytest.mark.parametrize(
    ("headers", "read", "write"),
    [
        ({}, "goes on", "goes on"),
        ({"if-match": f'"{ETAG}"'}, "goes on", "goes on"),
        ({"if-match": ETAG}, "goes on", "goes on"),
        ({"if-match": "*"}, "goes on", "goes on"),
        ({"if-match": '"0x1"'}, "ConditionNotMet", "ConditionNotMet"),
        ({"if-none-match": f'"{ETAG}"'}, "NotModified", "ConditionNotMet"),
        ({"if-none-match": '"0x1"'}, "goes on", "goes on"),
        ({"if-none-match": "*"}, "NotModified", "BlobAlreadyExists"),
        ({"if-modified-since": EARLIER}, "goes on", "goes on"),
        ({"if-modified-since": SAME}, "NotModified", "ConditionNotMet"),
        ({"if-modified-since": LATER}, "NotModified", "ConditionNotMet"),
        ({"if-unmodified-since": EARLIER}, "ConditionNotMet", "ConditionNotMet"),
        ({"if-unmodified-since": SAME}, "goes on", "goes on"),
        ({"if-none-match": '"0x1"', "if-modified-since": LATER}, "goes on", "ConditionNotMet"),
    ],
)
def test_a_condition_lets_a_request_go_on_or_not(
    headers: dict[str, str], read: str, write: str
) -> None:
    assert outcome(headers, reads=True) == read
    assert outcome(headers, reads=False) == write


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, "goes on"),
        ({"if-none-match": "*"}, "goes on"),
        ({"if-match": "*"}, "ConditionNotMet"),
        ({"if-match": f'"{ETAG}"'}, "ConditionNotMet"),
        ({"if-unmodified-since": EARLIER}, "goes on"),
    ],
)
def test_conditions_on_a_blob_that_is_not_there(headers: dict[str, str], expected: str) -> None:
    assert outcome(headers, reads=False, exists=False) == expected


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"if-match": "*", "if-none-match": "*"}, "MultipleConditionHeadersNotSupported"),
        ({"if-modified-since": "yesterday"}, "InvalidHeaderValue"),
        ({"x-ms-if-tags": "a='b'"}, "NotImplemented"),
    ],
)
def test_conditions_that_cannot_be_judged_are_refused(headers: dict[str, str], code: str) -> None:
    with pytest.raises(StorageError) as refusal:
        conditions.parse(headers)
    assert refusal.value.code == code
