"""Create, Get, Delete Container, its metadata and stored access policies."""

from dataclasses import replace

from azlab.services.storage_blob import conditions, lease_state, names
from azlab.services.storage_blob.errors import StorageError, bad_header, missing_header
from azlab.services.storage_blob.http_dates import rfc1123
from azlab.services.storage_blob.operations import target
from azlab.services.storage_blob.operations.blob_headers import lease_headers, quoted
from azlab.services.storage_blob.request import BlobResponse, read_all
from azlab.services.storage_blob.service import Call
from azlab.services.storage_blob.store import containers
from azlab.services.storage_blob.store.records import Container, StoredPolicy, Worm
from azlab.services.storage_blob.xml_text import XmlText, child_text, parse_xml, xml_response

MAX_POLICIES = 5
_MAX_ACL_BYTES = 64 << 10


def _identity(container: Container) -> dict[str, str]:
    return {"ETag": quoted(container.etag), "Last-Modified": rfc1123(container.modified_at)}


def create_container(call: Call) -> BlobResponse:
    names.check_container(call.container)
    metadata = names.metadata(call.request.headers)
    public = _public_access(call)
    with call.database.transaction() as tx:
        if containers.find(tx, call.account.name, call.container) is not None:
            raise StorageError("ContainerAlreadyExists")
        worm = Worm(versions_since=call.request.now if call.account.immutable_versions else None)
        made = containers.create(
            tx,
            call.account.name,
            call.container,
            metadata,
            call.request.now,
            worm=worm,
            public_access=public,
        )
    return BlobResponse(201, _identity(made))


def _public_access(call: Call) -> str:
    """`container`, `blob` or nothing, as the account allows it."""
    level = call.request.header("x-ms-blob-public-access") or ""
    if level not in ("", "container", "blob"):
        raise bad_header("x-ms-blob-public-access", level)
    if level and not call.account.allows_public_access:
        raise StorageError("PublicAccessNotPermitted")
    return level


def _public_headers(container: Container) -> dict[str, str]:
    level = container.public_access
    return {"x-ms-blob-public-access": level} if level else {}


def get_container_properties(call: Call) -> BlobResponse:
    with call.database.transaction() as tx:
        container = target.container(tx, call)
    _check_lease(call, container, writes=False)
    headers = {f"x-ms-meta-{name}": value for name, value in container.metadata.items()}
    return BlobResponse(
        200,
        {
            **_identity(container),
            **lease_headers(container.lease, call.request.now),
            **headers,
            **_worm_headers(container),
            **_public_headers(container),
            "x-ms-default-encryption-scope": "$account-encryption-key",
            "x-ms-deny-encryption-scope-override": "false",
        },
    )


def _worm_headers(container: Container) -> dict[str, str]:
    worm = container.worm
    facts = {
        "x-ms-has-immutability-policy": worm.policy is not None,
        "x-ms-has-legal-hold": bool(worm.holds),
        "x-ms-immutable-storage-with-versioning-enabled": worm.versions_since is not None,
    }
    return {name: "true" if fact else "false" for name, fact in facts.items()}


def get_container_metadata(call: Call) -> BlobResponse:
    with call.database.transaction() as tx:
        container = target.container(tx, call)
    _check_lease(call, container, writes=False)
    headers = {f"x-ms-meta-{name}": value for name, value in container.metadata.items()}
    return BlobResponse(200, {**_identity(container), **headers})


def set_container_metadata(call: Call) -> BlobResponse:
    metadata = names.metadata(call.request.headers)
    wanted = conditions.parse(call.request.headers)
    with call.database.transaction() as tx:
        container = target.container(tx, call)
        wanted.check_write(container.etag, container.modified_at)
        _check_lease(call, container, writes=False)
        container = containers.touch(tx, replace(container, metadata=metadata), call.request.now)
    return BlobResponse(200, _identity(container))


