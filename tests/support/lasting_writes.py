"""What is written to an appliance, and has to be so after it was killed: people and settings."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pyotp

from support.house import PASSWORD
from support.restarted import API, OWN, Restarted
from support.waiting import eventually

OTHER_PASSWORD: Final = "An0ther-Passw0rd"


@dataclass(frozen=True)
class Write:
    """Something that is written, and what has to be so afterwards."""

    name: str
    do: Callable[[Restarted], Any]
    holds: Callable[[Restarted, Any], bool]


def kept(name: str, path: str, body: dict[str, Any], **secret: str) -> Write:
    """A group of settings: it is read as it was written.

    ``secret`` is never shown; without it the settings can only be written again if it is known.
    """

    def holds(one: Restarted, _: Any) -> bool:
        found = one.done("GET", path)
        one.done("PUT", path, body)
        return all(found[member] == value for member, value in body.items())

    return Write(name, lambda one: one.done("PUT", path, body | secret), holds)


def unchanged(name: str, do: Callable[[Restarted], str]) -> Write:
    """Something that ``do`` makes at a path: all that is read there stays as it was."""

    def made(one: Restarted) -> tuple[str, Any]:
        path = do(one)
        return path, one.done("GET", path)

    return Write(name, made, lambda one, what: one.done("GET", what[0]) == what[1])


def new_user(one: Restarted, name: str, role: str = "ReadOnlyUser") -> str:
    """A user with the house's password; the id."""
    body = {"name": name, "role": role, "description": "", "password": PASSWORD}
    return str(one.done("POST", f"{API}/users", {**body, "type": "Internal"})["id"])


def _changed_password(one: Restarted) -> None:
    user_id = new_user(one, "changes-password")
    one.done("PUT", f"{API}/users/{user_id}", {"password": OTHER_PASSWORD})


def _other_password_counts(one: Restarted, _: Any) -> bool:
    old, new = one.sign_in("changes-password")[0], one.sign_in("changes-password", OTHER_PASSWORD)
    return (old, new[0]) == (401, 200)


def _changed_role(one: Restarted) -> str:
    user_id = new_user(one, "changes-role", "PortalAdmin")
    one.done("PUT", f"{API}/users/{user_id}", {"role": "RestoreOperator"})
    return user_id


def _may_not_see_users(one: Restarted, user_id: str) -> bool:
    token = one.sign_in("changes-role")[1]["access_token"]
    role = one.done("GET", f"{API}/users/{user_id}")["role"]
    return (role, one.call("GET", f"{API}/users", token=token)[0]) == ("RestoreOperator", 403)


def _removed_user(one: Restarted) -> str:
    user_id = new_user(one, "leaves")
    one.done("DELETE", f"{API}/users/{user_id}")
    return user_id


def _second_factor(one: Restarted) -> list[str]:
    """A user has to show a code; one of the codes for emergencies is used up."""
    user_id = new_user(one, "careful")
    offer = one.done("POST", f"{API}/users/{user_id}/enableMfa", {"recreate": False})
    code = {"code": pyotp.TOTP(offer["secretKey"]).now(), "token": offer["token"]}
    one.done("POST", f"{API}/users/{user_id}/acceptMfa", code)
    codes: list[str] = offer["scratchCodes"]
    assert _second_step(one, codes[0]) == 200
    return codes


def _second_step(one: Restarted, code: str) -> int:
    token = one.sign_in("careful")[1]["mfa_token"]
    return one.grant(grant_type="Mfa", mfa_token=token, mfa_code=code)[0]


def _code_stays_used(one: Restarted, codes: list[str]) -> bool:
    no_pair = "access_token" not in one.sign_in("careful")[1]
    return no_pair and (_second_step(one, codes[0]), _second_step(one, codes[1])) == (401, 200)


def _signed_out(one: Restarted) -> Any:
    pair = one.sign_in()[1]
    assert one.call("DELETE", "/api/oauth2/token", token=pair["access_token"])[0] < 300
    return pair


def _statuses(one: Restarted, pair: Any) -> tuple[int, int]:
    refresh = {"grant_type": "Refresh_token", "refresh_token": pair["refresh_token"]}
    status, _ = one.call("GET", f"{API}/users", token=pair["access_token"])
    return status, one.grant(**refresh)[0]


def _rotated(one: Restarted) -> Any:
    pair = one.sign_in()[1]
    status, new = one.grant(grant_type="Refresh_token", refresh_token=pair["refresh_token"])
    assert status == 200
    return new


def _new_certificate(one: Restarted) -> str:
    before = one.certificate()
    one.done("POST", f"{API}/settings/certificates/webserver/regenerate")
    eventually(lambda: one.certificate() != before, within_seconds=30)
    return one.certificate()


def _accepted_agreement(one: Restarted) -> str:
    found = one.done("GET", f"{API}/licenseAgreement")["licenseAgreements"]
    accepted = [{"type": text["type"], "checksum": text["checksum"]} for text in found]
    one.done("POST", f"{API}/licenseAgreement/accept", accepted)
    return f"{API}/licenseAgreement/accepted"


def _licence(one: Restarted) -> str:
    one.done("DELETE", f"{API}/license")
    return f"{API}/license"


def _plain_account(one: Restarted) -> str:
    body = {"kind": "Smtp", "name": "mail", "username": "kyanite", "password": "S3cret"}
    made = one.done("POST", f"{API}/accounts/standard", body)
    return f"{API}/accounts/standard/{made['id']}"


PEOPLE: Final = (
    Write(
        "new user",
        lambda one: new_user(one, "comes"),
        lambda one, _: one.sign_in("comes")[0] == 200,
    ),
    Write("password of a user", _changed_password, _other_password_counts),
    Write("role of a user", _changed_role, _may_not_see_users),
    Write(
        "removed user",
        _removed_user,
        lambda one, user_id: one.call("GET", f"{API}/users/{user_id}")[0] == 404,
    ),
    Write("second factor", _second_factor, _code_stays_used),
    Write("rotated token", _rotated, lambda one, pair: _statuses(one, pair) == (200, 200)),
    Write("signing out", _signed_out, lambda one, pair: _statuses(one, pair) == (401, 401)),
)

SETTINGS: Final = (
    Write(
        "time zone",
        lambda one: one.done("PUT", f"{API}/system/timezone", {"timezoneId": "Europe/Berlin"}),
        lambda one, _: "Berlin" in json.dumps(one.done("GET", f"{API}/system/time")),
    ),
    kept(
        "retention",
        f"{API}/settings/retention",
        {
            "sessionsSettings": {"duration": 90, "type": "Days", "keepForever": False},
            "obsoleteSnapshotsSettings": {"duration": 2, "type": "Years", "keepForever": False},
        },
    ),
    kept(
        "e-mail",
        f"{OWN}/settings/email",
        {
            "isEnabled": False,
            "serverHost": "mail.example.org",
            "serverPort": 465,
            "useSecureConnection": True,
            "username": "kyanite",
            "from": "kyanite@example.org",
            "to": "you@example.org",
            "notifyOnSuccess": False,
            "dailyReportEnabled": True,
            "dailyReportTime": "07:30",
        },
        password="S3cret",
    ),
    kept(
        "upkeep of repositories",
        f"{OWN}/settings/repositoryUpkeep",
        {"isEnabled": False, "verifyWithinDays": 60, "repackGibANight": 4},
    ),
    unchanged("accepted agreement", _accepted_agreement),
    unchanged("licence", _licence),
    unchanged("plain account", _plain_account),
    Write("certificate", _new_certificate, lambda one, new: one.certificate() == new),
)
