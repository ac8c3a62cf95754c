"""Entra ID and role assignments, asked by the blob service."""

from azlab.core.service import Lab
from azlab.core.tokens import Principal, TokenError
from azlab.services.storage_blob.errors import StorageError

RESOURCE = "https://storage.azure.com"


class LabIdentity:
    """Implements `storage_blob.access.grants.Identity`."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def object_id(self, bearer: str) -> str:
        try:
            principal = self._lab.tokens.verify(f"Bearer {bearer}", (RESOURCE,))
        except TokenError as error:
            raise StorageError(
                "InvalidAuthenticationInfo",
                details=(("AuthenticationErrorDetail", error.message),),
                headers=(("WWW-Authenticate", self.challenge(self._lab.tenant_id)),),
            ) from error
        return principal.object_id

    def allows(self, object_id: str, action: str, scope_id: str, *, data: bool) -> bool:
        principal = Principal(object_id, "", self._lab.tenant_id)
        return self._lab.rbac.allowed(principal, action, scope_id, data=data)

    def challenge(self, tenant_id: str) -> str:
        authority = f"{self._lab.endpoints.login}/{tenant_id}/oauth2/authorize"
        return f"Bearer authorization_uri={authority} resource_id={RESOURCE}"
