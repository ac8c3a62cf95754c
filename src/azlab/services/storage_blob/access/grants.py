"""What a request's credential allows. One class for each kind of credential."""

from dataclasses import dataclass
from typing import Protocol

from azlab.services.storage_blob.access.needs import LIST_BLOBS, READ_BLOB, READ_CONTAINER, Need
from azlab.services.storage_blob.accounts import Account
from azlab.services.storage_blob.errors import StorageError


class Identity(Protocol):
    """Entra ID and role assignments, as far as the data plane asks them."""

    def object_id(self, bearer: str) -> str:
        """Who holds this token for storage? Raises InvalidAuthenticationInfo."""

    def allows(self, object_id: str, action: str, scope_id: str, *, data: bool) -> bool:
        """Does a role at or above `scope_id` grant the action (or data action)?"""

    def challenge(self, tenant_id: str) -> str:
        """The WWW-Authenticate header for requests without a credential."""


class Grant(Protocol):
    """The rights of one request."""

    def refusal(self, need: Need) -> str | None:
        """None when `need` is granted, else the code of the error that says why not."""

    @property
    def response_headers(self) -> dict[str, str]:
        """Headers of a download that the credential overrides."""


def check(grant: Grant, need: Need) -> None:
    code = grant.refusal(need)
    if code is not None:
        raise StorageError(code)


def holds(grant: Grant, need: Need) -> bool:
    return grant.refusal(need) is None


@dataclass(frozen=True)
class KeyGrant:
    """The account key: everything."""

    @property
    def response_headers(self) -> dict[str, str]:
        return {}

    def refusal(self, need: Need) -> str | None:  # noqa: ARG002  same for every need
        return None


@dataclass(frozen=True)
class RoleGrant:
    """A principal of Entra ID, with what its roles give it at this container."""

    identity: Identity
    object_id: str
    account: Account
    container: str

    @property
    def response_headers(self) -> dict[str, str]:
        return {}

    def refusal(self, need: Need) -> str | None:
        scope = self.account.container_scope(self.container) if self.container else ""
        scope = scope or self.account.arm_id
        wanted = [(action, False) for action in need.actions]
        wanted += [(action, True) for action in need.data_actions]
        if not wanted:
            return None if need.service_sas else "AuthorizationPermissionMismatch"
        granted = any(
            self.identity.allows(self.object_id, action, scope, data=data)
            for action, data in wanted
        )
        return None if granted else "AuthorizationPermissionMismatch"


@dataclass(frozen=True)
class AccountSasGrant:
    """An account SAS: services, resource types and letters, all three must fit."""

    services: str
    resource_types: str
    permission: str

    @property
    def response_headers(self) -> dict[str, str]:
        return {}

    def refusal(self, need: Need) -> str | None:
        if "b" not in self.services:
            return "AuthorizationServiceMismatch"
        if not need.letters and need.service_sas:
            return None
        if need.resource not in self.resource_types:
            return "AuthorizationResourceTypeMismatch"
        if not set(need.letters) & set(self.permission):
            return "AuthorizationPermissionMismatch"
        return None


@dataclass(frozen=True)
class ServiceSasGrant:
    """A SAS for one container (`is_container`) or one blob.

    `delegate` is who signed a user delegation SAS: the SAS gives no more than that principal has.
    """

    is_container: bool
    permission: str
    response_headers: dict[str, str]
    delegate: RoleGrant | None = None

    def refusal(self, need: Need) -> str | None:
        if not need.service_sas or (need.resource == "c" and not self.is_container):
            return "AuthorizationFailure"
        if need.letters and not set(need.letters) & set(self.permission):
            return "AuthorizationPermissionMismatch"
        return self.delegate.refusal(need) if self.delegate else None


@dataclass(frozen=True)
class PublicGrant:
    """No credential at all, in a container that is open to everybody.

    `level` is `container` (its blobs, their list and its properties) or `blob` (its blobs only).
    """

    level: str

    @property
    def response_headers(self) -> dict[str, str]:
        return {}

    def refusal(self, need: Need) -> str | None:
        allowed = (READ_BLOB,) if self.level == "blob" else (READ_BLOB, LIST_BLOBS, READ_CONTAINER)
        return None if need in allowed else "NoAuthenticationInformation"
