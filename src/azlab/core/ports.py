"""The ports of a lab directory: chosen at the first start, the same ever after."""

from pathlib import Path

from azlab.core.certificates import write_file
from azlab.core.json_types import JsonObject, encode, integer_at, parse_object

_FILE = "ports.json"


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
