"""A repository in a blob container, by its URL."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from kyanite.base.errors import Invalid, StorageDenied

if TYPE_CHECKING:
    from kyanite.azure.blob.storage import BlobStorage

_STORAGE_SCOPE: Final = "https://storage.azure.com/.default"


def open_blob_storage(address: str, sas_variable: str) -> BlobStorage:
    """The storage at ``address``; credentials and CA come from the environment.

    ``sas_variable`` holds a SAS of the container; without it the default chain of
    azure-identity is asked for tokens. ``KYANITE_AZURE_CA_FILE`` is an extra CA bundle.
    """
    from kyanite.azure.blob.storage import BlobStorage
    from kyanite.azure.data_plane import TokenAccess
    from kyanite.azure.signed_urls import SignedUrl

    container, folder = split_address(address)
    ca_file = os.environ.get("KYANITE_AZURE_CA_FILE") or None
    sas = os.environ.get(sas_variable, "").strip().lstrip("?")
    if sas:
        return BlobStorage.signed(SignedUrl(container, sas), folder, ca_file=ca_file)

    return BlobStorage(TokenAccess(container, _tokens(ca_file)), folder, ca_file=ca_file)


def _tokens(ca_file: str | None) -> Callable[[], str]:
    """Tokens from the default chain; raises ``StorageDenied`` when nothing in it works."""
    from azure.core.exceptions import AzureError
    from azure.identity import DefaultAzureCredential

    # An authority of one's own is no instance that the public cloud could vouch for.
    own_authority = bool(os.environ.get("AZURE_AUTHORITY_HOST"))
    credential = DefaultAzureCredential(
        disable_instance_discovery=own_authority, connection_verify=ca_file or True
    )

    def token() -> str:
        try:
            return credential.get_token(_STORAGE_SCOPE).token
        except AzureError as error:
            first = str(error).splitlines()[0]
            raise StorageDenied(
                f"No credential for the storage: {first} Set KYANITE_STORAGE_SAS, or sign in "
                "for azure-identity."
            ) from error

    return token


def split_address(address: str) -> tuple[str, str]:
    """Container URL and folder. The account is the host's first label, or, on bare hosts as

    local clouds have them, the first part of the path.
    """
    parts = urlsplit(address)
    names = [unquote(name) for name in parts.path.split("/") if name]
    leading = 2 if _is_bare(parts.hostname or "") else 1
    if len(names) < leading:
        raise Invalid("A blob address names a container: https://account…/container/folder.")
    container = "/".join([f"https://{parts.netloc}", *names[:leading]])
    return container, "/".join(names[leading:])


def _is_bare(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
