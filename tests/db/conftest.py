"""The database suites need no tables but their own."""

from __future__ import annotations

import pytest

from support.databases import *  # noqa: F403
from support.databases import DURABLE_MODULES


@pytest.fixture(scope="session")
def table_modules() -> tuple[str, ...]:
    return DURABLE_MODULES
