"""Secrets do not get into what is written down."""

from __future__ import annotations

import pytest

from kyanite.base.redaction import HIDDEN, redacted


@pytest.mark.parametrize(
    "text",
    [
        "GET https://a.blob.core.windows.net/c/b?sv=2024&sig=SECRET%2Bx%3D&se=2026",
        "Authorization: Bearer SECRETSECRET.abc",
        "authorization=SharedKey account:SECRETSECRET==",
        "postgresql+psycopg://kyanite:SECRET@db/kyanite",
        "grant_type=password&password=SECRET&username=x",
        "AccountName=a;AccountKey=SECRET==;EndpointSuffix=x",
        "sig=SECRET&sv=2024",
        "<Url>https://h/c?sv=1&amp;sig=SECRET</Url>",
        "GET /copy?source=https%3A%2F%2Fh%2Fc%3Fsv%3D1%26sig%3DSECRET",
        "{'clientSecret': 'SECRET', 'tenant': 't'}",
        '{"refresh_token": "SECRET"}',
        '{"accessSAS": "https://md-1.z5.blob.storage.azure.net/a/b?sv=2018&sig=SECRET"}',
        "redis://:SECRET@host",
    ],
)
def test_secrets_are_known_by_their_looks(text: str) -> None:
    shown = redacted(text)
    assert isinstance(shown, str)
    assert "SECRET" not in shown
    assert HIDDEN in shown


@pytest.mark.parametrize(
    "name",
    ["password", "clientSecret", "client_secret", "refresh_token", "Authorization", "master_key"],
)
def test_secrets_are_known_by_their_names_however_deep(name: str) -> None:
    assert redacted({"a": [{name: "SECRET"}]}) == {"a": [{name: HIDDEN}]}


def test_other_values_stay_as_they_are() -> None:
    value = {"path": "/api/v8.1/users", "status": 404, "password": None, "keys": ["a"]}
    assert redacted(value) == value
    assert redacted(b"12345") == "<5 bytes>"
