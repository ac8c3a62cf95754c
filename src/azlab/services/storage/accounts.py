"""Storage accounts in ARM: create, change, delete, keys, names."""

import base64
from dataclasses import replace

from azlab.core.arm import ArmCall, ArmError, delete_now
from azlab.core.clock import iso
from azlab.core.http import Response, json_response
from azlab.core.json_types import JsonObject, JsonValue, make_object_at, text_at
from azlab.core.operations import PROVISIONED
from azlab.core.resource_ids import ResourceId
from azlab.core.service import Lab
from azlab.core.state import Transaction
from azlab.services.storage import account_body, account_worm, directory
from azlab.services.storage.open_database import open_database
from azlab.services.storage_blob.store import accounts as blob_accounts
from azlab.services.storage_blob.store import containers
from azlab.services.storage_blob.store.database import Transaction as BlobTransaction
from azlab.services.storage_blob.store.records import Container, ServiceSettings

TYPE = "Microsoft.Storage/storageAccounts"


def put_account(call: ArmCall) -> Response:
    """202 and a long-running operation for a new account, 200 for an existing one."""
    name = call.id.name
    account_body.check_name(name)
    known = call.lab.resources.find(call.tx, call.id)
    if known is not None:
        body = account_body.changed(known.body, call.json())
        return json_response(200, call.lab.resources.put(call.tx, known.id, body))
    if directory.find(call.tx, name) is not None:
        raise ArmError(
            409,
            "StorageAccountAlreadyTaken",
            f"The storage account named {name} is already taken.",
            target=name,
        )
    body = account_body.created(call.lab, name, call.json())
    call.lab.resources.put(call.tx, call.id, body)
    directory.put(call.tx, call.id)
    _begin_blob_service(call.lab, name, versioning=account_worm.is_enabled(body))
    headers = call.start_operation(
        complete=PROVISIONED,
        arguments={"id": call.id.text},
        location=text_at(body, "location"),
    )
    return Response(202, headers)


def _begin_blob_service(lab: Lab, name: str, *, versioning: bool) -> None:
    """An account with immutable versions keeps versions from its beginning."""
    with open_database(lab).transaction() as blobs:
        blob_accounts.set_settings(blobs, name, ServiceSettings(versioning=versioning))


def delete_account(call: ArmCall) -> Response:
    """409 while a container is write-once, unless its policy is unlocked or it is empty.

    Containers with immutable versions always stand in the way.
    """
    name = call.id.name
    with open_database(call.lab).transaction() as blobs:
        found = containers.listed(blobs, name)
        protected = [one for one in found if _keeps_account(blobs, one)]
    if protected and call.lab.resources.find(call.tx, call.id) is not None:
        raise ArmError(
            409,
            "AccountProtectedFromDeletion",
            f"The storage account {name} is protected from deletion due to the immutable storage "
            f"of its container {protected[0].name}.",
        )
    return delete_now(call)


def _keeps_account(blobs: BlobTransaction, container: Container) -> bool:
    worm = container.worm
    if worm.versions_since is not None:
        return True
    holds = bool(worm.holds) or (worm.policy is not None and worm.policy.retention.locked)
    return holds and containers.has_blobs(blobs, container.account, container.name)


def patch_account(call: ArmCall) -> Response:
    record = call.record()
    body = account_body.changed(record.body, call.json())
    return json_response(200, call.lab.resources.put(call.tx, record.id, body))


def list_keys(call: ArmCall) -> Response:
    """`$expand=kerb` asks for Kerberos keys too, which only accounts with Files have."""
    call.record()
    return json_response(200, _keys(call))


def _keys(call: ArmCall) -> JsonObject:
    record = call.record()
    listed = _listed(call.tx, record.id)
    shown: list[JsonValue] = []
    secrets = directory.keys(call.lab, record.id.name, listed)
    for name, secret in zip(directory.KEY_NAMES, secrets, strict=True):
        shown.append(
            {
                "creationTime": text_at(record.body, "properties", "keyCreationTime", name),
                "keyName": name,
                "permissions": "FULL",
                "value": base64.b64encode(secret).decode(),
            }
        )
    return {"keys": shown}


def _listed(tx: Transaction, account_id: ResourceId) -> directory.Listed:
    listed = directory.find(tx, account_id.name)
    if listed is None:
        raise ValueError(f"{account_id.text} is stored but not in the directory of accounts")
    return listed


def regenerate_key(call: ArmCall) -> Response:
    """Signatures made with the old key end at once."""
    record = call.record()
    name = text_at(call.json(), "keyName")
    if name not in directory.KEY_NAMES:
        raise ArmError(
            400, "InvalidValuesForRequestParameters", f"There is no key '{name}'.", "keyName"
        )
    listed = _listed(call.tx, record.id)
    first, second = listed.generations
    generations = (first + 1, second) if name == "key1" else (first, second + 1)
    directory.put(call.tx, record.id, replace(listed, generations=generations).generations)
    times = make_object_at(record.body, "properties", "keyCreationTime")
    times[name] = iso(call.lab.clock.now())
    call.lab.resources.put(call.tx, record.id, record.body)
    return json_response(200, _keys(call))


def check_name(call: ArmCall) -> Response:
    """POST …/checkNameAvailability: never an error, the answer says what is wrong."""
    name = text_at(call.json(), "name")
    try:
        account_body.check_name(name)
    except ArmError as error:
        return _not_available("AccountNameInvalid", error.message)
    if directory.find(call.tx, name) is not None:
        message = f"The storage account named {name} is already taken."
        return _not_available("AlreadyExists", message)
    return json_response(200, {"nameAvailable": True})


def _not_available(reason: str, message: str) -> Response:
    answer: JsonObject = {"nameAvailable": False, "reason": reason, "message": message}
    return json_response(200, answer)
