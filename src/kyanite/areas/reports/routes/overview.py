"""Tag Overview: docs/behaviour/appliance.md, section 8."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Final

from fastapi import Query
from starlette.requests import Request

from kyanite.areas.sessions import statistics
from kyanite.areas.sessions.wire import time_span
from kyanite.areas.vm import figures
from kyanite.base.clock import Clock
from kyanite.base.errors import Invalid
from kyanite.base.json_types import JsonObject
from kyanite.contract.models.overview import (
    ReportPeriod,
    ReportsGetProtectedWorkloadsReportQuery,
    ReportsGetStatisticsQuery,
    ReportsGetTopPoliciesDurationReportQuery,
    TopPolicySource,
)
from kyanite.durable.history import Attempts
from kyanite.http.answers import wire_time
from kyanite.http.provide import Provided
from kyanite.http.routes import Routes
from kyanite.http.unit_of_work import DbSession
from kyanite.rules.policy_durations import Deviation, deviations
from kyanite.rules.session_categories import CATEGORY_OF

routes = Routes()
Now = Annotated[Clock, Provided(Clock)]

_DAY: Final = timedelta(days=1)
_PERIODS: Final[Mapping[ReportPeriod, timedelta]] = {
    ReportPeriod.DAY: _DAY,
    ReportPeriod.WEEK: 7 * _DAY,
    ReportPeriod.MONTH: 30 * _DAY,
    ReportPeriod.YEAR: 365 * _DAY,
}
_SOURCES: Final[Mapping[TopPolicySource, str]] = {
    TopPolicySource.SNAPSHOT: "PolicySnapshot",
    TopPolicySource.BACKUP: "PolicyBackup",
    TopPolicySource.ARCHIVE: "PolicyArchive",
}
# What a policy takes on the average is that of the last weeks: its machines change.
_AVERAGE_OF: Final = 30 * _DAY
# Longer than this on the average, and backups are late because they wait.
_LONG_WAIT: Final = timedelta(minutes=5)


@routes.operation("Reports_GetSessionsSummaryReport")
def sessions_summary(db: DbSession, clock: Now) -> JsonObject:
    """How the sessions of the last day ended, and whether that is more than the day before."""
    now = clock.now()
    last = statistics.ended_between(db, now - _DAY, now + _DAY)
    before = statistics.ended_between(db, now - 2 * _DAY, now - _DAY)
    report: dict[str, str | int] = {"latestSessionsRunningCount": statistics.count_running(db)}
    for status in ("Success", "Warning", "Error"):
        difference = last.get(status, 0) - before.get(status, 0)
        name = f"latestSessions{status}Count"
        report[name] = last.get(status, 0)
        report[f"{name}Difference"] = (
            "Increased" if difference > 0 else "Decreased" if difference < 0 else "NotChanged"
        )
    return report


@routes.operation("Reports_GetStatistics")
def restore_point_statistics(
    query: Annotated[ReportsGetStatisticsQuery, Query()], db: DbSession, clock: Now
) -> JsonObject:
    """How often policies tried to make restore points, and how often they did."""
    now = clock.now()
    by_type = statistics.attempts_since(db, now - _PERIODS[query.period_flag], now)
    report: dict[str, int] = {}
    for member, category in (
        ("snapshots", "PolicySnapshot"),
        ("backups", "PolicyBackup"),
        ("archives", "PolicyArchive"),
    ):
        some = [
            by_type.get(name, Attempts(0, 0))
            for name, its_category in CATEGORY_OF.items()
            if its_category == category
        ]
        report[f"{member}Count"] = sum(one.succeeded for one in some)
        report[f"{member}TotalCount"] = sum(one.all for one in some)
    return report


@routes.operation("Reports_GetProtectedWorkloadsReport")
def protected_workloads(
    query: Annotated[ReportsGetProtectedWorkloadsReportQuery, Query()], db: DbSession, clock: Now
) -> JsonObject:
    """How many resources there are, and how many got a restore point in the period."""
    since = clock.now() - _PERIODS[query.period_flag]
    return {
        "virtualMachinesTotalCount": figures.machines_discovered(db),
        "virtualMachinesProtectedCount": figures.machines_with_points_since(db, since),
        # No workload but machines can be protected yet.
        "sqlDatabasesTotalCount": 0,
        "sqlDatabasesProtectedCount": 0,
        "fileSharesTotalCount": 0,
        "fileSharesProtectedCount": 0,
    }


@routes.operation("Reports_GetStorageUsageReport")
def storage_usage(db: DbSession) -> JsonObject:
    """The number of snapshots; everything else in bytes, which may need 64 bits."""
    by_tier = figures.backup_bytes_by_tier(db)
    archive = by_tier.get("Archive", 0)
    hot = by_tier.get("Hot", 0)
    total = sum(by_tier.values())
    return {
        "snapshotsCount": figures.count_snapshots(db),
        "backupCount": total - archive,
        "archivesCount": archive,
        "totalUsage": total,
        "hotUsage": hot,
        "coolUsage": total - archive - hot,
        "archiveUsage": archive,
    }


@routes.operation("Reports_GetTopPoliciesDurationReport")
def top_policies_duration(
    query: Annotated[ReportsGetTopPoliciesDurationReportQuery, Query()],
    db: DbSession,
    clock: Now,
    request: Request,
) -> JsonObject:
    """The policies whose last run took unusually long or short."""
    count = 10 if query.count is None else query.count
    if count < 0:
        raise Invalid.member("count", "A number of policies is expected.")
    # The contract's default for this parameter is one source; its absence means all of them.
    is_narrowed = "source" in request.query_params and query.source is not None
    categories = [_SOURCES[query.source]] if is_narrowed and query.source else _SOURCES.values()
    types = [name for name, category in CATEGORY_OF.items() if category in categories]
    runs = statistics.policy_runs(db, types, clock.now() - _AVERAGE_OF)
    return {"data": [_deviation(one) for one in deviations(runs)[:count]]}


@routes.operation("Reports_GetBottlenecksOverviewReport")
def bottlenecks(db: DbSession, clock: Now) -> JsonObject:
    """What kept backups waiting in the last day."""
    waits = statistics.waits_since(db, clock.now() - _DAY)
    is_long = waits.average > _LONG_WAIT
    return {
        "workerWaitTimeState": "Exceeded" if is_long else "Optimized",
        "averageWorkersWaitTimeMin": time_span(waits.average),
        "maximumWorkersWaitTimeMin": time_span(waits.longest),
        "workerBottleneckRegion": waits.region_of_longest,
        # Data is moved by this machine: no quota of others can run out.
        "cpuQuotaState": "NoIssues",
        "cpuQuotaBottleneckRegion": None,
        "storageAccountBottleneckState": "NoIssues",
        "storageAccountBottleneckRegion": None,
        "storageAccountBottleneckName": None,
        "storageAccountBottleneckResourceId": None,
    }


def _deviation(one: Deviation) -> JsonObject:
    millisecond = timedelta(milliseconds=1)
    return {
        "policyId": one.last.policy_id,
        "policyName": one.last.policy_name,
        "policyType": one.last.policy_type,
        "duration": one.last.duration // millisecond,
        "avgDuration": one.average // millisecond,
        "executionStartTime": wire_time(one.last.started_at),
        "jobSessionType": one.last.session_type,
        "avgPercentage": one.percentage,
        "deviationFromAvgDuration": one.difference // millisecond,
    }
