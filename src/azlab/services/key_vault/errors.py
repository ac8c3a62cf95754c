"""Errors as the data plane of Key Vault writes them."""

from azlab.core.http import HttpError, Request, Response, json_response
from azlab.core.json_types import JsonObject


class VaultError(HttpError):
    """One error; `inner` is the code of the `innererror`."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        inner: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.inner, self.headers = inner, headers or {}

    def to_response(self, request: Request) -> Response:
        """The JSON that clients read."""
        error: JsonObject = {"code": self.code, "message": self.message}
        if self.inner:
            error["innererror"] = {"code": self.inner}
        headers = {"x-ms-request-id": request.request_id, **self.headers}
        return json_response(self.status, {"error": error}, headers)


def render_error(request: Request, status: int, code: str, message: str) -> Response:
    """What the server answers by itself on the port of a vault."""
    return VaultError(status, code, message).to_response(request)


def bad_parameter(message: str) -> VaultError:
    """Something in the request makes no sense."""
    return VaultError(400, "BadParameter", message)


def key_not_found(name: str) -> VaultError:
    """No such key, or no such version."""
    return VaultError(
        404,
        "KeyNotFound",
        f"A key with (name/id) {name} was not found in this key vault. If you recently deleted "
        "this key you may be able to recover it using the correct recovery command.",
    )


def vault_not_found() -> VaultError:
    """The vault is deleted. (In Azure its name does not resolve any more.)"""
    return VaultError(404, "VaultNotFound", "The vault does not exist, or has been deleted.")


def key_deleted(name: str) -> VaultError:
    """The name is taken by a deleted key."""
    return VaultError(
        409,
        "Conflict",
        f"Key {name} is currently in a deleted but recoverable state, and its name cannot be "
        "reused; in this state, the key can only be recovered or purged.",
        "ObjectIsDeletedButRecoverable",
    )
