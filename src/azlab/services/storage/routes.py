"""Registers the types of Microsoft.Storage and the blob port."""

from azlab.core.arm import ArmCall, ArmType
from azlab.core.http import Response
from azlab.core.json_types import JsonObject
from azlab.core.resource_ids import ResourceId
from azlab.core.service import Lab
from azlab.core.state import Transaction
from azlab.services.storage import (
    accounts,
    blob_services,
    container_body,
    container_worm,
    containers,
    directory,
    signatures,
)
from azlab.services.storage.identity import LabIdentity
from azlab.services.storage.open_database import open_database
from azlab.services.storage.versions import API_VERSIONS
from azlab.services.storage_blob import routes as blob_routes
from azlab.services.storage_blob.service import BlobService
from azlab.services.storage_blob.store.accounts import revoke_delegation_keys
from azlab.services.storage_blob.store.containers import account_names, delete_account
from azlab.services.storage_blob.store.database import Database
from azlab.services.storage_blob.tiers import RehydrateDelays


def register(lab: Lab) -> None:
    database = open_database(lab)
    container_worm.register_migration(lab, database)
    _sweep(lab, database)
    service = BlobService(
        database,
        lambda name: directory.account(lab, name),
        LabIdentity(lab),
        lab.endpoints.blob,
        RehydrateDelays(),
    )
    blob_routes.register(lab, service)
    _register_accounts(lab, database)
    _register_below(lab, service)


def _register_accounts(lab: Lab, database: Database) -> None:
    def forget(tx: Transaction, account_id: ResourceId, _: JsonObject) -> None:
        name = account_id.name
        directory.remove(tx, name)
        tx.after_commit(lambda: _forget_blobs(database, name))

    def moved(tx: Transaction, old: ResourceId, new: ResourceId) -> None:
        listed = directory.find(tx, old.name)
        if listed is not None:
            directory.put(tx, new, listed.generations)

    def revoke(call: ArmCall) -> Response:
        name = call.record().id.name
        with database.transaction() as blobs:
            revoke_delegation_keys(blobs, name)
        return Response(200)

    lab.arm.type(
        ArmType(
            accounts.TYPE,
            API_VERSIONS,
            put=accounts.put_account,
            patch=accounts.patch_account,
            delete=accounts.delete_account,
            actions={
                "listKeys": accounts.list_keys,
                "regenerateKey": accounts.regenerate_key,
                "listAccountSas": signatures.list_account_sas,
                "listServiceSas": signatures.list_service_sas,
                "revokeUserDelegationKeys": revoke,
            },
            queries={"listKeys": ("$expand",)},
            on_delete=forget,
            on_move=moved,
            notes={
                "put": "no own keys or hierarchical namespace; minimumTlsVersion is only shown",
                "delete": "with its group it goes whatever its containers hold",
            },
        )
    )
    lab.arm.route(
        "POST",
        "/subscriptions/{subscription}/providers/Microsoft.Storage/checkNameAvailability",
        accounts.check_name,
        operation="checkNameAvailability",
        action="Microsoft.Storage/checknameavailability/read",
        api_versions=API_VERSIONS,
    )


def _forget_blobs(database: Database, name: str) -> None:
    with database.transaction() as tx:
        delete_account(tx, name)


def _register_below(lab: Lab, service: BlobService) -> None:
    services = blob_services.BlobServices(service)
    lab.arm.type(
        ArmType(
            blob_services.TYPE,
            API_VERSIONS,
            get=services.get,
            list=services.list,
            put=services.put,
            delete=None,
            notes={"put": "of the switches only versions and soft delete can be on"},
        )
    )
    handlers = containers.Containers(service)
    worm = container_worm.ContainerWorm(service.database)
    lab.arm.type(
        ArmType(
            container_body.TYPE,
            API_VERSIONS,
            get=handlers.get,
            list=handlers.list,
            put=handlers.put,
            patch=handlers.patch,
            queries={"list": ("$include",)},
            delete=handlers.delete,
            actions={
                "setLegalHold": worm.set_hold,
                "clearLegalHold": worm.clear_hold,
                "migrate": worm.migrate,
            },
            notes={"put": "no encryption scopes"},
        )
    )
    lab.arm.type(
        ArmType(
            container_worm.POLICY_TYPE,
            API_VERSIONS,
            get=worm.get_policy,
            list=worm.list_policies,
            put=worm.put_policy,
            delete=worm.delete_policy,
            actions={"lock": worm.lock_policy, "extend": worm.extend_policy},
            headers=("if-match",),
        )
    )


def _sweep(lab: Lab, database: Database) -> None:
    """Forgets the blobs of accounts that are gone: a kill may come between the two databases."""
    with lab.state.transaction() as tx:
        known = directory.names(tx)
    with database.transaction() as blobs:
        for name in account_names(blobs) - known:
            delete_account(blobs, name)
