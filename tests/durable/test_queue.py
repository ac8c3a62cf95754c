"""What we rely on in DBOS: when an upgrade moves one of these, this is where it shows."""

from __future__ import annotations

import inspect
from datetime import timedelta

from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer
from sqlalchemy import text

from kyanite.db.database import Database
from kyanite.durable.queue import APPLICATION_VERSION, Attempt, Lane, queue_at, queue_of
from support.jobs import carrying_out, start, wait_until_final


def test_the_public_names_we_use_are_there() -> None:
    for owner, names in {
        DBOS: ("launch", "destroy", "migrate", "workflow"),
        DBOSClient: (
            "enqueue_in_transaction",
            "list_workflows",
            "cancel_workflows",
            "delete_workflows",
            "register_queue",
        ),
    }.items():
        for name in names:
            assert callable(getattr(owner, name))
    listing = inspect.signature(DBOSClient.list_workflows).parameters
    assert {"status", "name", "workflow_ids", "end_time", "limit", "load_input"} <= set(listing)


def test_an_attempt_has_a_name_of_its_own_for_each_epoch() -> None:
    attempt = Attempt("01a2-job", 12)
    assert attempt.name == "01a2-job.12"
    assert Attempt.parse(attempt.name) == attempt
    assert Attempt.parse("a workflow of somebody else") is None


def test_arguments_are_stored_as_json_under_the_pinned_version(database: Database) -> None:
    session_id = start(database, "job")
    schema = "dbos." if database.kind == "postgresql" else ""
    with database.reading() as db:
        row = db.execute(
            text(
                "SELECT s.application_version, s.serialization, i.inputs "
                f"FROM {schema}workflow_status s LEFT JOIN {schema}workflow_input i "
                "ON i.workflow_uuid = s.workflow_uuid WHERE s.workflow_uuid = :id"
            ),
            {"id": f"{session_id}.1"},
        ).one()
    assert row.application_version == APPLICATION_VERSION
    assert row.serialization == DBOSPortableJSONSerializer().name()
    assert session_id in str(row.inputs)


def test_an_attempt_is_open_until_it_is_discarded(database: Database) -> None:
    queue = queue_of(database)
    attempt = Attempt("job", 1)
    with database.writing() as db:
        queue_at(db).put(db, attempt, Lane.CHILDREN)
    with database.writing() as db:
        queue_at(db).put(db, Attempt("later", 1), Lane.CHILDREN, delay_seconds=60)
    everything = {attempt, Attempt("later", 1), Attempt("unknown", 1)}
    assert queue.open_among(everything) == everything - {Attempt("unknown", 1)}
    queue.discard([attempt])
    assert queue.open_among([attempt]) == set()


def test_the_queues_records_of_ended_attempts_can_be_deleted(database: Database) -> None:
    with carrying_out(database, {"job": lambda _ctx, _payload: None}):
        wait_until_final(database, start(database, "job"))
    queue = queue_of(database)
    assert queue.forget_ended(older_than=timedelta(hours=1)) == 0
    assert queue.forget_ended(older_than=timedelta(hours=-1)) == 1
    assert queue.forget_ended(older_than=timedelta(hours=-1)) == 0
