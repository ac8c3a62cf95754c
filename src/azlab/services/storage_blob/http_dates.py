"""Dates as the blob service writes and reads them."""

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

_ISO_FORMATS = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ", "%Y-%m-%d")


def rfc1123(moment: datetime) -> str:
    """`Wed, 25 Nov 2026 19:00:00 GMT`, the form of Last-Modified."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def iso_seconds(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_rfc1123(text: str) -> datetime:
    """Raises ValueError on anything that is no HTTP date."""
    moment = parsedate_to_datetime(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_iso(text: str) -> datetime:
    """The ISO 8601 forms allowed in a SAS, and fractions of any length; ValueError otherwise."""
    for form in _ISO_FORMATS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    body, _, fraction = text.removesuffix("Z").partition(".")
    if not text.endswith("Z") or not fraction.isdigit():
        raise ValueError(f"not an ISO 8601 date: {text!r}")
    whole = datetime.strptime(body, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    return whole.replace(microsecond=int(fraction[:6].ljust(6, "0")))
