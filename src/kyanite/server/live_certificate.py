"""The certificate in use, exchanged while the server runs.

A TLS context keeps one certificate per kind of key and never forgets one, so exchanging it in
place would leave the old one to some clients. Instead each handshake is given the newest
context, whether or not the client names the host it wants.
"""

from __future__ import annotations

import ssl
import threading
from pathlib import Path

from cryptography import x509

from kyanite.areas.appliance.web_certificate import Installable
from kyanite.base.clock import Clock
from kyanite.server import tls


class LiveCertificate:
    """`WebCertificate` over the files in the data folder."""

    def __init__(self, folder: Path, host: str, clock: Clock) -> None:
        self._folder, self._host, self._clock = folder, host, clock
        self._changing = threading.Lock()
        self._files = tls.ensure_certificate(folder, host, clock.now())
        self._newest = tls.server_context(self._files)

    def context(self) -> ssl.SSLContext:
        """What the server listens with; call it once."""
        listening = tls.server_context(self._files)
        listening.sni_callback = self._hand_over
        return listening

    def current(self) -> x509.Certificate:
        """The certificate in use."""
        return x509.load_pem_x509_certificate(self._files.certificate_file.read_bytes())

    def regenerate(self) -> None:
        """Make a new self-signed one and use it."""
        with self._changing:
            tls.install(self._folder, tls.self_signed(self._host, self._clock.now()))
            self._newest = tls.server_context(self._files)

    def install(self, wanted: Installable) -> None:
        """Use this one from now on, after a restart too."""
        with self._changing:
            tls.install(self._folder, wanted)
            self._newest = tls.server_context(self._files)

    def _hand_over(
        self, connection: ssl.SSLSocket | ssl.SSLObject, _name: str | None, _context: ssl.SSLContext
    ) -> None:
        connection.context = self._newest
