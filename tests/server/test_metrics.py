"""`GET /metrics`: the promised series, for those with the token, and cheap to ask for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event, update

from kyanite.areas.vm.tables import RestorePointRow
from kyanite.base.errors import Invalid
from kyanite.base.settings import Settings
from kyanite.durable.session_tables import SessionRow
from kyanite.server.metrics import TOKEN_FILE, ensure_token
from support.inhabited import Inhabited, inhabited

Samples = dict[str, list[tuple[dict[str, str], float]]]


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inhabited]:
    with inhabited(tmp_path_factory.mktemp("appliance")) as home:
        yield home


def token(home: Inhabited) -> str:
    return (home.appliance.provisions.get(Settings).data_dir / TOKEN_FILE).read_text().strip()


def read(home: Inhabited) -> Samples:
    answer = home.client.get("/metrics", headers={"Authorization": f"Bearer {token(home)}"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found: Samples = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def session(session_id: str, status: str, at: datetime) -> SessionRow:
    return SessionRow(id=session_id, type="HealthCheck", status=status, created_at=at, began_at=at)


def value(samples: Samples, name: str, **labels: str) -> float:
    (found,) = (
        one for have, one in samples[name] if all(have.get(k) == v for k, v in labels.items())
    )
    return found


def test_only_the_token_of_the_data_folder_opens_it(home: Inhabited) -> None:
    for headers in ({}, {"Authorization": "Bearer x"}, home.headers()):
        answer = home.client.get("/metrics", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert "kyanite_" not in answer.text
    assert home.client.post("/metrics").status_code == 405


def test_the_token_is_private_kept_and_refused_when_others_may_read_it(tmp_path: Path) -> None:
    made = ensure_token(tmp_path)
    assert (tmp_path / TOKEN_FILE).stat().st_mode & 0o077 == 0
    assert ensure_token(tmp_path) == made
    (tmp_path / TOKEN_FILE).chmod(0o644)
    with pytest.raises(Invalid):
        ensure_token(tmp_path)


def test_it_says_how_old_the_newest_good_point_of_each_item_is(home: Inhabited) -> None:
    at = datetime.now(UTC) - timedelta(hours=5)
    with home.appliance.database.writing() as db:
        db.execute(update(RestorePointRow).values(point_in_time=at, state="Ok"))
    samples = read(home)
    for destination in ("AzureBlob", "Snapshot"):
        age = value(
            samples,
            "kyanite_last_restore_point_age_seconds",
            item="web-1",
            kind="virtual machine",
            destination=destination,
        )
        assert age == pytest.approx(5 * 3600, abs=120)


def test_a_damaged_point_is_no_good_one(home: Inhabited) -> None:
    with home.appliance.database.writing() as db:
        db.execute(update(RestorePointRow).values(state="Corrupted"))
    assert "kyanite_last_restore_point_age_seconds" not in read(home)


def test_it_counts_sessions_by_result_and_jobs_by_state(home: Inhabited) -> None:
    with home.appliance.database.writing() as db:
        for number, status in enumerate(("Success", "Success", "Error", "Running")):
            now = datetime.now(UTC)
            db.add(session(f"m{number}", status, now))
        old = datetime.now(UTC) - timedelta(days=2)
        db.add(session("m9", "Error", old))
    samples = read(home)
    counted = "kyanite_sessions_last_24_hours"
    assert value(samples, counted, type="HealthCheck", result="Success") == 2
    assert value(samples, counted, type="HealthCheck", result="Error") == 1
    assert value(samples, "kyanite_sessions_running", type="HealthCheck") == 1
    assert value(samples, "kyanite_queue_jobs", state="queued") >= 0
    assert value(samples, "kyanite_queue_oldest_job_age_seconds") >= 0


def test_it_says_how_large_repositories_are_and_whether_they_work(home: Inhabited) -> None:
    samples = read(home)
    (labels, size), *_ = samples["kyanite_repository_size_bytes"]
    assert set(labels) == {"repository", "id", "tier"}
    assert size > 0
    assert value(samples, "kyanite_repository_ready", id=labels["id"]) == 1
    assert value(samples, "kyanite_repository_restore_points", id=labels["id"]) >= 1
    assert "kyanite_repository_added_bytes_last_24_hours" in samples


def test_it_times_requests_by_operation_whatever_their_path(home: Inhabited) -> None:
    headers = home.headers()
    for version in ("v8.1", "V8"):
        home.client.get(f"/api/{version}/system/about", headers=headers)
    home.client.get("/api/v8.1/system/about")
    for number in range(5):
        home.client.get(f"/nothing/{number}")
    samples = read(home)
    about = {"operation": "System_GetAbout"}
    assert value(samples, "kyanite_http_request_duration_seconds_count", **about) == 3
    assert value(samples, "kyanite_http_requests_total", status="200", **about) == 2
    assert value(samples, "kyanite_http_requests_total", status="401", **about) == 1
    assert value(samples, "kyanite_http_requests_total", operation="none", status="404") == 5


def test_it_says_what_azure_answered_and_whether_the_appliance_works(home: Inhabited) -> None:
    samples = read(home)
    results = {labels["result"] for labels, _ in samples["kyanite_azure_requests_total"]}
    assert results == {"ok", "throttled", "refused", "failed"}
    assert "version" in samples["kyanite_info"][0][0]
    assert value(samples, "kyanite_up") in (0, 1)


def test_asking_often_does_not_make_the_database_work(home: Inhabited) -> None:
    statements: list[str] = []
    engine = home.appliance.database.engine
    read(home)
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    for _ in range(20):
        read(home)
    assert not [one for one in statements if "vm_restore_points" in one]
