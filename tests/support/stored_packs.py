"""What the packs of the house's repository hold, told by their tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from azure.storage.blob import ContainerClient

from kyanite.engine.condemned import pack_of_name
from kyanite.engine.format import PACKS_PREFIX
from kyanite.engine.pack import read_table
from kyanite.engine.repository import Repository
from kyanite.engine.storage.memory import MemoryStorage
from support.house import REPOSITORY_PASSWORD, House


def stored_twice(house: House, paths: Iterable[str]) -> list[str]:
    """Entries (chunks and pages) that stand more than once in these packs.

    ``paths`` as the lab's journal shows them: ``/account/container/folder/packs/…``. Packs that
    are gone by now are left out.
    """
    names: dict[tuple[str, str, str], set[str]] = {}
    for path in paths:
        _, account, container, folder, name = path.split("/", 4)
        names.setdefault((account, container, folder), set()).add(name)
    found: Counter[str] = Counter()
    for (account, container, folder), packs in names.items():
        found.update(_entries(_container(house, account, container), folder, packs))
    return [entry for entry, times in found.items() if times > 1]


def _entries(container: ContainerClient, folder: str, packs: set[str]) -> list[str]:
    copy = MemoryStorage()
    for blob in container.list_blobs(f"{folder}/"):
        name = str(blob.name).removeprefix(f"{folder}/")
        if name in packs or not name.startswith((PACKS_PREFIX, "index/", "points/")):
            copy.put(name, container.download_blob(blob.name).readall())
    repository = Repository.open(copy, REPOSITORY_PASSWORD)
    keys = repository.read_keys
    return [
        entry.entry_id.hex()
        for info in copy.list(PACKS_PREFIX)
        if (pack := pack_of_name(info.name)) is not None
        for entry in read_table(copy, pack, keys.maintenance_key, keys.repository_id).entries
    ]


def _container(house: House, account: str, name: str) -> ContainerClient:
    return next(
        container
        for container in house.containers()
        if container.container_name == name and account in container.url
    )
