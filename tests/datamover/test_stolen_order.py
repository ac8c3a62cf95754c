"""What a thief can do with an order: read its own machine, and nothing else.

The orders are taken as they go over the wire. The storage is attacked with the official
SDK, the packs with every key that an order holds or can derive.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobBlock, BlobClient, ContainerClient
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kyanite.azure.blob.storage import BlobStorage
from kyanite.azure.compute import access
from kyanite.azure.compute.pages import DiskPages
from kyanite.azure.connections import ConnectionPool
from kyanite.azure.signed_urls import RenewableUrl, SignedUrl
from kyanite.base.errors import Damaged, Denied, WrongKey
from kyanite.base.json_types import JsonObject
from kyanite.base.units import MIB
from kyanite.datamover.attachments import Attachments
from kyanite.datamover.orders import BackupOrder, RestoreOrder, StorageAccess
from kyanite.engine.condemned import pack_of_name
from kyanite.engine.format import EntryType, point_name
from kyanite.engine.keys import pack_key
from kyanite.engine.pack import PackEntry, PackRef, open_entry, read_table
from kyanite.engine.point import decode_point
from support.mover_bench import Bench, new_bench
from support.shared_lab import shared_lab

MARKER = b"the secret of machine A, which nobody else may read. "


class Crime:
    """Machine A with its backup, and the orders of machine B that were stolen."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        disk_a, disk_b = bench.new_disk(), bench.new_disk()
        bench.control.write_disk(disk_a, 0, MARKER * (2 * MIB // len(MARKER) + 1))
        bench.fill(disk_b, 21, pieces=2)
        self.snapshot_a, self.snapshot_b = bench.snapshot(disk_a), bench.snapshot(disk_b)
        ticket_a = bench.ticket(machine="a")
        bench.back_up(disk_a, self.snapshot_a, ticket=ticket_a)
        self.session_a = ticket_a.session_id
        ticket_b = bench.ticket(machine="b")
        bench.back_up(disk_b, self.snapshot_b, ticket=ticket_b)

        next_b = bench.ticket(machine="b", parent=ticket_b.session_id)
        attachments = Attachments()
        order = bench.backup_order(disk_b, self.snapshot_b, ticket=next_b)
        self.backup = BackupOrder.from_json(1, _wire(order.to_json(attachments)), attachments)
        point = bench.repository.read_point(ticket_b.session_id)
        restore = RestoreOrder(
            1,
            bench.repository.restore_keys(point),
            point,
            bench.storage_access("rl"),
            (),
            bench.azure.ca,
        )
        self.restore = RestoreOrder.from_json(1, _wire(restore.to_json(attachments)), attachments)

    def storage(self, stolen: StorageAccess) -> BlobStorage:
        return BlobStorage.signed(stolen.container, stolen.folder, ca_file=self.bench.azure.ca)

    def chunks_of_a(self) -> Iterator[tuple[PackRef, PackEntry, bytes]]:
        """What the thief sees of A's packs: structure, by the maintenance key, and sealed bytes."""
        storage, keys = self.storage(self.backup.storage), self.backup.keys
        for info in storage.list(f"packs/{self.session_a}/"):
            pack = pack_of_name(info.name)
            assert pack is not None
            table = read_table(storage, pack, keys.maintenance_key, keys.repository_id)
            for entry in table.entries:
                if entry.entry_type == EntryType.CHUNK:
                    yield (
                        pack,
                        entry,
                        storage.get_range(info.name, entry.offset, entry.stored_length),
                    )

    def everything(self) -> dict[str, bytes]:
        storage = self.bench.repository.storage
        return {info.name: storage.get(info.name) for info in storage.list("")}


def _wire(body: JsonObject) -> JsonObject:
    wire: JsonObject = json.loads(json.dumps(body))
    return wire


@pytest.fixture(scope="module")
def crime() -> Crime:
    return Crime(new_bench(shared_lab().azure))


def test_no_key_that_follows_from_a_backup_order_opens_another_machines_chunks(
    crime: Crime,
) -> None:
    keys = crime.backup.keys
    seen = 0
    for pack, entry, stored in crime.chunks_of_a():
        seen += 1
        assert MARKER not in stored
        for key in (
            pack_key(keys.session_root, pack.pack_id),
            keys.session_root,
            keys.maintenance_key,
            keys.id_key,
            keys.cut_key,
            pack_key(keys.maintenance_key, pack.pack_id),
            pack_key(keys.id_key, pack.pack_id),
        ):
            with pytest.raises(Damaged):
                open_entry(AESGCM(key), keys.repository_id, pack, entry.entry_id, entry, stored)
    assert seen > 0


def test_the_chunks_that_the_thief_could_not_open_hold_the_secret(crime: Crime) -> None:
    """The counter-test: with the right key the same bytes open."""
    point = crime.bench.repository.read_point(crime.session_a)
    right = crime.bench.repository.restore_keys(point)
    opened = [
        open_entry(
            AESGCM(right.pack_keys[pack.pack_id]),
            right.repository_id,
            pack,
            entry.entry_id,
            entry,
            stored,
            entry.plain_length,
        )
        for pack, entry, stored in crime.chunks_of_a()
    ]
    assert any(MARKER in chunk for chunk in opened)


def test_a_restore_order_holds_no_key_of_another_machines_packs(crime: Crime) -> None:
    packs_of_a = {pack.pack_id for pack, _, _ in crime.chunks_of_a()}
    assert packs_of_a
    assert not packs_of_a & set(crime.restore.keys.pack_keys)


def test_another_machines_recipe_stays_closed(crime: Crime) -> None:
    keys = crime.backup.keys
    sealed = crime.storage(crime.backup.storage).get(point_name(crime.session_a))
    with pytest.raises(WrongKey):
        decode_point(
            crime.session_a,
            sealed,
            keys.maintenance_key,
            keys.repository_id,
            lambda *_: keys.session_root,
        )


def test_the_access_to_a_snapshot_opens_no_other_snapshot(crime: Crime) -> None:
    bench = crime.bench
    other = access.grant_read(bench.arm, crime.snapshot_a, 3600)
    try:
        forged = SignedUrl(other.address, crime.backup.disks[0].source.secret_query)
        pages = DiskPages(ConnectionPool(bench.azure.ca), RenewableUrl(forged))
        with pytest.raises(Denied):
            pages.read_into(0, memoryview(bytearray(512)))
    finally:
        access.revoke(bench.arm, crime.snapshot_a)


ATTACKS: dict[str, Callable[[BlobClient], object]] = {
    "overwrite": lambda blob: blob.upload_blob(b"forged", overwrite=True),
    "overwrite by condition": lambda blob: blob.upload_blob(
        b"forged", overwrite=True, match_condition=MatchConditions.IfPresent
    ),
    "overwrite by blocks": lambda blob: _by_blocks(blob),
    "overwrite by copy": lambda blob: blob.upload_blob_from_url(blob.url, overwrite=True),
    "delete": lambda blob: blob.delete_blob(),
    "metadata": lambda blob: blob.set_blob_metadata({"forged": "yes"}),
    "tier": lambda blob: blob.set_standard_blob_tier("Archive"),
    "lease": lambda blob: blob.acquire_lease(-1),
}


def _by_blocks(blob: BlobClient) -> None:
    blob.stage_block("YQ==", b"forged")
    blob.commit_block_list([BlobBlock("YQ==")])


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("stolen", ["backup", "restore"])
def test_no_object_is_overwritten_deleted_or_changed(
    crime: Crime, stolen: str, attack: str
) -> None:
    order = crime.backup if stolen == "backup" else crime.restore
    before = crime.everything()
    for name in (point_name(crime.session_a), next(n for n in before if n.startswith("packs/"))):
        url = order.storage.container.below(f"{order.storage.folder}/{name}").reveal()
        with BlobClient.from_blob_url(url, connection_verify=order.ca_file) as blob:
            with pytest.raises(HttpResponseError) as refused:
                ATTACKS[attack](blob)
            assert refused.value.status_code in (403, 409)
    assert crime.everything() == before


def test_neither_a_batch_nor_the_container_can_be_deleted(crime: Crime) -> None:
    before = crime.everything()
    for order in (crime.backup, crime.restore):
        container = ContainerClient.from_container_url(
            order.storage.container.reveal(), connection_verify=order.ca_file
        )
        names = [f"{order.storage.folder}/{name}" for name in list(before)[:3]]
        with container:
            with pytest.raises(HttpResponseError):
                container.delete_blobs(*names)
            with pytest.raises(HttpResponseError):
                container.delete_container()
    assert crime.everything() == before


def test_a_restore_order_cannot_add_anything(crime: Crime) -> None:
    order = crime.restore
    url = order.storage.container.below(f"{order.storage.folder}/packs/forged").reveal()
    with (
        BlobClient.from_blob_url(url, connection_verify=order.ca_file) as blob,
        pytest.raises(HttpResponseError),
    ):
        blob.upload_blob(b"forged")
