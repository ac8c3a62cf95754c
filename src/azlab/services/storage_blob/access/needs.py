"""What an operation needs: a letter in a SAS, or an action of a role.

Sources: "Create an account SAS" (table of operations), "Create a service SAS", and "Permissions for
calling data operations" of the REST reference.
"""

from dataclasses import dataclass
from typing import Literal

_SERVICE = "Microsoft.Storage/storageAccounts/blobServices/"
_CONTAINERS = _SERVICE + "containers/"
_BLOBS = _CONTAINERS + "blobs/"


@dataclass(frozen=True)
class Need:
    """Any one of `letters` is enough in a SAS, any one of the actions for a token.

    `resource` is the resource type of an account SAS (service, container, object).
    `service_sas`: whether a service SAS can ever allow it. No `letters` and no actions: whoever is
    known may do it.
    """

    resource: Literal["s", "c", "o"]
    letters: str
    actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    service_sas: bool = True


def _service(letters: str, *actions: str) -> Need:
    return Need("s", letters, tuple(_SERVICE + action for action in actions), service_sas=False)


def _container(letters: str, *actions: str) -> Need:
    return Need("c", letters, tuple(_CONTAINERS + action for action in actions), service_sas=False)


def _blob(letters: str, *data_actions: str) -> Need:
    return Need("o", letters, data_actions=tuple(_BLOBS + action for action in data_actions))


LIST_CONTAINERS = _service("l", "containers/read")
READ_SERVICE = _service("r", "read")
WRITE_SERVICE = _service("w", "write")
ACCOUNT_INFO = Need("s", "racwdlxtfi", (_SERVICE + "getInfo/action",), service_sas=True)
DELEGATION_KEY = _service("", "generateUserDelegationKey/action")
BATCH = Need("o", "", service_sas=True)  # each of its parts is authorised by itself

CREATE_CONTAINER = _container("cw", "write")
READ_CONTAINER = _container("r", "read")
WRITE_CONTAINER = _container("w", "write")
DELETE_CONTAINER = _container("d", "delete")
RESTORE_CONTAINER = _container("w", "write")
LEASE_CONTAINER = _container("wd", "write")
READ_ACL = _container("", "getAcl/action")  # no SAS reaches the stored access policies
WRITE_ACL = _container("", "setAcl/action")
LIST_BLOBS = Need("c", "l", data_actions=(_BLOBS + "read",))

READ_BLOB = _blob("r", "read")
CREATE_BLOB = _blob("cw", "write", "add/action")
OVERWRITE_BLOB = _blob("w", "write")
WRITE_BLOB = _blob("w", "write")
DELETE_BLOB = _blob("d", "delete")
DELETE_VERSION = _blob("x", "deleteBlobVersion/action")
DELETE_PERMANENTLY = _blob("y", "permanentDelete/action")
# Which of the three it is, the handler tells.
DELETE_SOMETHING = _blob("dxy", "delete", "deleteBlobVersion/action", "permanentDelete/action")
SET_IMMUTABILITY = _blob("i", "immutableStorage/runAsSuperUser/action")
LEASE_BLOB = _blob("wd", "write")
READ_TAGS = _blob("t", "tags/read")
WRITE_TAGS = _blob("t", "tags/write")
