"""The ports of a lab directory: chosen at the first start, the same ever after."""

import random
import socket
from pathlib import Path

from azlab.core.certificates import write_file
from azlab.core.json_types import JsonObject, encode, integer_at, parse_object

_FILE = "ports.json"
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST, _HIGHEST = 10_000, 32_767
_TRIES = 200


def kept_ports(directory: Path) -> dict[str, int]:
    """The ports of earlier starts by name; empty for a new directory."""
    path = directory / _FILE
    if not path.exists():
        return {}
    found = parse_object(path.read_bytes())
    return {name: integer_at(found, name) or 0 for name in found}


def keep_ports(directory: Path, ports: dict[str, int]) -> None:
    """Remember for the next start."""
    document: JsonObject = dict(ports)
    write_file(directory / _FILE, encode(document))


def free_port() -> int:
    """A port that nobody listens on and that the kernel gives to no outgoing connection.

    Port 0 would give one from the kernel's range for outgoing connections; while a killed lab is
    down any client on the machine could then get it, and the lab could not come back.
    """
    highest = _HIGHEST
    if _RANGE.exists():
        highest = min(highest, int(_RANGE.read_text().split()[0]) - 1)
    for _ in range(_TRIES if highest > _LOWEST else 0):
        port = random.randint(_LOWEST, highest)
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
    return 0
