"""Version ids and snapshot times: `2026-11-25T22:00:00.1234560Z`, seven digits of a second."""

import re
from datetime import UTC, datetime

_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z")


def text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def is_time(value: str) -> bool:
    return _FORM.fullmatch(value) is not None


def moment(value: str) -> datetime:
    """Raises ValueError for what is no such time."""
    if not is_time(value):
        raise ValueError(f"not a version id: {value!r}")
    return datetime.strptime(value[:26], "%Y-%m-%dT%H:%M:%S.%f").replace(tzinfo=UTC)
