"""The licence agreement (docs/behaviour/appliance.md §6.3 and docs/behaviour/rulings.md)."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from kyanite.areas.appliance.agreements import LICENCE_TYPE
from kyanite.areas.appliance.tables import SettingRow
from kyanite.db.database import Database
from kyanite.http.rights import Role
from support.api import ApiUnderTest

PATH = "/api/v8.1/licenseAgreement"
LICENCE = Path(__file__).resolve().parents[3] / "LICENSE"


def test_there_is_one_agreement_the_licence_itself(settings_api: ApiUnderTest) -> None:
    answer = settings_api.client.get(PATH, headers=settings_api.signed_in(Role.READ_ONLY_USER))
    (agreement,) = answer.json()["licenseAgreements"]
    assert agreement["content"] == LICENCE.read_text()
    assert agreement["checksum"] == hashlib.sha256(LICENCE.read_bytes()).hexdigest()
    assert agreement["type"] == LICENCE_TYPE


def test_it_was_accepted_by_the_first_start_and_a_new_text_is_to_be_accepted_anew(
    settings_api: ApiUnderTest, database: Database
) -> None:
    headers = settings_api.signed_in()
    accepted = f"{PATH}/accepted"
    assert settings_api.client.get(accepted, headers=headers).json() is True
    with database.writing() as db:
        row = db.get(SettingRow, f"accepted_agreement:{LICENCE_TYPE}")
        assert row is not None
        row.value = "of another text"
    assert settings_api.client.get(accepted, headers=headers).json() is False
    (agreement,) = settings_api.client.get(PATH, headers=headers).json()["licenseAgreements"]
    body = [{"type": agreement["type"], "checksum": agreement["checksum"]}]
    answer = settings_api.client.post(f"{PATH}/accept", json=body, headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    assert settings_api.client.get(accepted, headers=headers).json() is True


@pytest.mark.parametrize(
    ("change", "member"),
    [
        ({"checksum": "0" * 64}, "[1].checksum"),
        ({"type": "EULA"}, "[1].type"),
        ({"checksum": None}, "[1].checksum"),
    ],
)
def test_a_wrong_checksum_or_type_accepts_nothing(
    settings_api: ApiUnderTest, change: dict[str, str], member: str
) -> None:
    headers = settings_api.signed_in()
    (agreement,) = settings_api.client.get(PATH, headers=headers).json()["licenseAgreements"]
    good = {"type": agreement["type"], "checksum": agreement["checksum"]}
    answer = settings_api.client.post(
        f"{PATH}/accept", json=[good, {**good, **change}], headers=headers
    )
    assert answer.status_code == 400
    assert member in answer.json()["errors"]
