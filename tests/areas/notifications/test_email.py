"""E-mail against a real server: settings, STARTTLS, results of policies, the daily report."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from kyanite.areas.appliance.settings import set_time_zone
from kyanite.areas.appliance.tables import SettingRow
from kyanite.areas.notifications.notifier import Notifier
from kyanite.areas.notifications.routes import routers
from kyanite.base.identifiers import new_id
from kyanite.db.database import Database
from kyanite.durable.session_tables import LogRow, SessionRow
from kyanite.http.rights import Role
from support.api import ApiUnderTest
from support.mail_server import PASSWORD, USERNAME, MailServer, mail_server

EMAIL = "/api/kyanite/v1/settings/email"


class Office:
    """The API, the notifier and a mail server."""

    def __init__(self, database: Database, server: MailServer) -> None:
        self.api = ApiUnderTest(database, routers())
        self.server = server
        self.notifier = Notifier(database, self.api.secrets, self.api.clock)

    def body(self, **changes: object) -> dict[str, object]:
        return {
            "isEnabled": True,
            "serverHost": "127.0.0.1",
            "serverPort": self.server.port,
            "useSecureConnection": True,
            "caCertificatePem": self.server.ca_pem,
            "timeoutMs": 10_000,
            "username": USERNAME,
            "password": PASSWORD,
            "from": "kyanite@example.org",
            "to": "ops@example.org; night@example.org",
            **changes,
        }

    def put(self, **changes: object) -> int:
        answer = self.api.client.put(EMAIL, headers=self.api.signed_in(), json=self.body(**changes))
        return answer.status_code

    def get(self) -> dict[str, Any]:
        answer = self.api.client.get(EMAIL, headers=self.api.signed_in())
        assert answer.status_code == 200
        body: dict[str, Any] = answer.json()
        return body

    def test_message(self, **changes: object) -> tuple[int, str]:
        answer = self.api.client.post(
            f"{EMAIL}/test", headers=self.api.signed_in(), json=self.body(**changes)
        )
        return answer.status_code, answer.text

    def ended(self, status: str, type_: str = "PolicyBackup", name: str = "nightly") -> str:
        session_id, now = new_id(), self.api.clock.now()
        with self.api.database.writing() as db:
            db.add(
                SessionRow(
                    id=session_id,
                    type=type_,
                    status=status,
                    policy_name=name,
                    created_at=now,
                    began_at=now,
                    started_at=now,
                    finished_at=now,
                )
            )
        return session_id

    def told(self) -> list[str]:
        """The subjects of messages that a look brings."""
        before = len(self.server.received)
        self.api.clock.advance(timedelta(seconds=30))
        self.notifier.tell()
        return [str(message["Subject"]) for message in self.server.received[before:]]


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Iterator[Office]:
    with mail_server(tmp_path) as server:
        office = Office(database, server)
        yield office
        office.api.close()


def test_at_first_nothing_is_sent_and_the_defaults_are_those_of_the_guide(office: Office) -> None:
    shown = office.get()
    assert shown["isEnabled"] is False
    assert (shown["serverPort"], shown["timeoutMs"]) == (25, 100_000)
    assert (shown["dailyReportEnabled"], shown["dailyReportTime"]) == (False, "09:00")
    office.ended("Error")
    assert office.told() == []


def test_a_test_message_goes_by_starttls_after_signing_in_and_saves_nothing(
    office: Office,
) -> None:
    assert office.test_message(isEnabled=False) == (204, "")
    assert office.server.sign_ins == [USERNAME]
    assert office.server.recipients == [["ops@example.org", "night@example.org"]]
    assert office.get()["isEnabled"] is False


def test_the_password_is_sealed_never_shown_and_kept_when_it_is_not_sent(office: Office) -> None:
    assert office.put() == 200
    assert office.get()["password"] is None
    with office.api.database.reading() as db:
        assert all(PASSWORD not in row.value for row in db.scalars(select(SettingRow)))
    assert office.put(password=None, subject="%JobName%") == 200
    assert office.test_message(password=None)[0] == 204
    # It is given to no other server than it was entered for.
    assert office.put(password=None, serverHost="mail.attacker.example") == 400


@pytest.mark.parametrize(
    ("changes", "member"),
    [
        ({"serverHost": ""}, "serverHost"),
        ({"serverHost": "a b"}, "serverHost"),
        ({"from": "nobody"}, "from"),
        ({"from": "a@b\r\nBcc: c@d"}, "from"),
        ({"to": ""}, "to"),
        ({"to": "a@b, c@d"}, "to"),
        ({"subject": ""}, "subject"),
        ({"subject": "x" * 256}, "subject"),
        ({"serverPort": 0}, "serverPort"),
        ({"dailyReportTime": "24:00"}, "dailyReportTime"),
        ({"useSecureConnection": False}, "useSecureConnection"),
        ({"caCertificatePem": "nonsense"}, "caCertificatePem"),
        ({"password": None}, "password"),
    ],
)
def test_settings_that_could_not_work_are_refused_by_name(
    office: Office, changes: dict[str, object], member: str
) -> None:
    answer = office.api.client.put(
        EMAIL, headers=office.api.signed_in(), json=office.body(**changes)
    )
    assert answer.status_code == 400
    assert member in answer.json()["errors"]


def test_a_server_with_a_certificate_that_nobody_vouches_for_gets_no_password(
    office: Office,
) -> None:
    status, text = office.test_message(caCertificatePem=None)
    assert status == 400
    assert "certificate" in text
    assert office.server.sign_ins == []


def test_a_refusal_is_told_in_the_servers_words(office: Office) -> None:
    status, text = office.test_message(password="wrong")
    assert status == 400
    assert "535" in text
    assert "wrong" not in text.replace("wrong or missing", "")
    office.server.refuses = "552 mailbox full"
    assert "552 mailbox full" in office.test_message()[1]
    assert office.test_message(serverPort=1)[0] == 400


def test_each_result_of_a_policy_is_told_once(office: Office) -> None:
    assert office.put(notifyOnSuccess=False) == 200
    assert office.told() == []
    office.ended("Error")
    office.ended("Success")
    office.ended("Warning", name="weekly\r\nBcc: a@b")
    office.ended("Error", type_="RepositoryEdit")
    assert office.told() == [
        "[Error] nightly (0 instances)",
        "[Warning] weekly Bcc: a@b (0 instances)",
    ]
    assert office.told() == []


def test_what_ended_while_nobody_was_to_be_told_stays_untold_after_an_hour(
    office: Office,
) -> None:
    office.ended("Error")
    office.api.clock.advance(timedelta(hours=2))
    assert office.put() == 200
    assert office.told() == []


def test_a_message_that_cannot_be_sent_is_a_line_in_the_log_and_changes_no_result(
    office: Office,
) -> None:
    assert office.put() == 200
    office.server.refuses = "451 not now"
    session_id = office.ended("Success")
    assert office.told() == []
    with office.api.database.reading() as db:
        session = db.get(SessionRow, session_id)
        assert session is not None
        assert session.status == "Success"
        line = db.scalars(select(LogRow).where(LogRow.session_id == session_id)).one()
    assert line.status == "Warning"
    assert "451 not now" in line.message


def test_the_daily_report_comes_once_a_day_at_its_time_in_the_appliances_zone(
    office: Office,
) -> None:
    with office.api.database.writing() as db:
        set_time_zone(db, "America/New_York", office.api.clock)  # 10:00 UTC is 5 in the morning
    assert office.put(dailyReportEnabled=True, dailyReportTime="06:00") == 200
    assert office.told() == []
    office.ended("Error")
    assert office.told() == ["[Error] nightly (0 instances)"]
    office.api.clock.advance(timedelta(hours=1))
    assert office.told() == ["Daily report: 1 Error"]
    assert "nightly" in office.server.received[-1].get_content()
    assert office.told() == []
    office.api.clock.advance(timedelta(hours=24) - timedelta(minutes=2))
    assert office.told() == ["Daily report: no sessions"]


def test_only_administrators_see_or_change_the_settings(office: Office) -> None:
    for role in (Role.PORTAL_OPERATOR, Role.READ_ONLY_USER):
        headers = office.api.signed_in(role)
        assert office.api.client.get(EMAIL, headers=headers).status_code == 403
        assert office.api.client.put(EMAIL, headers=headers, json={}).status_code == 403
