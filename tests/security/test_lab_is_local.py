"""The lab has a control port without any password: it must not be reached from elsewhere."""

from __future__ import annotations

import psutil

from support.shared_lab import shared_lab


def test_every_port_of_the_lab_listens_on_loopback_only() -> None:
    process = psutil.Process(shared_lab().pid)
    listening = [
        one.laddr.ip
        for one in process.net_connections(kind="inet")
        if one.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= 5
    assert set(listening) == {"127.0.0.1"}
