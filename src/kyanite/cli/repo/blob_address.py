"""A repository in a blob container, by its URL."""

from __future__ import annotations

import ipaddress
import os
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from kyanite.base.errors import Invalid

if TYPE_CHECKING:
    from kyanite.azure.blob.storage import BlobStorage

_STORAGE_SCOPE: Final = "https://storage.azure.com/.default"


def open_blob_storage(address: str) -> BlobStorage:
    """The storage at ``address``; credentials and CA come from the environment.

    ``KYANITE_STORAGE_SAS`` is a SAS of the container; without it the default chain of
    azure-identity is asked for tokens. ``KYANITE_AZURE_CA_FILE`` is an extra CA bundle.
    """
    from kyanite.azure.blob.storage import BlobStorage
    from kyanite.azure.data_plane import TokenAccess
    from kyanite.azure.signed_urls import SignedUrl

    container, folder = split_address(address)
    ca_file = os.environ.get("KYANITE_AZURE_CA_FILE") or None
    sas = os.environ.get("KYANITE_STORAGE_SAS", "").lstrip("?")
    if sas:
        return BlobStorage.signed(SignedUrl(container, sas), folder, ca_file=ca_file)

    from azure.identity import DefaultAzureCredential

    credential = DefaultAzureCredential()
    access = TokenAccess(container, lambda: credential.get_token(_STORAGE_SCOPE).token)
    return BlobStorage(access, folder, ca_file=ca_file)


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
