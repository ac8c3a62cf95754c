"""SQL servers, managed instances and elastic pools of the lab, by the official SDK."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.sql import SqlManagementClient
from azure.mgmt.sql.models import ElasticPool, ManagedInstance, Server, Sku

from support.compute_bench import LOCATION, compute_bench
from support.lab import Azure
from support.lab_clients import sql

PASSWORD = "never-shown-again"  # of nothing that exists


@pytest.fixture
def group(azure: Azure) -> Iterator[str]:
    with compute_bench(azure) as bench:
        yield bench.group


@pytest.fixture
def client(azure: Azure) -> SqlManagementClient:
    return sql(azure)


def server(login: str = "keeper") -> Server:
    properties = {"administratorLogin": login, "administratorLoginPassword": PASSWORD}
    return Server({"location": LOCATION, "properties": properties})


def instance(cores: int) -> ManagedInstance:
    properties = {
        "administratorLogin": "keeper",
        "administratorLoginPassword": PASSWORD,
        "vCores": cores,
    }
    return ManagedInstance({"location": LOCATION, "properties": properties})


def code(caught: pytest.ExceptionInfo[HttpResponseError]) -> str:
    assert caught.value.error is not None
    return str(caught.value.error.code)


def test_the_scene_has_a_server_with_a_pool_and_an_instance(azure: Azure) -> None:
    found = {one.name: one for one in sql(azure).servers.list()}
    shop = found["shop-sqlserver"]
    assert shop.fully_qualified_domain_name == "shop-sqlserver.database.windows.test"
    assert shop.tags == {"department": "sales"}
    pools = list(sql(azure).elastic_pools.list_by_server("shop", "shop-sqlserver"))
    assert [(pool.name, pool.sku and pool.sku.capacity) for pool in pools] == [("shop-pool", 100)]
    assert [one.name for one in sql(azure, 1).managed_instances.list()] == ["workbench-instance"]


def test_a_server_is_made_found_and_deleted_with_its_pools(
    client: SqlManagementClient, group: str
) -> None:
    made = client.servers.begin_create_or_update(group, "Fresh-1", server()).result()
    assert made.state == "Ready"
    assert made.administrator_login_password is None
    pool = ElasticPool(location=LOCATION, sku=Sku(name="PremiumPool", tier="Premium", capacity=125))
    client.elastic_pools.begin_create_or_update(group, "fresh-1", "p", pool).result()
    found = client.elastic_pools.get(group, "fresh-1", "p")
    assert (found.state, found.max_size_bytes) == ("Ready", 250 << 30)
    client.servers.begin_delete(group, "fresh-1").result()
    assert [one.name for one in client.servers.list_by_resource_group(group)] == []


def test_servers_that_azure_would_refuse_are_refused(
    client: SqlManagementClient, group: str
) -> None:
    with pytest.raises(HttpResponseError) as nobody:
        client.servers.begin_create_or_update(group, "a", Server(location=LOCATION))
    assert code(nobody) == "InvalidParameterValue"
    with pytest.raises(HttpResponseError) as name:
        client.servers.begin_create_or_update(group, "a_b", server())
    assert code(name) == "InvalidResourceName"
    client.servers.begin_create_or_update(group, "kept", server()).result()
    with pytest.raises(HttpResponseError) as login:
        client.servers.begin_create_or_update(group, "kept", server("other"))
    assert code(login) == "InvalidParameterValue"


def test_pools_need_a_server_and_a_size_that_exists(
    client: SqlManagementClient, group: str
) -> None:
    with pytest.raises(HttpResponseError) as orphan:
        client.elastic_pools.begin_create_or_update(
            group, "nothing", "p", ElasticPool(location=LOCATION)
        )
    assert code(orphan) == "ParentResourceNotFound"
    client.servers.begin_create_or_update(group, "pooled", server()).result()
    odd = ElasticPool(location=LOCATION, sku=Sku(name="BasicPool", tier="Basic", capacity=51))
    with pytest.raises(HttpResponseError) as size:
        client.elastic_pools.begin_create_or_update(group, "pooled", "p", odd)
    assert code(size) == "ElasticPoolInvalidDtuCount"


def test_an_instance_is_made(client: SqlManagementClient, group: str) -> None:
    made = client.managed_instances.begin_create_or_update(group, "inst", instance(4)).result()
    assert (made.state, made.v_cores) == ("Ready", 4)
    assert made.sku is not None
    assert made.sku.tier == "GeneralPurpose"
    with pytest.raises(HttpResponseError) as small:
        client.managed_instances.begin_create_or_update(group, "inst", instance(2))
    assert code(small) == "InvalidVCoresValue"
