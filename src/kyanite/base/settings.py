"""Settings of a process, from its environment and its command line. Read once, never changed."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kyanite.base.errors import Invalid

DEFAULT_PORT = 443


@dataclass(frozen=True)
class Settings:
    """What `kyanite serve` and `kyanite worker` are told. `repr` shows no password.

    | Variable | Member |
    |---|---|
    | `KYANITE_DATABASE_URL` | `database_url`; empty: SQLite in `data_dir` |
    | `KYANITE_ADMIN_USERNAME`, `KYANITE_ADMIN_PASSWORD` | the first administrator |
    | `KYANITE_AZURE_ARM_ENDPOINT` | `arm_endpoint`; None: the public cloud |
    | `KYANITE_AZURE_CA_FILE` | `azure_ca_file`: extra CA bundle for Azure calls |
    | `KYANITE_MASTER_KEY` | `master_key`: base64, instead of the file `master.key` in `data_dir` |
    | `KYANITE_SHORT_REFRESH_SECONDS` | life of a short refresh token, default 3600 |
    | `KYANITE_LOG_LEVEL` | `DEBUG`, `INFO`, `WARNING` or `ERROR`; default `INFO` |
    | `KYANITE_TRUSTED_PROXIES` | `trusted_proxies`: addresses whose `X-Forwarded-…` is believed |
    | `KYANITE_UPDATES_URL` | `updates_url`: where new versions of the appliance are |
    """

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    database_url: str = field(default="", repr=False)
    admin_username: str = ""
    admin_password: str = field(default="", repr=False)
    arm_endpoint: str | None = None
    azure_ca_file: str | None = None
    master_key: str = field(default="", repr=False)
    short_refresh_seconds: int = 3600
    log_level: str = "INFO"
    updates_url: str = ""
    trusted_proxies: tuple[str, ...] = ()

    @classmethod
    def from_environment(
        cls,
        environment: Mapping[str, str],
        *,
        data_dir: Path,
        host: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
    ) -> Settings:
        """The settings in these variables; Invalid names one that makes no sense."""
        level = environment.get("KYANITE_LOG_LEVEL", "INFO").upper()
        if level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
            raise Invalid(f"KYANITE_LOG_LEVEL is DEBUG, INFO, WARNING or ERROR, not {level}.")
        short = environment.get("KYANITE_SHORT_REFRESH_SECONDS", "3600")
        if not short.isdecimal() or int(short) < 1:
            raise Invalid(f"KYANITE_SHORT_REFRESH_SECONDS is a number of seconds, not {short!r}.")
        proxies = [one.strip() for one in environment.get("KYANITE_TRUSTED_PROXIES", "").split(",")]
        for proxy in filter(None, proxies):
            _require_address(proxy)
        return cls(
            data_dir=data_dir.resolve(),
            host=host,
            port=port,
            database_url=environment.get("KYANITE_DATABASE_URL", ""),
            admin_username=environment.get("KYANITE_ADMIN_USERNAME", ""),
            admin_password=environment.get("KYANITE_ADMIN_PASSWORD", ""),
            arm_endpoint=environment.get("KYANITE_AZURE_ARM_ENDPOINT") or None,
            azure_ca_file=environment.get("KYANITE_AZURE_CA_FILE") or None,
            master_key=environment.get("KYANITE_MASTER_KEY", ""),
            short_refresh_seconds=int(short),
            log_level=level,
            updates_url=environment.get("KYANITE_UPDATES_URL", ""),
            trusted_proxies=tuple(filter(None, proxies)),
        )


def _require_address(text: str) -> None:
    """Raise Invalid unless it is an address or a network; "*" would believe everybody."""
    try:
        is_everybody = ipaddress.ip_network(text).prefixlen == 0
    except ValueError:
        is_everybody = True
    if is_everybody:
        raise Invalid(f"KYANITE_TRUSTED_PROXIES has addresses separated by commas, not {text!r}.")
