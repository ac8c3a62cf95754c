"""Who is told what, when: after each session of a policy, and once a day.

Each process looks every half minute. What is to be told is claimed in a transaction before it is
sent, so that several processes send it once; a process that dies in between loses a message
rather than sending it twice.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from kyanite.areas.appliance import time_zone
from kyanite.areas.appliance.settings import read_group, write_group
from kyanite.areas.notifications.mail import send
from kyanite.areas.notifications.queries import (
    count_items,
    ended_policy_sessions,
    notification_block,
    sessions_of_the_day,
)
from kyanite.areas.notifications.settings import EmailSettings, read_settings
from kyanite.base.clock import Clock
from kyanite.base.errors import KyaniteError
from kyanite.base.json_types import as_text
from kyanite.db.database import Database
from kyanite.db.locks import lock
from kyanite.db.secrets import SecretBox
from kyanite.durable.session_log import line_key, write_line
from kyanite.durable.session_tables import SessionRow
from kyanite.rules.notifications import recipients_of
from kyanite.rules.sessions import SessionStatus

_log = logging.getLogger(__name__)

EVERY: Final = timedelta(seconds=30)
_TOLD: Final = "email_told"
# Older results are history, not news; and a report that is late by more waits a day.
_NEWS: Final = timedelta(hours=1)
# A session's end is decided a moment before it is committed.
_SETTLED: Final = timedelta(seconds=10)


@dataclass(frozen=True)
class Message:
    """What is to be sent; about a session, or about none."""

    recipients: tuple[str, ...]
    subject: str
    text: str
    session_id: str | None = None


class Notifier:
    """Sends what is to be told."""

    def __init__(self, database: Database, secrets: SecretBox, clock: Clock) -> None:
        self._database, self._secrets, self._clock = database, secrets, clock

    def tell(self, go_on: Callable[[], bool] = lambda: True) -> None:
        """Send everything that is to be told now."""
        with self._database.reading() as db:
            settings = read_settings(db, self._secrets)
        if not settings.enabled:
            return
        with self._database.writing() as db:
            lock(db, _TOLD)
            messages = self._claim(db, settings)
        for message in messages:
            if not go_on():
                return
            self._send(settings, message)

    def _claim(self, db: Session, settings: EmailSettings) -> list[Message]:
        now, kept = self._clock.now(), read_group(db, _TOLD) or {}
        settled = now - _SETTLED
        until = as_text(kept.get("until"))
        since = max(datetime.fromisoformat(until), now - _NEWS) if until else now - _NEWS
        messages = self._results(db, settings, since, settled)
        day = as_text(kept.get("day"))
        today = self._report_day(db, settings, now)
        if today is not None and today != day:
            day = today
            messages.append(_daily(db, settings, now))
        write_group(db, _TOLD, {"until": settled.isoformat(), "day": day}, self._clock)
        return messages

    def _results(
        self, db: Session, settings: EmailSettings, since: datetime, until: datetime
    ) -> list[Message]:
        messages = []
        for session in ended_policy_sessions(db, since, until):
            recipients = recipients_of(
                settings.recipients,
                settings.told_results,
                notification_block(db, session.policy_id),
                session.status,
            )
            if recipients:
                messages.append(_result(db, settings, session, recipients))
        return messages

    def _report_day(self, db: Session, settings: EmailSettings, now: datetime) -> str | None:
        if not settings.daily_report:
            return None
        local = now.astimezone(ZoneInfo(time_zone(db)))
        due = datetime.combine(
            local.date(), time.fromisoformat(settings.daily_report_time), local.tzinfo
        )
        return local.date().isoformat() if due <= local < due + _NEWS else None

    def _send(self, settings: EmailSettings, message: Message) -> None:
        try:
            send(settings, message.recipients, message.subject, message.text)
        except KyaniteError as error:
            _log.warning("a message was not sent", exc_info=error)
            if message.session_id is not None:
                with self._database.writing() as db:
                    write_line(
                        db,
                        message.session_id,
                        key=line_key("e-mail"),
                        status=SessionStatus.WARNING,
                        message=f"The result could not be sent by e-mail: {error}",
                        marks=False,
                    )


def _result(
    db: Session, settings: EmailSettings, session: SessionRow, recipients: tuple[str, ...]
) -> Message:
    count, issues = count_items(db, session.id)
    values = {
        "%JobResult%": session.status,
        "%JobName%": session.policy_name or session.type,
        "%ObjectCount%": str(count),
        "%Issues%": f"{issues} issues" if issues else "",
    }
    subject = settings.subject
    for name, value in values.items():
        subject = subject.replace(name, value)
    text = (
        f"Policy: {session.policy_name or '-'}\nSession: {session.type} {session.id}\n"
        f"Result: {session.status}\nInstances: {count}, with issues: {issues}\n"
        f"Begun: {_moment(session.started_at)}\nEnded: {_moment(session.finished_at)}\n"
    )
    return Message(recipients, subject, text, session.id)


def _daily(db: Session, settings: EmailSettings, now: datetime) -> Message:
    sessions = sessions_of_the_day(db, now - timedelta(hours=24))
    results = Counter(session.status for session in sessions)
    summary = ", ".join(f"{count} {status}" for status, count in sorted(results.items()))
    lines = [
        f"{_moment(one.began_at)}  {one.status:<10} {one.type}  {one.policy_name or ''}"
        for one in sessions
    ]
    return Message(
        settings.recipients,
        f"Daily report: {summary or 'no sessions'}",
        "Sessions of the last 24 hours (UTC):\n\n" + "\n".join(lines or ["none"]) + "\n",
    )


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment is not None else "-"
