"""A container's immutability policy, legal hold and migration to immutable versions, in ARM."""

import re
from dataclasses import replace

from azlab.core.arm import ArmCall, ArmError
from azlab.core.errors import invalid_parameter
from azlab.core.http import Response, json_response
from azlab.core.json_types import (
    JsonObject,
    JsonValue,
    flag_at,
    integer_at,
    text_at,
    texts_at,
)
from azlab.core.members import Shape, check_members
from azlab.core.resource_ids import ResourceId
from azlab.core.service import Lab
from azlab.core.state import Transaction as StateTransaction
from azlab.services.storage import account_worm, container_body
from azlab.services.storage.blob_services import account_of
from azlab.services.storage.containers import not_found
from azlab.services.storage_blob import immutability
from azlab.services.storage_blob.operations.blob_headers import quoted
from azlab.services.storage_blob.store import accounts, blobs, containers
from azlab.services.storage_blob.store.database import Database, Transaction
from azlab.services.storage_blob.store.records import (
    Container,
    ContainerPolicy,
    HoldTag,
    PolicyUpdate,
    Protection,
    Retention,
    Worm,
)

POLICY_TYPE = f"{container_body.TYPE}/immutabilityPolicies"
MAX_EXTENSIONS = 5
MAX_TAGS = 10
MIGRATE = "storage.migrateContainer"
_TAG = re.compile(r"[A-Za-z0-9]{3,23}")
_POLICY_SHAPE: Shape = {
    "id": None,
    "name": None,
    "type": None,
    "etag": None,
    "properties": {
        "allowProtectedAppendWrites": None,
        "allowProtectedAppendWritesAll": None,
        "immutabilityPeriodSinceCreationInDays": None,
        "state": None,
    },
}
_HOLD_SHAPE: Shape = {"hasLegalHold": None, "tags": None, "allowProtectedAppendWritesAll": None}


