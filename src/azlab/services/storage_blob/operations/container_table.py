"""The operations on containers."""

from azlab.services.storage_blob.access import needs
from azlab.services.storage_blob.operations import container_calls, leases, list_blobs
from azlab.services.storage_blob.operations.entry import LEASE, LEASING, LIST_PAGE, operation

_CONTAINER = {"restype": "container"}
_PUBLIC = frozenset(("x-ms-blob-public-access",))

OPERATIONS = (
    operation(
        "CreateContainer",
        "PUT",
        "container",
        container_calls.create_container,
        needs.CREATE_CONTAINER,
        _CONTAINER,
        headers=_PUBLIC,
        metadata=True,
    ),
    *(
        operation(
            "GetContainerProperties",
            method,
            "container",
            container_calls.get_container_properties,
            needs.READ_CONTAINER,
            _CONTAINER,
            headers=LEASE,
        )
        for method in ("GET", "HEAD")
    ),
    *(
        operation(
            "GetContainerMetadata",
            method,
            "container",
            container_calls.get_container_metadata,
            needs.READ_CONTAINER,
            {**_CONTAINER, "comp": "metadata"},
            headers=LEASE,
        )
        for method in ("GET", "HEAD")
    ),
    operation(
        "SetContainerMetadata",
        "PUT",
        "container",
        container_calls.set_container_metadata,
        needs.WRITE_CONTAINER,
        {**_CONTAINER, "comp": "metadata"},
        headers=LEASE,
        metadata=True,
        conditions=True,
    ),
    operation(
        "GetContainerAcl",
        "GET",
        "container",
        container_calls.get_container_acl,
        needs.READ_ACL,
        {**_CONTAINER, "comp": "acl"},
        headers=LEASE,
    ),
    operation(
        "SetContainerAcl",
        "PUT",
        "container",
        container_calls.set_container_acl,
        needs.WRITE_ACL,
        {**_CONTAINER, "comp": "acl"},
        headers=LEASE | _PUBLIC,
        conditions=True,
    ),
    operation(
        "DeleteContainer",
        "DELETE",
        "container",
        container_calls.delete_container,
        needs.DELETE_CONTAINER,
        _CONTAINER,
        headers=LEASE,
        conditions=True,
        note="the name is free again at once; the code for an unlocked policy is not documented",
    ),
    operation(
        "RestoreContainer",
        "PUT",
        "container",
        container_calls.restore_container,
        needs.RESTORE_CONTAINER,
        {**_CONTAINER, "comp": "undelete"},
        headers=frozenset(("x-ms-deleted-container-name", "x-ms-deleted-container-version")),
    ),
    operation(
        "LeaseContainer",
        "PUT",
        "container",
        leases.lease_container,
        needs.LEASE_CONTAINER,
        {**_CONTAINER, "comp": "lease"},
        headers=LEASING,
        conditions=True,
    ),
    operation(
        "ListBlobs",
        "GET",
        "container",
        list_blobs.list_blobs,
        needs.LIST_BLOBS,
        {**_CONTAINER, "comp": "list"},
        parameters=LIST_PAGE | {"delimiter"},
    ),
)
