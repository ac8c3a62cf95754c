"""Conditional headers: read once, decided purely.

Source: "Specifying conditional headers for Blob service operations". If-None-Match with `*` on a
write means "only if it does not exist yet" and fails with BlobAlreadyExists.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from azlab.services.storage_blob.errors import StorageError, bad_header, not_simulated
from azlab.services.storage_blob.http_dates import parse_rfc1123

_HEADERS = ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since")


@dataclass(frozen=True)
class Conditions:
    """Empty texts and None where the request asks for nothing."""

    if_match: str = ""
    if_none_match: str = ""
    modified_since: datetime | None = None
    unmodified_since: datetime | None = None
    failure: str = "ConditionNotMet"

    def check_read(self, etag: str, modified_at: datetime) -> None:
        """Raises NotModified (304) or ConditionNotMet (412)."""
        self._check_required(etag, modified_at)
        fresh = [
            condition
            for condition in (
                _matches(self.if_none_match, etag) if self.if_none_match else None,
                _whole(modified_at) <= self.modified_since if self.modified_since else None,
            )
            if condition is not None
        ]
        if fresh and all(fresh):
            raise StorageError("NotModified")

    def check_write(self, etag: str | None, modified_at: datetime | None) -> None:
        """`etag` None: there is nothing yet. Raises BlobAlreadyExists or ConditionNotMet."""
        if etag is None or modified_at is None:
            if self.if_match:
                raise StorageError(self.failure)
            return
        if self.if_none_match == "*":
            raise StorageError("BlobAlreadyExists")
        self._check_required(etag, modified_at)
        if self.if_none_match and _matches(self.if_none_match, etag):
            raise StorageError(self.failure)
        if self.modified_since and _whole(modified_at) <= self.modified_since:
            raise StorageError(self.failure)

    def check_source(self, etag: str, modified_at: datetime) -> None:
        """For the source of a copy: raises SourceConditionNotMet only."""
        self._check_required(etag, modified_at)
        if self.if_none_match and _matches(self.if_none_match, etag):
            raise StorageError(self.failure)
        if self.modified_since and _whole(modified_at) <= self.modified_since:
            raise StorageError(self.failure)

    def _check_required(self, etag: str, modified_at: datetime) -> None:
        if self.if_match and not _matches(self.if_match, etag):
            raise StorageError(self.failure)
        if self.unmodified_since and _whole(modified_at) > self.unmodified_since:
            raise StorageError(self.failure)


def _matches(condition: str, etag: str) -> bool:
    wanted = [part.strip().removeprefix("W/").strip('"') for part in condition.split(",")]
    return "*" in wanted or etag in wanted


def _whole(moment: datetime) -> datetime:
    """Headers carry whole seconds, so the comparison does too."""
    return moment.replace(microsecond=0)


def parse(headers: Mapping[str, str]) -> Conditions:
    """Raises InvalidHeaderValue, or MultipleConditionHeadersNotSupported for odd pairs."""
    if headers.get("x-ms-if-tags"):
        raise not_simulated("conditions on tags (x-ms-if-tags)")
    return _parse(headers, "", "ConditionNotMet")


def parse_source(headers: Mapping[str, str]) -> Conditions:
    """The x-ms-source-if-* headers of a copy."""
    if headers.get("x-ms-source-if-tags"):
        raise not_simulated("conditions on tags (x-ms-source-if-tags)")
    return _parse(headers, "x-ms-source-", "SourceConditionNotMet")


def _parse(headers: Mapping[str, str], prefix: str, failure: str) -> Conditions:
    match, none_match, modified, unmodified = (headers.get(prefix + name, "") for name in _HEADERS)
    if (match or unmodified) and (none_match or modified):
        raise StorageError("MultipleConditionHeadersNotSupported")
    return Conditions(
        if_match=match,
        if_none_match=none_match,
        modified_since=_date(prefix + "if-modified-since", modified),
        unmodified_since=_date(prefix + "if-unmodified-since", unmodified),
        failure=failure,
    )


def _date(name: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        return parse_rfc1123(text)
    except (ValueError, TypeError):
        raise bad_header(name, text) from None


def refuse_all(headers: Mapping[str, str]) -> None:
    """For operations that take no conditions: ignoring one could destroy data."""
    for name in (*_HEADERS, "x-ms-if-tags"):
        if headers.get(name):
            raise StorageError("ConditionHeadersNotSupported", details=(("HeaderName", name),))
