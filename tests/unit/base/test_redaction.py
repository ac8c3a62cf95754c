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
