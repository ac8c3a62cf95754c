"""Alert rules and dashboard: each expression against figures of a real appliance."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import update

from kyanite.areas.appliance.health import Health
from kyanite.areas.repositories import list_repositories
from kyanite.areas.repositories.upkeep_memory import UpkeepResult, remember
from kyanite.areas.vm.tables import RestorePointRow
from kyanite.base.clock import SystemClock
from kyanite.base.settings import Settings
from kyanite.durable.session_tables import SessionRow
from kyanite.server.areas import ALL_MEASURES
from kyanite.server.metrics import TOKEN_FILE, Metrics, ensure_token
from support.inhabited import Inhabited, inhabited
from support.promql import Figures, evaluate, read_figures

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES: dict[str, dict[str, Any]] = {
    rule["alert"]: rule
    for group in yaml.safe_load((DEPLOY / "prometheus/kyanite.rules.yml").read_text())["groups"]
    for rule in group["rules"]
}
DASHBOARD = json.loads((DEPLOY / "grafana/kyanite.json").read_text())
INSTANCE = "appliance.example.org:443"
UP = frozenset({"instance": INSTANCE, "job": "kyanite"}.items())


def scrape(home: Inhabited) -> Figures:
    folder = home.appliance.provisions.get(Settings).data_dir
    token = (folder / TOKEN_FILE).read_text().strip()
    answer = home.client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    return {**read_figures(answer.text, INSTANCE), "up": {UP: 1.0}}


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Figures]:
    """An appliance with a machine backed up an hour ago."""
    with inhabited(tmp_path_factory.mktemp("appliance")) as home:
        at = datetime.now(UTC) - timedelta(hours=1)
        with home.database.writing() as db:
            db.execute(update(RestorePointRow).values(point_in_time=at, state="Ok"))
            db.execute(update(SessionRow).values(status="Success"))
            for one in list_repositories(db):
                remember(db, one.id, [], UpkeepResult(all_read_on=at.date()), at)
        folder = home.appliance.provisions.get(Settings).data_dir
        working = Health(home.database, lambda: True)
        home.appliance.provisions.add(
            Metrics(
                ensure_token(folder), "1.0", home.database, SystemClock(), working, ALL_MEASURES
            )
        )
        headers = home.headers()
        for path in ("/api/v8.1/system/about", "/nothing"):
            home.client.get(path, headers=headers)
        yield scrape(home)


def fires(alert: str, now: Figures, before: Figures) -> list[dict[str, str]]:
    found = evaluate(RULES[alert]["expr"], now, before)
    return [dict(labels) for labels in found]


def changed(figures: Figures, name: str, value: float, **labels: str) -> Figures:
    """The figures with those series of a name that have the labels at another value."""
    other = copy.deepcopy(figures)
    wanted = set(labels.items())
    chosen = [one for one in other.get(name, {}) if wanted <= set(one)]
    if not chosen:
        chosen = [frozenset({**labels, "instance": INSTANCE}.items())]
    for one in chosen:
        other.setdefault(name, {})[one] = value
    return other


@pytest.mark.parametrize("alert", sorted(RULES))
def test_nothing_fires_while_all_is_well(healthy: Figures, alert: str) -> None:
    if alert == "KyaniteRepositoryGrowsQuickly":
        healthy = changed(healthy, "kyanite_repository_size_bytes", 1e12)
    assert fires(alert, healthy, healthy) == []


@pytest.mark.parametrize(
    ("alert", "name", "value", "labels"),
    [
        ("KyaniteDown", "kyanite_up", 0, {}),
        ("KyaniteUnreachable", "up", 0, {"job": "kyanite"}),
        (
            "KyaniteBackupTooOld",
            "kyanite_last_restore_point_age_seconds",
            37 * 3600,
            {"destination": "AzureBlob"},
        ),
        (
            "KyaniteSessionsFailed",
            "kyanite_sessions_last_24_hours",
            1,
            {"type": "PolicyBackup", "result": "Error"},
        ),
        ("KyaniteRepositoryNotReady", "kyanite_repository_ready", 0, {}),
        ("KyaniteRepositoryDamaged", "kyanite_repository_hurt_restore_points", 1, {}),
        ("KyaniteRestorePointsLost", "kyanite_repository_lost_restore_points", 1, {}),
        (
            "KyaniteRepositoryNotLookedAfter",
            "kyanite_repository_upkeep_age_seconds",
            73 * 3600,
            {},
        ),
        ("KyaniteQueueStuck", "kyanite_queue_oldest_job_age_seconds", 3601, {}),
        ("KyaniteAzureThrottles", "kyanite_azure_requests_total", 1e6, {"result": "throttled"}),
    ],
)
def test_each_alert_fires_for_what_it_is_about(
    healthy: Figures, alert: str, name: str, value: float, labels: dict[str, str]
) -> None:
    found = fires(alert, changed(healthy, name, value, **labels), healthy)
    assert len(found) == 1, found
    assert found[0]["instance"] == INSTANCE


def test_a_repository_that_grows_by_a_quarter_is_told_apart_from_a_small_one(
    healthy: Figures,
) -> None:
    alert, added = "KyaniteRepositoryGrowsQuickly", "kyanite_repository_added_bytes_last_24_hours"
    large = changed(healthy, "kyanite_repository_size_bytes", 400e9)
    assert len(fires(alert, changed(large, added, 101e9), healthy)) == 1
    assert fires(alert, changed(large, added, 99e9), healthy) == []
    small = changed(healthy, "kyanite_repository_size_bytes", 1e9)
    assert fires(alert, changed(small, added, 1e9), healthy) == []


def test_an_answer_of_500_is_an_alert(healthy: Figures) -> None:
    name, labels = "kyanite_http_requests_total", {"operation": "System_GetAbout", "status": "500"}
    before = changed(healthy, name, 1, **labels)
    assert len(fires("KyaniteApiFails", changed(healthy, name, 2, **labels), before)) == 1
    assert fires("KyaniteApiFails", before, before) == []


def test_every_alert_says_how_bad_it_is_and_what_to_look_at() -> None:
    for rule in RULES.values():
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"]["summary"].endswith(".")


def test_rules_and_dashboard_ask_for_series_that_exist(healthy: Figures) -> None:
    expressions = [str(rule["expr"]) for rule in RULES.values()]
    expressions += [t["expr"] for panel in DASHBOARD["panels"] for t in panel["targets"]]
    asked = {name for text in expressions for name in re.findall(r"kyanite_\w+", text)}
    assert asked
    assert asked <= set(healthy), asked - set(healthy)
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
