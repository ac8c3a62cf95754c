"""Answers of an Azure that lies: nothing goes to other hosts, nothing is taken without bounds."""

from __future__ import annotations

import http.client
from dataclasses import replace

import pytest

from kyanite.azure.addresses import https_host
from kyanite.azure.blob.client import ContainerClient, parse_listing
from kyanite.azure.blob.delegation import container_access
from kyanite.azure.cloud import Cloud
from kyanite.azure.compute.changed_ranges import parse_page_list
from kyanite.azure.connections import Answer as PlaneAnswer
from kyanite.azure.connections import ConnectionFailed
from kyanite.azure.data_plane import SignedAccess
from kyanite.azure.signed_urls import RenewableUrl, SignedUrl
from kyanite.base.errors import Denied, Invalid, Rejected
from kyanite.base.json_types import JsonValue
from kyanite.datamover.frames import PREFIX, Frame
from support.memory_planes import MemoryContainer, MemoryExchange, PlaneRequest
from support.scripted_azure import Answer, Asked, always, scripted

SECRET = "TopSecretSignature"
ACCOUNT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a"


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.test/page",
        "http://arm.test/page",
        "https://evil.test\\.arm.test/page",
        "https://evil.test\t.arm.test/page",
        "https://user@arm.test/page",
        "https://arm.test@evil.test/page",
        "https://arm.test.evil.test/page",
        "https://arm.test:8443/page",
        "https://xarm.test/page",
        "//evil.test/page",
        "file:///etc/passwd",
        "https://[::1/page",
    ],
)
@pytest.mark.parametrize("member", ["nextLink", "Azure-AsyncOperation", "Location"])
def test_a_link_to_another_host_is_not_followed(link: str, member: str) -> None:
    def script(_: Asked) -> Answer:
        if member == "nextLink":
            return Answer(200, {"value": [], "nextLink": link})
        return Answer(202, None, {member.lower(): link, "retry-after": "0"})

    arm, azure = scripted(script)
    with pytest.raises(Rejected):
        list(arm.list(ACCOUNT)) if member == "nextLink" else arm.delete(ACCOUNT)
    assert len(azure.asked) == 1


def test_a_regional_host_below_the_own_one_is_followed() -> None:
    first = Answer(200, {"value": [], "nextLink": "https://westeurope.arm.test/page?x=a%20b"})
    answers = iter([first, Answer(200, {"value": [{"name": "a"}]})])
    arm, _ = scripted(lambda _: next(answers))
    assert [entry["name"] for entry in arm.list(ACCOUNT)] == ["a"]


@pytest.mark.parametrize(
    "endpoint",
    ["https://a.blob.evil.example/", "http://a.blob.test/", "https://evil.example\\.test", ""],
)
def test_neither_token_nor_key_goes_to_a_blob_endpoint_outside_the_cloud(endpoint: str) -> None:
    account: JsonValue = {"name": "a", "properties": {"primaryEndpoints": {"blob": endpoint}}}
    arm, azure = scripted(always(Answer(200, account)))
    with pytest.raises(Rejected):
        container_access(arm, ACCOUNT, "backups", "rl", 60)
    assert [asked.method for asked in azure.asked] == ["GET"], "no key was asked for"


@pytest.mark.parametrize("authority", ["http://login.test", "ftp://login.test", "login.test"])
def test_secrets_of_accounts_go_to_no_authority_without_tls(authority: str) -> None:
    metadata: JsonValue = {"authentication": {"loginEndpoint": authority, "audiences": []}}
    with pytest.raises(Rejected):
        Cloud.from_metadata("https://arm.test", metadata)


BOMB = (
    b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    b"<EnumerationResults><NextMarker>&b;</NextMarker></EnumerationResults>"
)
EXTERNAL = '<?xml version="1.0"?><!DOCTYPE x SYSTEM "file:///etc/passwd"><x>&y;</x>'


@pytest.mark.parametrize("xml", [BOMB, EXTERNAL.encode(), EXTERNAL.encode("utf-16")])
def test_xml_that_declares_a_document_type_is_not_read(xml: bytes) -> None:
    for parse in (parse_listing, parse_page_list):
        with pytest.raises(Rejected, match="document type"):
            parse(xml)


def test_nul_in_an_answer_does_not_reach_the_database() -> None:
    tags: JsonValue = {"tags": {"a\x00b": "c\x00"}, "names": ["\x00"], "number": 1}
    arm, _ = scripted(always(Answer(200, tags)))
    assert arm.get(ACCOUNT) == {
        "tags": {"a\ufffdb": "c\ufffd"},
        "names": ["\ufffd"],
        "number": 1,
    }
    error: JsonValue = {"error": {"code": "AuthorizationFailed", "message": "a\x00b"}}
    arm, _ = scripted(always(Answer(403, error)))
    with pytest.raises(Denied) as caught:
        arm.get(ACCOUNT)
    assert "\x00" not in str(caught.value)


def test_json_nested_without_end_is_an_error_and_no_crash() -> None:
    deep = "[" * 200_000
    arm, _ = scripted(always(Answer(403, raw=deep.encode())))
    with pytest.raises(Denied):
        arm.get(ACCOUNT)
    header = deep.encode()
    with pytest.raises(Invalid):
        Frame.decode(PREFIX.pack(b"KYM1", len(header), 0) + header)


def test_more_bytes_than_were_asked_for_are_refused() -> None:
    container = MemoryContainer()
    container.blobs["big"] = bytes(1000)

    def ignores_ranges(request: PlaneRequest) -> PlaneAnswer:
        return container(replace(request, headers={}))

    url = RenewableUrl(SignedUrl.parse(f"https://h/account/container?sig={SECRET}"))
    client = ContainerClient(MemoryExchange(ignores_ranges), SignedAccess(url))
    with pytest.raises(Rejected, match="1000 bytes"):
        client.get("big", 0, 10)


@pytest.mark.parametrize(
    "tail",
    ["\n", " ", "\r\nX-Evil: 1", "\x00", "ä"],
    ids=["newline", "blank", "crlf", "nul", "umlaut"],
)
def test_a_signed_url_that_cannot_be_sent_is_refused_without_being_shown(tail: str) -> None:
    with pytest.raises(Rejected) as caught:
        SignedUrl.parse(f"https://h/c?sv=1&sig={SECRET}{tail}")
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value)


def test_a_signed_url_hides_its_signature_wherever_it_is_shown() -> None:
    url = SignedUrl.parse(f"https://h/c?sv=1&sig={SECRET}")
    for shown in (str(url), repr(url), f"{url}", str(RenewableUrl(url))):
        assert SECRET not in shown


def test_what_the_library_says_of_a_url_is_not_repeated() -> None:
    cause = http.client.InvalidURL(f"URL can't contain control characters. '/c?sig={SECRET}\\n'")
    assert SECRET not in str(ConnectionFailed(cause, fresh=True))


def test_a_host_is_what_every_reader_takes_for_it() -> None:
    assert https_host("https://Account.Blob.core.windows.net/c?x=\\") == (
        "account.blob.core.windows.net"
    )
    assert https_host("https://127.0.0.1:4443/account") == "127.0.0.1:4443"
