"""A little client of the appliance, by its REST API alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

import urllib3

from demo.web import Refused, Web

FINAL = frozenset({"Success", "Warning", "Error", "Canceled"})
POLL_SECONDS = 0.2


class WorkFailed(Exception):
    """A session or operation of the appliance did not succeed."""


class Appliance:
    """One signed-in user."""

    def __init__(self, address: str, certificate_file: str) -> None:
        self.address = address.rstrip("/")
        self._web = Web(certificate_file)
        self._token = ""

    def is_up(self) -> bool:
        """Whether the service answers."""
        try:
            self._web.json("GET", f"{self.address}/api/v8.1/system/serviceIsUp")
        except (Refused, urllib3.exceptions.HTTPError):
            return False
        return True

    def sign_in(self, username: str, password: str) -> None:
        """Get a token with a password."""
        form = urlencode({"grant_type": "Password", "username": username, "password": password})
        answer = self._web.send(
            "POST",
            f"{self.address}/api/oauth2/token",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=form.encode(),
        )
        self._token = answer.json()["access_token"]

    def get(self, path: str, **query: object) -> Any:
        """One object or page."""
        return self._call("GET", path, query=query)

    def post(self, path: str, body: object = None, **query: object) -> Any:
        """Act; an answer that is an operation is followed to its result."""
        answer = self._call("POST", path, body, query)
        if isinstance(answer, dict) and {"startTime", "status"} <= answer.keys():
            return self._result(answer)
        return answer

    def delete(self, path: str) -> Any:
        """Remove; the answer, if there is one."""
        return self._call("DELETE", path)

    def everything(self, path: str, **query: object) -> Iterator[Any]:
        """All items of a list, page by page."""
        offset = 0
        while True:
            page = self.get(path, Offset=offset, Limit=50, **query)
            yield from page["results"]
            offset += len(page["results"])
            if not page["results"] or offset >= page["totalCount"]:
                return

    def wait(self, session_id: str, show: Callable[[Any], None] | None = None) -> Any:
        """Wait until a session has ended; ``WorkFailed`` with its log unless it succeeded."""
        while True:
            session = self.get(f"/jobSessions/{session_id}")
            if show:
                show(session)
            if session["status"] in FINAL:
                break
            time.sleep(POLL_SECONDS)
        if session["status"] != "Success":
            log = self.get(f"/jobSessions/{session_id}/log")["log"]
            lines = "\n".join(f"  {line['status']:8} {line['message']}" for line in log)
            raise WorkFailed(f"{session['localizedType']} ended {session['status']}:\n{lines}")
        return session

    def read_bytes(self, session_id: str) -> int:
        """Bytes read from disks in a backup session so far, over all its machines."""
        items = self.get(f"/jobSessions/{session_id}/protectedItems", Limit=-1)["results"]
        rates = [run["rates"] for item in items for run in item["runs"] if run.get("rates")]
        return sum(rate["readDataBytes"] or 0 for rate in rates)

    def _result(self, operation: Any) -> Any:
        while operation["status"] not in FINAL:
            time.sleep(POLL_SECONDS)
            operation = self.get(f"/operations/{operation['id']}")
        if operation["status"] == "Error":
            raise WorkFailed(f"an operation failed: {operation['error']}")
        return operation["result"]

    def _call(
        self, method: str, path: str, body: object = None, query: dict[str, object] | None = None
    ) -> Any:
        url = f"{self.address}/api/v8.1{quote(path)}"
        if query:
            url += f"?{urlencode(query, doseq=True)}"
        return self._web.json(method, url, token=self._token, body=body)
