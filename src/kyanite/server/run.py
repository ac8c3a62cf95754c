"""`kyanite serve`: API, scheduler and job workers in one process tree, until SIGTERM.
`kyanite worker`: the job workers and the scheduler alone.
"""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

import uvicorn

from kyanite.areas.appliance.log_files import FOLDER_NAME, LogFolder
from kyanite.areas.repositories.rescan import start_rescan
from kyanite.base.settings import Settings
from kyanite.server import app, logs, wiring
from kyanite.server.hardening import keep_private
from kyanite.server.http_limits import BoundedProtocol
from kyanite.server.live_certificate import LiveCertificate

# Requests that are being answered get this long to end when the appliance is told to stop.
DRAIN_SECONDS = 20
# Longer than the pauses of clients that poll, so that they need no new handshake each time.
KEEP_ALIVE_SECONDS = 75
# Answers are data: no browser may guess their type, show them in a frame or run anything in
# them, and one that has spoken https to this host is not to be led to http.
SECURITY_HEADERS = [
    ("Strict-Transport-Security", "max-age=31536000"),
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
]


def _heard(_number: int, _frame: FrameType | None) -> None:
    """uvicorn raises the signal again after it has drained; by then it has had its effect."""


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then drain. Raises KyaniteError if it cannot start."""
    keep_private()
    wiring.prepare_folder(settings.data_dir)
    logs.configure(settings.log_level, LogFolder(settings.data_dir / FOLDER_NAME), "serve")
    appliance = wiring.wire(settings)
    certificate = appliance.provisions.get(LiveCertificate)
    config = uvicorn.Config(
        app.build(appliance.provisions),
        host=settings.host,
        port=settings.port,
        ssl_context_factory=lambda _config, _default: certificate.context(),
        loop="uvloop",
        http=BoundedProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        server_header=False,
        headers=SECURITY_HEADERS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _heard)
    with appliance.database.writing() as db:
        start_rescan(db)
    appliance.start()
    try:
        uvicorn.Server(config).run()
    finally:
        appliance.stop()


def work(settings: Settings) -> None:
    """Carry out jobs until SIGTERM or SIGINT, then hand over what is unfinished."""
    keep_private()
    wiring.prepare_folder(settings.data_dir)
    logs.configure(
        settings.log_level, LogFolder(settings.data_dir / FOLDER_NAME), f"worker-{os.getpid()}"
    )
    told = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        told.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    worker = wiring.wire(settings, is_worker=True)
    worker.start()
    told.wait()
    worker.stop()
