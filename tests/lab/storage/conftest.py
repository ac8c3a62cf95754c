"""A storage account made for the tests, and clients for it."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient

from support.lab import Azure
from support.storage import Account, made_account


@pytest.fixture(scope="module")
def account(azure: Azure) -> Iterator[Account]:
    """Made through ARM in a group of its own, deleted afterwards."""
    with made_account(azure) as made:
        yield made


@pytest.fixture(scope="module")
def service(account: Account) -> BlobServiceClient:
    """With the account key."""
    return account.client(account.key)


@pytest.fixture
def container(service: BlobServiceClient) -> Iterator[ContainerClient]:
    """An empty container."""
    made = service.create_container(f"box-{uuid.uuid4().hex[:12]}")
    yield made
    if made.exists():
        made.delete_container()


@pytest.fixture
def soon() -> datetime:
    """In an hour."""
    return datetime.now(UTC) + timedelta(hours=1)