def delete_container(call: Call) -> BlobResponse:
    wanted = conditions.parse(call.request.headers)
    with call.database.transaction() as tx:
        container = target.container(tx, call)
        wanted.check_write(container.etag, container.modified_at)
        _check_lease(call, container, writes=True)
        _check_not_worm(container)
        containers.retire(tx, container, call.request.now)
    return BlobResponse(202)


def restore_container(call: Call) -> BlobResponse:
    """Brings a soft-deleted container back to its name, which must be free."""
    name = call.request.header("x-ms-deleted-container-name")
    version = call.request.header("x-ms-deleted-container-version")
    if not name or not version:
        raise missing_header(f"x-ms-deleted-container-{'version' if name else 'name'}")
    if name != call.container:
        raise bad_header("x-ms-deleted-container-name", name)
    with call.database.transaction() as tx:
        containers.purge(tx, call.account.name, call.request.now)
        if containers.find(tx, call.account.name, call.container) is not None:
            raise StorageError("ContainerAlreadyExists")
        if containers.restore(tx, call.account.name, name, version) is None:
            raise StorageError("ContainerNotFound")
    return BlobResponse(201)


def _check_not_worm(container: Container) -> None:
    """A write-once container can be deleted through Azure Resource Manager only."""
    worm = container.worm
    if worm.holds:
        raise StorageError("ContainerHasLegalHold")
    if worm.versions_since is not None:
        raise StorageError("ContainerImmutableStorageWithVersioningEnabled")
    if worm.policy is not None:
        locked = worm.policy.retention.locked
        raise StorageError(
            "ContainerImmutabilityPolicyLocked" if locked else "ContainerHasImmutabilityPolicy"
        )


def _check_lease(call: Call, container: Container, *, writes: bool) -> None:
    lease_state.check_use(
        container.lease,
        call.request.header("x-ms-lease-id"),
        call.request.now,
        lease_state.CONTAINER_WORDS,
        writes=writes,
    )


def get_container_acl(call: Call) -> BlobResponse:
    with call.database.transaction() as tx:
        container = target.container(tx, call)
    _check_lease(call, container, writes=False)
    document = XmlText()
    with document.element("SignedIdentifiers"):
        for policy in container.policies:
            with document.element("SignedIdentifier"):
                document.text("Id", policy.policy_id)
                with document.element("AccessPolicy"):
                    for name, value in _policy_fields(policy):
                        if value:
                            document.text(name, value)
    return xml_response(document, {**_identity(container), **_public_headers(container)})


def _policy_fields(policy: StoredPolicy) -> tuple[tuple[str, str], ...]:
    return (
        ("Start", policy.start),
        ("Expiry", policy.expiry),
        ("Permission", policy.permission),
    )


def set_container_acl(call: Call) -> BlobResponse:
    wanted = conditions.parse(call.request.headers)
    policies = _read_policies(call)
    public = _public_access(call)
    with call.database.transaction() as tx:
        container = target.container(tx, call)
        wanted.check_write(container.etag, container.modified_at)
        _check_lease(call, container, writes=False)
        changed = replace(container, policies=policies, public_access=public)
        container = containers.touch(tx, changed, call.request.now)
    return BlobResponse(200, _identity(container))


def _read_policies(call: Call) -> tuple[StoredPolicy, ...]:
    try:
        body = read_all(call.request.body, _MAX_ACL_BYTES)
    except ValueError:
        raise StorageError("RequestBodyTooLarge") from None
    if not body:
        return ()
    policies = []
    for element in parse_xml(body, "SignedIdentifiers").findall("SignedIdentifier"):
        policy_id = child_text(element, "Id")
        fields = [child_text(element, f"AccessPolicy/{name}") for name, _ in _FIELDS]
        if not 1 <= len(policy_id) <= 64:
            raise StorageError("InvalidXmlNodeValue", details=(("XmlNodeName", "Id"),))
        policies.append(StoredPolicy(policy_id, *fields))
    if len(policies) > MAX_POLICIES or len({p.policy_id for p in policies}) < len(policies):
        raise StorageError("InvalidXmlDocument")
    return tuple(policies)


_FIELDS = _policy_fields(StoredPolicy(""))
