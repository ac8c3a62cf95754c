"""A little client of Azure (here: of the lab), by its REST API alone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

from demo.web import Refused, Web

COMPUTE_VERSION = "2026-04-01"
DISK_VERSION = "2026-03-02"
NETWORK_VERSION = "2026-03-01"
RESOURCES_VERSION = "2025-04-01"
STORAGE_VERSION = "2026-09-01"
BLOB_VERSION = "2023-11-03"


def api_version(resource_id: str) -> str:
    """The API version for a resource id of one of the kinds used here."""
    lowered = resource_id.lower()
    if "/microsoft.network/" in lowered:
        return NETWORK_VERSION
    if "/microsoft.storage/" in lowered:
        return STORAGE_VERSION
    if (
        lowered.endswith(("/disks", "/snapshots"))
        or "/disks/" in lowered
        or "/snapshots/" in lowered
    ):
        return DISK_VERSION
    if "/microsoft.compute/" in lowered:
        return COMPUTE_VERSION
    return RESOURCES_VERSION


@dataclass(frozen=True)
class Lab:
    """What ``lab.json`` says."""

    arm: str
    login: str
    ca: str
    tenant_id: str
    subscription_ids: tuple[str, ...]
    client_id: str
    client_secret: str
    control: str

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> Lab:
        return cls(
            arm=facts["arm"].rstrip("/"),
            login=facts["login"].rstrip("/"),
            ca=facts["ca"],
            tenant_id=facts["tenantId"],
            subscription_ids=tuple(facts["subscriptionIds"]),
            client_id=facts["clientId"],
            client_secret=facts["clientSecret"],
            control=facts["control"].rstrip("/"),
        )


class Azure:
    """Calls as the owner of all subscriptions, and as the guests of its machines."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._web = Web(lab.ca)
        self._plain = Web(None)
        self._tokens: dict[str, tuple[str, float]] = {}

    def get(self, resource_id: str) -> Any:
        """One resource, raw."""
        return self._call("GET", resource_id)

    def put(self, resource_id: str, body: object) -> Any:
        """Create or change a resource and wait until that is done."""
        self._finish("PUT", resource_id, body)
        return self.get(resource_id)

    def delete(self, resource_id: str) -> None:
        """Delete a resource and wait until it is gone."""
        self._finish("DELETE", resource_id, None)

    def list(self, path: str) -> Iterator[Any]:
        """All items of a list, page by page."""
        url: str | None = self._url(path)
        while url:
            page = self._web.json("GET", url, token=self.token())
            yield from page["value"]
            url = page.get("nextLink")

    def read_access(self, resource_id: str) -> str:
        """A signed URL for the bytes of a snapshot or an unattached disk."""
        answer = self._finish(
            "POST", f"{resource_id}/beginGetAccess", {"access": "Read", "durationInSeconds": 3600}
        )
        return str(answer["accessSAS"])

    def storage_account(self) -> Any:
        """The first storage account that there is, raw."""
        for subscription in self.lab.subscription_ids:
            path = f"/subscriptions/{subscription}/providers/Microsoft.Storage/storageAccounts"
            for account in self.list(path):
                return account
        raise LookupError("there is no storage account")

    def account_key(self, account_id: str) -> str:
        """The first of the two keys of a storage account."""
        return str(self._finish("POST", f"{account_id}/listKeys", None)["keys"][0]["value"])

    def end_access(self, resource_id: str) -> None:
        """Take the signed URL back."""
        self._finish("POST", f"{resource_id}/endGetAccess", None)

    def allocated(self, signed_url: str) -> Iterator[tuple[int, int]]:
        """The ranges (offset, length) of a disk that were ever written."""
        marker = ""
        while True:
            query = f"&comp=pagelist{'&' + urlencode({'marker': marker}) if marker else ''}"
            answer = self._web.send(
                "GET", signed_url + query, headers={"x-ms-version": BLOB_VERSION}
            )
            tree = ElementTree.fromstring(answer.data)
            for page in tree.iter("PageRange"):
                start, end = int(page.findtext("Start", "0")), int(page.findtext("End", "0"))
                yield start, end - start + 1
            marker = tree.findtext("NextMarker") or ""
            if not marker:
                return

    def read(self, signed_url: str, offset: int, length: int) -> bytes:
        """Bytes of a disk behind a signed URL."""
        headers = {
            "x-ms-version": BLOB_VERSION,
            "x-ms-range": f"bytes={offset}-{offset + length - 1}",
        }
        return self._web.send("GET", signed_url, headers=headers).data

    def guest_write(self, disk_id: str, offset: int, data: bytes) -> None:
        """Write as the guest system of the machine would."""
        query = urlencode({"disk": disk_id, "offset": offset})
        self._plain.send("PUT", f"{self.lab.control}/disk-bytes?{query}", body=data)

    def guest_discard(self, disk_id: str, offset: int, length: int) -> None:
        """Discard a range (TRIM) as the guest system would."""
        query = urlencode({"disk": disk_id, "offset": offset, "length": length})
        self._plain.send("DELETE", f"{self.lab.control}/disk-bytes?{query}")

    def traffic(self, service: str, operation: str) -> int:
        """Bytes that one kind of request has given out so far, as the lab counts them."""
        return self._count(service, operation, "bytesOut")

    def requests(self, service: str, operation: str) -> int:
        """How many requests of one kind there were so far."""
        return self._count(service, operation, "requests")

    def set_fault(self, fault: dict[str, Any]) -> None:
        """Give the lab a fault, or a slow network."""
        self._plain.json("POST", f"{self.lab.control}/faults", body=fault)

    def _count(self, service: str, operation: str, member: str) -> int:
        stats = self._plain.json("GET", f"{self.lab.control}/stats")
        return sum(
            entry[member]
            for entry in stats["operations"]
            if entry["service"] == service and entry["operation"] == operation
        )

    def _url(self, path: str) -> str:
        if path.startswith("https://"):
            return path
        separator = "&" if "?" in path else "?"
        return f"{self.lab.arm}{path}{separator}api-version={api_version(path)}"

    def _call(self, method: str, path: str, body: object = None) -> Any:
        return self._web.json(method, self._url(path), token=self.token(), body=body)

    def _finish(self, method: str, path: str, body: object) -> Any:
        url = self._url(path)
        headers = {"Authorization": f"Bearer {self.token()}"}
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        answer = self._web.send(method, url, headers=headers, body=data)
        location = answer.headers.get("Location")
        poll = answer.headers.get("Azure-AsyncOperation") or location
        if answer.status != 202 and not answer.headers.get("Azure-AsyncOperation"):
            return answer.json() if answer.data else None
        while poll:
            headers = {"Authorization": f"Bearer {self.token()}"}
            step = self._web.send("GET", poll, headers=headers)
            state = step.json().get("status") if step.data else None
            if "Azure-AsyncOperation" not in answer.headers:
                if step.status != 202:
                    return step.json() if step.data else None
            elif state == "Succeeded":
                if method != "POST" or not location:
                    return None
                final = self._web.send("GET", location, headers=headers)
                return final.json() if final.data else None
            elif state in ("Failed", "Canceled"):
                raise Refused(method, url, 200, step.data.decode())
            time.sleep(min(1.0, float(step.headers.get("Retry-After", "0.2")) or 0.05))
        return None

    def forget_tokens(self) -> None:
        """Sign in anew at the next call: the clock of the lab may have been moved."""
        self._tokens.clear()

    def token(self, scope: str = "https://management.azure.com/.default") -> str:
        """A token for a scope, kept until shortly before it ends."""
        token, ends = self._tokens.get(scope, ("", 0.0))
        if time.monotonic() > ends:
            form = urlencode(
                {
                    "grant_type": "client_credentials",
                    "client_id": self.lab.client_id,
                    "client_secret": self.lab.client_secret,
                    "scope": scope,
                }
            )
            answer = self._web.send(
                "POST",
                f"{self.lab.login}/{self.lab.tenant_id}/oauth2/v2.0/token",
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                body=form.encode(),
            ).json()
            token = answer["access_token"]
            self._tokens[scope] = (token, time.monotonic() + int(answer["expires_in"]) - 120)
        return str(token)
