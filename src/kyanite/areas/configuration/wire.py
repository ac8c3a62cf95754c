"""A report as the contract shows it, and as a page for people."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from sqlalchemy.orm import Session
from starlette.requests import Request

from kyanite.areas.accounts import find_account
from kyanite.areas.accounts import wire as account_wire
from kyanite.areas.configuration.check import TITLES, CheckReport
from kyanite.areas.configuration.findings import Finding
from kyanite.areas.inventory import region_names
from kyanite.areas.repositories import wire as repository_wire
from kyanite.areas.repositories.queries import find_repository
from kyanite.base.json_types import JsonObject, JsonValue

Item = Callable[[Finding], JsonObject | None]


def check_log(request: Request, db: Session, report: CheckReport) -> JsonObject:
    """``CheckLog``. Blocks of types that were not asked for are null."""

    def account(found: Finding) -> JsonObject | None:
        item = find_account(db, found.subject_id)
        return (
            None
            if item is None
            else {
                "account": account_wire.account(request, item),
                "subscriptions": found.facts.get("subscriptions", []),
                "status": found.status,
                "severity": found.severity,
            }
        )

    def repository(found: Finding) -> JsonObject | None:
        item = find_repository(db, found.subject_id)
        return (
            None
            if item is None
            else {
                "repository": repository_wire.repository(
                    request, item, region_names(db, {item.region})
                ),
                "status": found.status,
                "severity": found.severity,
                "message": found.message,
                **found.facts,
            }
        )

    def block(check_type: str, member: str, item: Item) -> JsonValue:
        line = report.line(check_type)
        if line is None:
            return None
        return {member: [one for one in map(item, line.findings) if one is not None]}

    sso = report.line("SsoUsers")
    return {
        "logLine": [
            {
                "title": TITLES[line.type],
                "status": line.verdict.value,
                "result": line.result,
                "type": line.type,
            }
            for line in report.lines
        ],
        "overallStatus": report.verdict.value,
        "checkResponse": {
            "missingRoles": block("AzureAccounts", "accounts", account),
            "workerConfiguration": block(
                "WorkerConfiguration", "workerConfigurations", lambda found: dict(found.facts)
            ),
            "repositories": block("Repositories", "repositories", repository),
            "repositoryOwnership": block("RepositoriesOwnership", "repositories", repository),
            "repositoryEncryption": block("RepositoriesEncryption", "repositories", repository),
            "mfaUsers": block("PortalUsers", "users", lambda found: dict(found.facts)),
            "ssoConfiguration": sso.findings[0].status if sso and sso.findings else None,
        },
    }


def check_page(report: CheckReport) -> str:
    """The report as HTML: lines, and below each what is wrong."""
    rows = []
    for line in report.lines:
        wrong = "".join(
            f"<li>{escape(found.status)}: {escape(found.message or '')}</li>"
            for found in line.findings
            if found.severity != "Success"
        )
        rows.append(
            f"<tr><td>{escape(TITLES[line.type])}</td><td>{line.verdict.value}</td>"
            f"<td>{escape(line.result or '')}{f'<ul>{wrong}</ul>' if wrong else ''}</td></tr>"
        )
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        "<title>Configuration check</title></head><body><h1>Configuration check</h1>"
        f"<p>Begun {report.began:%Y-%m-%d %H:%M} UTC: {report.verdict.value}</p><table>"
        f"<tr><th>What</th><th>Status</th><th>Result</th></tr>{''.join(rows)}</table></body></html>"
    )
