"""What a scene can say of storage accounts, and labs that an older program left behind."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobServiceClient

from azlab.services.storage_blob.store import accounts, blobs, containers
from azlab.services.storage_blob.store.database import Database
from azlab.services.storage_blob.store.records import Role, ServiceSettings, Worm
from support.lab import running_lab
from support.storage import blob_url, code, storage_client

SUBSCRIPTION = "1f6d2c3b-8a4e-4f5d-9b7a-6c5d4e3f2a01"
SCENE = f"""
tenant: {{id: 5a7e1b3c-0d7d-4a57-9c0e-2f1d6a9b8c01, defaultDomain: lab.onmicrosoft.com}}
applications:
  - name: owner
    clientId: 0c8f6d1e-6a52-4b8e-8d6f-1f2b7a3c4d01
    objectId: 7b1e2f3a-4c5d-4e6f-8a9b-0c1d2e3f4a01
locations: [westeurope]
subscriptions:
  - {{id: {SUBSCRIPTION}, name: One}}
roleAssignments:
  - {{application: owner, role: Owner, scope: /}}
  - {{application: owner, role: Storage Blob Data Owner, scope: /}}
resourceGroups:
  - {{subscription: {SUBSCRIPTION}, name: vault, location: westeurope}}
storageAccounts:
  - subscription: {SUBSCRIPTION}
    group: vault
    name: everywhere
    location: westeurope
    immutableVersions: true
    defaultRetention: {{days: 5, locked: true}}
    containers: [box]
  - subscription: {SUBSCRIPTION}
    group: vault
    name: somewhere
    location: westeurope
    containers: [plain]
    immutableContainers: [worm]
    blobRetentionDays: 3
    containerRetentionDays: 4
  - subscription: {SUBSCRIPTION}
    group: vault
    name: nowhere
    location: westeurope
    containers: [box]
    networkAcls: {{defaultAction: Deny}}
"""


@pytest.mark.control
def test_a_scene_makes_accounts_with_all_their_switches(tmp_path: Path) -> None:
    scene = tmp_path / "scene.yaml"
    scene.write_text(SCENE)
    with running_lab(tmp_path / "lab", "--scene", str(scene)) as lab:
        client = storage_client(lab.azure, SUBSCRIPTION)

        def service(name: str) -> BlobServiceClient:
            return BlobServiceClient(
                blob_url(client.storage_accounts.get_properties("vault", name)),
                credential=lab.azure.credential(),
                connection_verify=lab.azure.ca,
                retry_total=0,
            )

        kept = service("everywhere").get_container_client("box").upload_blob("b", b"1")
        assert kept.get_blob_properties().immutability_policy.policy_mode == "locked"
        worm = {
            one.name: one.immutable_storage_with_versioning_enabled
            for one in service("somewhere").list_containers()
        }
        assert worm == {"plain": False, "worm": True}
        shown = client.blob_services.get_service_properties("vault", "somewhere")
        properties = shown.blob_service_properties
        assert properties is not None
        assert properties.is_versioning_enabled
        assert properties.delete_retention_policy is not None
        assert properties.delete_retention_policy.days == 3
        assert properties.container_delete_retention_policy is not None
        assert properties.container_delete_retention_policy.days == 4
        with pytest.raises(HttpResponseError) as refusal:
            list(service("nowhere").list_containers())
        assert code(refusal.value) == "AuthorizationFailure"


# The tables as they were before the lab knew of versions.
OLD_TABLES = """
CREATE TABLE containers (account TEXT NOT NULL, name TEXT NOT NULL, etag TEXT NOT NULL,
    created_at TEXT NOT NULL, modified_at TEXT NOT NULL, metadata_json TEXT NOT NULL,
    policies_json TEXT NOT NULL, lease_json TEXT, PRIMARY KEY (account, name)) WITHOUT ROWID;
CREATE TABLE blobs (row_id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL,
    container TEXT NOT NULL, name TEXT NOT NULL, size_bytes INTEGER NOT NULL, etag TEXT NOT NULL,
    created_at TEXT NOT NULL, modified_at TEXT NOT NULL, headers_json TEXT NOT NULL,
    metadata_json TEXT NOT NULL, tags_json TEXT NOT NULL, tier_json TEXT NOT NULL,
    lease_json TEXT, copy_json TEXT);
CREATE UNIQUE INDEX blobs_by_name ON blobs (account, container, name);
CREATE TABLE accounts (account TEXT NOT NULL PRIMARY KEY, delegation_secret BLOB NOT NULL,
    service_properties_xml TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO containers VALUES ('a', 'c', '0x1', '{now}', '{now}', '{{}}', '[]', NULL);
INSERT INTO accounts VALUES ('a', x'00', '');
INSERT INTO blobs VALUES (7, 'a', 'c', 'b', 0, '0x2', '{now}', '{now}', '{{}}', '{{}}', '{{}}',
    '{{"name": "Hot", "inferred": true, "changed_at": "{now}"}}', NULL, NULL);
"""


def test_a_lab_of_an_older_program_keeps_its_blobs(tmp_path: Path) -> None:
    old = sqlite3.connect(tmp_path / "blobs.sqlite")
    old.executescript(OLD_TABLES.format(now=datetime.now(UTC).isoformat()))
    old.close()
    for _ in range(2):  # the second time there is nothing left to do
        database = Database(tmp_path)
        with database.transaction() as tx:
            blob = blobs.find(tx, "a", "c", "b")
            container = containers.find(tx, "a", "c")
            settings = accounts.settings(tx, "a")
        database.close()
        assert blob is not None
        assert (blob.row_id, blob.role, blob.version_id) == (7, Role.BASE, None)
        assert container is not None
        assert container.worm == Worm()
        assert settings == ServiceSettings()
