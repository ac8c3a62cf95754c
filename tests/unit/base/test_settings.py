"""Settings come from the environment, and secrets among them are not shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from kyanite.base.errors import Invalid
from kyanite.base.settings import Settings


def test_every_variable_has_its_member() -> None:
    settings = Settings.from_environment(
        {
            "KYANITE_DATABASE_URL": "postgresql+psycopg://u:SECRET@h/d",
            "KYANITE_ADMIN_USERNAME": "admin",
            "KYANITE_ADMIN_PASSWORD": "SECRET",
            "KYANITE_AZURE_ARM_ENDPOINT": "https://127.0.0.1:1",
            "KYANITE_AZURE_CA_FILE": "",
            "KYANITE_MASTER_KEY": "SECRET",
            "KYANITE_SHORT_REFRESH_SECONDS": "900",
        },
        data_dir=Path("data"),
    )
    assert settings.data_dir.is_absolute()
    assert (settings.admin_username, settings.short_refresh_seconds) == ("admin", 900)
    assert (settings.arm_endpoint, settings.azure_ca_file) == ("https://127.0.0.1:1", None)
    assert "SECRET" not in repr(settings)


@pytest.mark.parametrize(
    "environment",
    [
        {"KYANITE_LOG_LEVEL": "LOUD"},
        {"KYANITE_SHORT_REFRESH_SECONDS": "soon"},
        {"KYANITE_SHORT_REFRESH_SECONDS": "0"},
        {"KYANITE_TRUSTED_PROXIES": "*"},
        {"KYANITE_TRUSTED_PROXIES": "proxy.example.org"},
        {"KYANITE_TRUSTED_PROXIES": "10.0.0.1, 0.0.0.0/0"},
    ],
)
def test_a_value_that_makes_no_sense_is_named(environment: dict[str, str]) -> None:
    with pytest.raises(Invalid, match=next(iter(environment))):
        Settings.from_environment(environment, data_dir=Path("data"))


def test_proxies_are_addresses_and_networks() -> None:
    settings = Settings.from_environment(
        {"KYANITE_TRUSTED_PROXIES": "127.0.0.1, 10.1.0.0/24,::1"}, data_dir=Path("data")
    )
    assert settings.trusted_proxies == ("127.0.0.1", "10.1.0.0/24", "::1")