class ContainerWorm:
    """Handlers; `call.id` is the container or its policy."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get_policy(self, call: ArmCall) -> Response:
        """A container without a policy answers with one of no days."""
        account_of(call)
        with self._database.transaction() as tx:
            return _answer(call, _find(tx, call).worm.policy)

    def list_policies(self, call: ArmCall) -> Response:
        """There is only ever the one named `default`."""
        account_of(call)
        with self._database.transaction() as tx:
            return call.page([_body(call, _find(tx, call).worm.policy)])

    def put_policy(self, call: ArmCall) -> Response:
        """If-Match is honoured, not needed; a locked policy cannot be put anew."""
        account_of(call)
        asked = call.json()
        check_members(asked, _POLICY_SHAPE)
        days = _asked_days(asked)
        with self._database.transaction() as tx:
            found = _find(tx, call)
            held = found.worm.policy
            _check_etag(call, held, needed=False)
            if held is not None and held.retention.locked:
                raise _wrong_state()
            policy = ContainerPolicy(
                tx.next_etag(),
                Retention(days, locked=False),
                flag_at(asked, "properties", "allowProtectedAppendWrites"),
                flag_at(asked, "properties", "allowProtectedAppendWritesAll"),
                (*(held.history if held else ()), _update(call, "put", days)),
            )
            return _keep(tx, call, found, policy)

    def delete_policy(self, call: ArmCall) -> Response:
        """Needs If-Match; answers with the policy of no days that is left."""
        account_of(call)
        with self._database.transaction() as tx:
            found = _find(tx, call)
            _check_etag(call, found.worm.policy, needed=True)
            if found.worm.policy is not None and found.worm.policy.retention.locked:
                raise _wrong_state()
            return _keep(tx, call, found, None)

    def lock_policy(self, call: ArmCall) -> Response:
        """Once and for all. Needs If-Match."""
        account_of(call)
        with self._database.transaction() as tx:
            found = _find(tx, call)
            held = found.worm.policy
            _check_etag(call, held, needed=True)
            if held is None or held.retention.locked:
                raise _wrong_state()
            locked = replace(held.retention, locked=True)
            history = (*held.history, _update(call, "lock", locked.days))
            changed = replace(held, etag=tx.next_etag(), retention=locked, history=history)
            return _keep(tx, call, found, changed)

    def extend_policy(self, call: ArmCall) -> Response:
        """Makes a locked policy longer, five times at most. Needs If-Match."""
        account_of(call)
        asked = call.json()
        check_members(asked, _POLICY_SHAPE)
        days = _asked_days(asked)
        with self._database.transaction() as tx:
            found = _find(tx, call)
            held = found.worm.policy
            _check_etag(call, held, needed=True)
            if held is None or not held.retention.locked or days <= held.retention.days:
                raise _wrong_state()
            if sum(one.update == "extend" for one in held.history) >= MAX_EXTENSIONS:
                raise _wrong_state()
            history = (*held.history, _update(call, "extend", days))
            longer = Retention(days, locked=True)
            changed = replace(held, etag=tx.next_etag(), retention=longer, history=history)
            return _keep(tx, call, found, changed)

    def set_hold(self, call: ArmCall) -> Response:
        """Adds tags; a container holds as long as it has one."""
        account_of(call)
        tags = _asked_tags(call)
        all_writes = flag_at(call.json(), "allowProtectedAppendWritesAll")
        with self._database.transaction() as tx:
            found = _find(tx, call)
            if found.worm.versions_since is not None:
                raise ArmError(
                    409,
                    "ContainerOperationFailure",
                    "The requested operation is not allowed as the container has a immutable "
                    "storage with versioning enabled.",
                )
            known = {one.tag for one in found.worm.holds}
            now, who = call.lab.clock.now(), call.principal
            added = tuple(
                HoldTag(tag, now, who.object_id, who.tenant_id)
                for tag in dict.fromkeys(tags)
                if tag not in known
            )
            holds = found.worm.holds + added
            if len(holds) > MAX_TAGS:
                raise invalid_parameter("tags", f"A container holds at most {MAX_TAGS} tags.")
            worm = replace(found.worm, holds=holds, hold_append_writes_all=all_writes)
            return _keep_holds(tx, found, worm)

    def clear_hold(self, call: ArmCall) -> Response:
        account_of(call)
        tags = set(_asked_tags(call))
        with self._database.transaction() as tx:
            found = _find(tx, call)
            left = tuple(one for one in found.worm.holds if one.tag not in tags)
            return _keep_holds(tx, found, replace(found.worm, holds=left))

    def migrate(self, call: ArmCall) -> Response:
        """202: the container gets immutable versions; its policy becomes their default.

        Refused without a policy, under a legal hold, or while the account keeps no versions.
        """
        account_id = account_of(call)
        with self._database.transaction() as tx:
            found = _find(tx, call)
            versioning = accounts.settings(tx, account_id.name).versioning
        problem = ""
        if found.worm.versions_since is not None:
            problem = "it has immutable storage with versioning already"
        elif found.worm.holds:
            problem = "it has a legal hold"
        elif found.worm.policy is None:
            problem = "it has no immutability policy"
        elif not versioning:
            problem = "blob versioning is not enabled for its account"
        if problem:
            raise ArmError(
                409,
                "ContainerOperationFailure",
                f"The container {found.name} cannot be migrated: {problem}.",
            )
        container_id = account_id.child("blobServices", "default").child("containers", found.name)
        body = call.lab.resources.body(call.tx, account_id) or {}
        headers = call.start_operation(
            complete=MIGRATE,
            arguments={"account": account_id.name, "container": found.name},
            location=text_at(body, "location"),
            target=container_id,
        )
        return Response(202, headers)


def register_migration(lab: Lab, database: Database) -> None:
    def complete(_: StateTransaction, arguments: JsonObject) -> JsonValue:
        with database.transaction() as tx:
            found = containers.find(
                tx, text_at(arguments, "account"), text_at(arguments, "container")
            )
            if found is None:
                raise not_found()
            if found.worm.versions_since is None:
                _give_versions_their_policy(tx, found)
                worm = replace(found.worm, versions_since=lab.clock.now(), migrated=True)
                containers.update(tx, replace(found, worm=worm))
        return None

    lab.operations.register(MIGRATE, complete)


def _give_versions_their_policy(tx: Transaction, container: Container) -> None:
    """What the container's policy kept so far stays kept as long, and as firmly."""
    policy = container.worm.policy
    if policy is None:
        return
    for blob in blobs.of_container(tx, container.account, container.name):
        until = immutability.kept_until(blob, policy.retention).replace(microsecond=0)
        kept = Protection(until, policy.retention.locked, blob.protection.legal_hold)
        blobs.update(tx, replace(blob, protection=kept))


