"""One JSON object per line on standard error and in a file, secrets replaced."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from logging.handlers import RotatingFileHandler
from typing import Any

import structlog

from kyanite.areas.appliance.log_files import FILE_BYTES, FILES_KEPT, LogFolder
from kyanite.base.clock import SystemClock
from kyanite.base.redaction import redacted

# Libraries that write whole requests, headers included, at INFO.
_QUIET = ("azure", "msal", "urllib3", "dbos", "sqlalchemy", "psycopg", "uvicorn.access")


def _redact(_logger: object, _name: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    event.pop("color_message", None)  # uvicorn's second copy of its message, for terminals
    return {key: redacted(value, key) for key, value in event.items()}


def configure(level: str, folder: LogFolder, program: str) -> None:
    """Make structlog and the standard library's logging write the same lines.

    The file is what support archives are made of (``areas/appliance/support_archive.py``).
    """
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
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr), *_file(folder, program)]
    for handler in handlers:
        handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = handlers
    root.setLevel(level)
    # It warns of every refused secret, which we report ourselves.
    logging.getLogger("azure.identity").setLevel(logging.ERROR)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _file(folder: LogFolder, program: str) -> list[logging.Handler]:
    """The handler that writes the file; none where a worker may read the folder only."""
    try:
        folder.prepare(SystemClock().now())
        return [
            RotatingFileHandler(
                folder.file_of(program),
                maxBytes=FILE_BYTES,
                backupCount=FILES_KEPT,
                encoding="utf-8",
            )
        ]
    except PermissionError:
        return []
