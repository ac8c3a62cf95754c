"""Reading the description of a cloud, and other small readings of Azure's texts."""

from __future__ import annotations

import pytest

from kyanite.azure.blob.client import parse_listing
from kyanite.azure.cloud import Cloud
from kyanite.azure.signed_urls import RenewableUrl, SignedUrl
from kyanite.base.errors import Denied, Rejected
from kyanite.base.json_types import JsonObject

DESCRIPTION: JsonObject = {
    "name": "Somewhere",
    "resourceManager": "https://arm.somewhere/",
    "authentication": {
        "loginEndpoint": "https://login.somewhere/",
        "audiences": ["https://management.core.somewhere/", "https://arm.somewhere/"],
    },
    "suffixes": {"storage": "core.somewhere", "keyVaultDns": ".vault.somewhere"},
}


def test_the_public_cloud_needs_no_call() -> None:
    cloud = Cloud.discover()
    assert cloud.arm_scope == "https://management.azure.com/.default"
    assert cloud.authority == "https://login.microsoftonline.com"


@pytest.mark.parametrize("as_list", [False, True])
def test_a_cloud_is_described_alone_or_among_others(as_list: bool) -> None:
    other: JsonObject = {**DESCRIPTION, "name": "Other", "resourceManager": "https://other/"}
    cloud = Cloud.from_metadata(
        "https://arm.somewhere", [other, DESCRIPTION] if as_list else DESCRIPTION
    )
    assert cloud.name == "Somewhere"
    assert cloud.authority == "https://login.somewhere"
    assert cloud.arm_scope == "https://arm.somewhere/.default"
    assert cloud.storage_suffix == "core.somewhere"
    assert cloud.key_vault_suffix == "vault.somewhere"


def test_something_else_is_no_cloud() -> None:
    with pytest.raises(Rejected, match="does not describe a cloud"):
        Cloud.from_metadata("https://arm.somewhere", {"hello": "world"})
    with pytest.raises(Rejected, match="https"):
        Cloud.discover("http://arm.somewhere")


def test_a_renewed_url_is_renewed_once_for_all_who_met_the_expiry() -> None:
    first = SignedUrl.parse("https://x/y?sig=1")
    renewals: list[SignedUrl] = []

    def renew(stale: SignedUrl) -> SignedUrl:
        renewals.append(stale)
        return SignedUrl.parse("https://x/y?sig=2")

    url = RenewableUrl(first, renew)
    assert {url.replace(first).reveal() for _ in range(3)} == {"https://x/y?sig=2"}
    assert renewals == [first]
    with pytest.raises(Denied):
        RenewableUrl(first).replace(first)


def test_a_listing_shows_blobs_folders_and_names_that_had_to_be_encoded() -> None:
    page = parse_listing(
        b"<?xml version='1.0' encoding='utf-8'?><EnumerationResults><Blobs>"
        b"<Blob><Name Encoded='true'>a%EF%BF%BEb</Name><Properties>"
        b"<Last-Modified>Wed, 25 Nov 2026 10:00:00 GMT</Last-Modified>"
        b"<Content-Length>5</Content-Length></Properties></Blob>"
        b"<BlobPrefix><Name>folder/</Name></BlobPrefix></Blobs>"
        b"<NextMarker>more</NextMarker></EnumerationResults>"
    )
    assert [(blob.name, blob.size_bytes) for blob in page.blobs] == [("a\ufffeb", 5)]
    assert (page.prefixes, page.next_marker) == (("folder/",), "more")
    with pytest.raises(Rejected):
        parse_listing(b"not xml")