def _find(tx: Transaction, call: ArmCall) -> Container:
    """The container in the path of the call. 404 without it; a policy is named `default`."""
    _, service, name, *policy = call.id.names
    if policy and policy[0].lower() != "default":
        raise ArmError(400, "InvalidResourceName", "The only policy is named 'default'.")
    found = containers.find(tx, call.id.names[0].lower(), name)
    if found is None or service.lower() != "default":
        raise not_found()
    return found


def _keep(
    tx: Transaction, call: ArmCall, container: Container, policy: ContainerPolicy | None
) -> Response:
    containers.update(tx, replace(container, worm=replace(container.worm, policy=policy)))
    return _answer(call, policy)


def _answer(call: ArmCall, policy: ContainerPolicy | None) -> Response:
    headers = {"ETag": quoted(policy.etag)} if policy else None
    return json_response(200, _body(call, policy), headers)


def _body(call: ArmCall, policy: ContainerPolicy | None) -> JsonObject:
    container_id = ResourceId(
        call.id.subscription, call.id.group, call.id.namespace, call.id.types[:3], call.id.names[:3]
    )
    return {
        "id": container_id.child("immutabilityPolicies", "default").text,
        "name": "default",
        "type": POLICY_TYPE,
        "etag": quoted(policy.etag) if policy else "",
        "properties": container_body.policy_properties(policy),
    }


def _keep_holds(tx: Transaction, container: Container, worm: Worm) -> Response:
    containers.update(tx, replace(container, worm=worm))
    tags: list[JsonValue] = [one.tag for one in worm.holds]
    body: JsonObject = {"hasLegalHold": bool(worm.holds), "tags": tags}
    if worm.hold_append_writes_all is not None:
        body["allowProtectedAppendWritesAll"] = worm.hold_append_writes_all
    return json_response(200, body)


def _check_etag(call: ArmCall, policy: ContainerPolicy | None, *, needed: bool) -> None:
    given = call.request.headers.get("if-match")
    if given is None and not needed:
        return
    held = policy.etag if policy else ""
    if given is None or given.strip('"') not in ("*", held):
        raise ArmError(
            412,
            "ContainerImmutabilityPolicyFailure",
            "Operation not allowed on immutability policy with incorrect etag.",
        )


def _wrong_state() -> ArmError:
    return ArmError(
        409,
        "ContainerImmutabilityPolicyFailure",
        "Operation not allowed on immutability policy with current state.",
    )


def _asked_days(asked: JsonObject) -> int:
    name = "immutabilityPeriodSinceCreationInDays"
    days = integer_at(asked, "properties", name)
    if days is None or not 1 <= days <= account_worm.MAX_DAYS:
        raise invalid_parameter(name, f"It must be from 1 to {account_worm.MAX_DAYS}.")
    return days


def _asked_tags(call: ArmCall) -> list[str]:
    asked = call.json()
    check_members(asked, _HOLD_SHAPE)
    tags = [tag.lower() for tag in texts_at(asked, "tags")]
    if not tags or not all(_TAG.fullmatch(tag) for tag in tags):
        raise invalid_parameter("tags", "Each tag has 3 to 23 letters and digits.")
    return tags


def _update(call: ArmCall, update: str, days: int) -> PolicyUpdate:
    who = call.principal
    return PolicyUpdate(update, days, call.lab.clock.now(), who.object_id, who.tenant_id)
