"""One JSON object per line on standard error, secrets replaced."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from kyanite.base.redaction import redacted

# Libraries that write whole requests, headers included, at INFO.
_QUIET = ("azure", "msal", "urllib3", "dbos", "sqlalchemy", "psycopg", "uvicorn.access")


def _redact(_logger: object, _name: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    event.pop("color_message", None)  # uvicorn's second copy of its message, for terminals
    return {key: redacted(value, key) for key, value in event.items()}


def configure(level: str) -> None:
    """Make structlog and the standard library's logging write the same lines."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _redact,
            structlog.processors.JSONRenderer(),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # It warns of every refused secret, which we report ourselves.
    logging.getLogger("azure.identity").setLevel(logging.ERROR)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
