"""The texts that are signed, written out by hand from the REST reference, version by version.

The official SDK signs with the newest version only, so the older ones are checked here.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from azlab.services.storage_blob.access import sas_token, shared_key
from azlab.services.storage_blob.access.sas_token import SasToken
from azlab.services.storage_blob.errors import StorageError
from azlab.services.storage_blob.request import BlobRequest, BytesBody

NOW = datetime(2026, 1, 1, tzinfo=UTC)
COMMON = {"sp": "r", "st": "S", "se": "E", "sip": "IP", "spr": "https", "sig": "x"}
SERVICE = {**COMMON, "sr": "c", "si": "POLICY", "rsct": "text/plain"}
DELEGATION = {
    **{"sp": "r", "st": "S", "se": "E", "sip": "IP", "spr": "https", "sr": "b", "sig": "x"},
    **{"skoid": "OID", "sktid": "TID", "skt": "KS", "ske": "KE", "sks": "b", "skv": "KV"},
}


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("2019-02-02", "r|S|E|/blob/acct/box|POLICY|IP|https|2019-02-02|c||||||text/plain"),
        ("2020-12-06", "r|S|E|/blob/acct/box|POLICY|IP|https|2020-12-06|c|||||||text/plain"),
        ("2026-10-06", "r|S|E|/blob/acct/box|POLICY|IP|https|2026-10-06|c|||||||text/plain"),
    ],
)
def test_the_text_of_a_service_sas(version: str, expected: str) -> None:
    token = SasToken({**SERVICE, "sv": version})
    assert sas_token.service_text(token, "acct", "box").split("\n") == expected.split("|")


KEY = "OID|TID|KS|KE|b|KV"


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("2018-11-09", f"r|S|E|/blob/acct/box/b|{KEY}|IP|https|2018-11-09|b||||||"),
        ("2020-02-10", f"r|S|E|/blob/acct/box/b|{KEY}||||IP|https|2020-02-10|b||||||"),
        ("2020-12-06", f"r|S|E|/blob/acct/box/b|{KEY}||||IP|https|2020-12-06|b|||||||"),
        ("2025-07-05", f"r|S|E|/blob/acct/box/b|{KEY}||||||IP|https|2025-07-05|b|||||||"),
        ("2026-10-06", f"r|S|E|/blob/acct/box/b|{KEY}||||||IP|https|2026-10-06|b|||||||||"),
    ],
)
def test_the_text_of_a_user_delegation_sas(version: str, expected: str) -> None:
    token = SasToken({**DELEGATION, "sv": version})
    assert sas_token.service_text(token, "acct", "box/b").split("\n") == expected.split("|")


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("2019-02-02", "acct|r|b|co|S|E|IP|https|2019-02-02|"),
        ("2020-12-06", "acct|r|b|co|S|E|IP|https|2020-12-06||"),
    ],
)
def test_the_text_of_an_account_sas(version: str, expected: str) -> None:
    token = SasToken({**COMMON, "ss": "b", "srt": "co", "sv": version})
    assert sas_token.account_text(token, "acct").split("\n") == expected.split("|")


def test_a_shared_key_signs_headers_path_and_query_in_their_order() -> None:
    request = BlobRequest(
        method="PUT",
        path="/acct/box/a b",
        raw_path="/acct/box/a%20b",
        query={"comp": "block", "blockid": "AA=="},
        headers={
            "content-length": "7",
            "content-type": "text/plain",
            "x-ms-version": "2024-11-04",
            "x-ms-date": "D",
            "x-ms-blob-type": "BlockBlob",
            "x-ms-blob-content-type": "T",
            "range": "bytes=0-1",
        },
        body=BytesBody(),
        base_url="",
        client_ip="127.0.0.1",
        now=NOW,
        real_now=NOW,
        request_id="",
    )
    (text,) = shared_key.strings_to_sign(request, "acct")
    assert text == (
        "PUT\n\n\n7\n\ntext/plain\n\n\n\n\n\nbytes=0-1\n"
        "x-ms-blob-content-type:T\nx-ms-blob-type:BlockBlob\nx-ms-date:D\n"
        "x-ms-version:2024-11-04\n"
        "/acct/acct/box/a%20b\nblockid:AA==\ncomp:block"
    )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sv": "2015-04-05"}, "AuthenticationFailed"),
        ({"sv": ""}, "AuthenticationFailed"),
        ({"ses": "scope"}, "NotImplemented"),
        ({"srh": "x"}, "NotImplemented"),
        ({"sduoid": "x"}, "NotImplemented"),
        ({"sr": "bs"}, "NotImplemented"),
        ({"sr": "d"}, "NotImplemented"),
    ],
)
def test_a_sas_that_the_lab_cannot_judge_is_refused(changes: dict[str, str], code: str) -> None:
    with pytest.raises(StorageError) as refusal:
        sas_token.parse({**SERVICE, "sv": "2024-11-04", **changes})
    assert refusal.value.code == code
