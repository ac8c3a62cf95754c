"""The audit log says who did what to which object, and does not keep quiet about being edited."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from kyanite.areas.audit import queries
from kyanite.areas.audit.anchor import Anchor
from kyanite.areas.audit.chain import NO_ENTRY, Entry, Head, entry_hash
from kyanite.areas.audit.log import AuditLog
from kyanite.areas.audit.verification import verify
from kyanite.base.clock import ManualClock
from kyanite.base.errors import Damaged
from kyanite.db.database import Database, sqlite_url
from kyanite.db.secrets import SecretBox
from kyanite.http.audit import Actor, AuditEvent
from kyanite.http.rights import Role
from support.api import ADMIN, PASSWORD, START, ApiUnderTest

AUDIT = "/api/kyanite/v1/audit"
USERS = "/api/v8.1/users"
SECRETS = SecretBox(bytes(32))
ACTOR = Actor("4711", "ops", "PortalOperator", "10.0.0.1")


def written(
    database: Database, count: int, anchor: Anchor | None = None, first: int = 1
) -> ManualClock:
    clock = ManualClock(START)
    log = AuditLog(SECRETS, clock, anchor)
    for number in range(first, first + count):
        clock.advance(timedelta(microseconds=number))
        with database.writing() as db:
            log.append(db, AuditEvent(ACTOR, "Policy_DeletePolicy", f"policy-{number}", 204))
    return clock


def sql(database: Database, statement: str) -> None:
    with database.writing() as db:
        db.execute(text(statement))


def test_an_untouched_log_is_verified_and_tells_its_head(database: Database) -> None:
    assert verify(database, SECRETS).head == Head(0, NO_ENTRY)
    written(database, 2500)
    found = verify(database, SECRETS)
    assert (found.entries, found.head.number) == (2500, 2500)
    with database.reading() as db:
        assert queries.hash_of(db, 2500) == found.head.hash


THEFTS: dict[str, str] = {
    "a word is changed": "UPDATE audit_entries SET target = 'other' WHERE number = 3",
    "a time is changed": "UPDATE audit_entries SET at = '2020-01-01 00:00:00' WHERE number = 3",
    "an actor is changed": "UPDATE audit_entries SET actor_name = 'me' WHERE number = 3",
    "an entry is removed": "DELETE FROM audit_entries WHERE number = 3",
    "the first is removed": "DELETE FROM audit_entries WHERE number = 1",
    "the last is removed": "DELETE FROM audit_entries WHERE number = 5",
    "all are removed": "DELETE FROM audit_entries",
    "the head is moved": "UPDATE audit_head SET number = 4",
    "the head is removed": "DELETE FROM audit_head",
    "a hash is changed": "UPDATE audit_entries SET hash = 'x' WHERE number = 3",
}


@pytest.mark.parametrize("theft", sorted(THEFTS))
def test_whatever_a_thief_does_with_sql_is_found(database: Database, theft: str) -> None:
    written(database, 5)
    sql(database, THEFTS[theft])
    with pytest.raises(Damaged):
        verify(database, SECRETS)


@pytest.mark.parametrize("theft", ["the head is moved", "the head is removed", "all are removed"])
def test_what_is_written_after_a_theft_does_not_heal_it(database: Database, theft: str) -> None:
    written(database, 5)
    sql(database, THEFTS[theft])
    written(database, 3)
    with pytest.raises(Damaged):
        verify(database, SECRETS)


def test_a_chain_that_is_computed_anew_without_the_key_is_found(database: Database) -> None:
    written(database, 5)
    sql(database, "UPDATE audit_entries SET actor_name = 'somebody else' WHERE number = 2")
    with database.writing() as db:
        last = NO_ENTRY
        for row in queries.entries_after(db, 0, 10):
            last = row.hash = entry_hash(last, queries.entry_of(row))
        db.flush()
        db.execute(text("UPDATE audit_head SET hash = :hash"), {"hash": last})
    with pytest.raises(Damaged, match="not sealed"):
        verify(database, SECRETS)
    written(database, 1)
    with pytest.raises(Damaged, match="entry 6"):
        verify(database, SECRETS)


def test_an_older_state_of_the_database_is_found_by_the_note_outside(
    sqlite_database: Database, tmp_path: Path
) -> None:
    anchor = Anchor(tmp_path / "audit.head")
    file = Path(sqlite_database.url.removeprefix("sqlite:///"))
    written(sqlite_database, 5, anchor)
    copy = tmp_path / "older.sqlite"
    connection = sqlite3.connect(file)
    connection.execute("VACUUM INTO ?", (str(copy),))
    connection.close()
    written(sqlite_database, 3, anchor)
    assert verify(sqlite_database, SECRETS, anchor).entries == 8
    sqlite_database.dispose()
    for rest in ("-wal", "-shm"):
        file.with_name(file.name + rest).unlink(missing_ok=True)
    shutil.copy(copy, file)
    older = Database(sqlite_url(file))
    assert verify(older, SECRETS).entries == 5  # by itself it looks whole
    with pytest.raises(Damaged, match="it had 8"):
        verify(older, SECRETS, anchor)
    # An appliance that goes on with it, until the note is overtaken, does not cover it up.
    written(older, 6, Anchor(tmp_path / "audit.head"))
    with pytest.raises(Damaged, match="entry 6"):
        verify(older, SECRETS, Anchor(tmp_path / "audit.head"))
    older.dispose()


def test_a_head_that_somebody_noted_must_still_be_in_the_log(database: Database) -> None:
    written(database, 3)
    noted = verify(database, SECRETS).head
    written(database, 3)
    assert verify(database, SECRETS, expected=noted).entries == 6
    with pytest.raises(Damaged):
        verify(database, SECRETS, expected=Head(3, "0" * 64))
    with pytest.raises(Damaged):
        verify(database, SECRETS, expected=Head(9, noted.hash))


def test_another_appliance_s_key_seals_nothing_here(database: Database) -> None:
    written(database, 1)
    with pytest.raises(Damaged):
        verify(database, SecretBox(b"k" * 32))


def test_what_is_rolled_back_leaves_no_entry_and_no_note(
    database: Database, tmp_path: Path
) -> None:
    anchor = Anchor(tmp_path / "audit.head")
    written(database, 2, anchor)
    log = AuditLog(SECRETS, ManualClock(START), anchor)
    with database.session_for_writing() as db:
        log.append(db, AuditEvent(ACTOR, "x", "y", 200))
        db.rollback()
    assert anchor.noted.number == 2
    assert verify(database, SECRETS, anchor).entries == 2


def test_texts_that_no_database_keeps_are_recorded_all_the_same(database: Database) -> None:
    log = AuditLog(SECRETS, ManualClock(START))
    with database.writing() as db:
        hostile = Actor("", "nul\x00 half\ud800 😀", "", "::1")
        log.append(db, AuditEvent(hostile, "x", "\u2028", 200))
    assert verify(database, SECRETS).entries == 1


def lines(api: ApiUnderTest, query: str = "") -> list[dict[str, Any]]:
    answer = api.client.get(f"{AUDIT}{query}", headers=api.signed_in())
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def test_a_change_is_recorded_with_who_what_and_which(api: ApiUnderTest) -> None:
    api.client.delete("/api/oauth2/token", headers=api.signed_in(Role.PORTAL_OPERATOR))
    entry = lines(api, "?Action=login_logout")[-1]
    assert (entry["actorName"], entry["actorRole"], entry["status"]) == (
        "user-PortalOperator",
        "PortalOperator",
        204,
    )
    assert entry["address"]
    assert entry["at"].endswith("Z")


def test_reading_is_not_recorded_and_a_refused_change_is(api: ApiUnderTest) -> None:
    headers = api.signed_in(Role.READ_ONLY_USER)
    before = len(lines(api))
    api.client.get("/api/v8.1/system/about", headers=headers)
    assert len(lines(api)) == before
    path = "/api/v8.1/policies/virtualMachines/4b3f/start"
    assert api.client.post(path, headers=headers).status_code == 403
    entry = lines(api)[-1]
    assert (entry["action"], entry["target"], entry["status"]) == (
        "Policy_StartPolicy",
        "4b3f",
        403,
    )


def test_an_exported_line_has_all_that_its_hash_covers(api: ApiUnderTest) -> None:
    api.signed_in(Role.PORTAL_OPERATOR)
    api.client.delete("/api/oauth2/token", headers=api.signed_in(Role.PORTAL_OPERATOR))
    exported, last = lines(api), NO_ENTRY
    assert exported
    with api.database.reading() as db:
        rows = queries.entries_after(db, 0, 1000)
    for line, row in zip(exported, rows, strict=True):
        event = AuditEvent(
            Actor(line["actorId"], line["actorName"], line["actorRole"], line["address"]),
            line["action"],
            line["target"],
            line["status"],
            line["detail"],
        )
        last = entry_hash(last, Entry(line["number"], row.at, event))
        assert line["hash"] == last


def test_the_export_is_narrowed_and_comes_as_csv_too(api: ApiUnderTest) -> None:
    written(api.database, 3, first=10)
    assert [one["target"] for one in lines(api, "?actor=OPS")] == [
        "policy-10",
        "policy-11",
        "policy-12",
    ]
    assert [one["target"] for one in lines(api, "?Target=POLICY-11")] == ["policy-11"]
    assert lines(api, "?Since=2100-01-01") == []
    headers = api.signed_in() | {"Accept": "text/csv"}
    answer = api.client.get(f"{AUDIT}?Action=policy_deletepolicy", headers=headers)
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["target"] for row in rows] == ["policy-10", "policy-11", "policy-12"]
    assert "attachment" in answer.headers["content-disposition"]


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.PORTAL_ADMIN])
def test_only_administrators_read_the_log(
    api: ApiUnderTest, role: Role, with_role: Callable[[Role], dict[str, str]]
) -> None:
    assert api.client.get(AUDIT, headers=with_role(role)).status_code == 403
    assert api.client.get(AUDIT).status_code == 401


def test_nothing_of_a_body_gets_into_the_log(api: ApiUnderTest) -> None:
    api.client.post("/api/oauth2/token", data={"username": ADMIN, "password": PASSWORD})
    body = {"name": "ops", "description": "", "role": "PortalOperator", "password": "Kn0wn-to-one!"}
    api.client.post(USERS, json=body, headers=api.signed_in())
    text_of_log = json.dumps(lines(api))
    assert "Kn0wn" not in text_of_log
    assert PASSWORD not in text_of_log


def test_the_hash_of_an_entry_is_what_the_documentation_says() -> None:
    event = AuditEvent(Actor("1", "n", "r", "a"), "act", "t", 204, "d")
    expected = hashlib.sha256(
        f'["{NO_ENTRY}",1,1770112800000000,"1","n","r","a","act","t",204,"d"]'.encode()
    ).hexdigest()
    assert entry_hash(NO_ENTRY, Entry(1, START, event)) == expected


def test_a_spoilt_note_is_told_and_keeps_nobody_from_starting(
    sqlite_database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "audit.head"
    file.write_text("")
    with pytest.raises(Damaged, match="does not hold"):
        verify(sqlite_database, SECRETS, Anchor(file))
    written(sqlite_database, 1, Anchor(file))
    assert verify(sqlite_database, SECRETS, Anchor(file)).entries == 1
