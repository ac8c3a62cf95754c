"""Microsoft.Sql on the ARM port."""

from __future__ import annotations

from azlab.core.arm import ArmType
from azlab.core.service import Lab
from azlab.services.sql import pools, servers
from azlab.services.sql.versions import SQL

_NO_DATABASES = "inventory only: no databases, nothing answers SQL"


def register(lab: Lab) -> None:
    """Add the types of Microsoft.Sql."""
    lab.arm.type(
        ArmType(
            servers.SERVERS,
            api_versions=SQL,
            put=servers.put_server,
            queries={"get": ("$expand",), "list": ("$expand",)},
            notes={"put": _NO_DATABASES},
        )
    )
    lab.arm.type(
        ArmType(
            servers.INSTANCES,
            api_versions=SQL,
            put=servers.put_instance,
            queries={"get": ("$expand",), "list": ("$expand",)},
            movable=False,
            notes={"put": f"{_NO_DATABASES}; made at once, the subnet is not checked"},
        )
    )
    lab.arm.type(
        ArmType(
            pools.POOLS,
            api_versions=SQL,
            put=pools.put_pool,
            queries={"list": ("$skip",)},
            notes={"put": "DTU editions and two vCore tiers; without databases"},
        )
    )
