"""Which names the service accepts. Source: "Naming and referencing containers, blobs"."""

import base64
import binascii
import re
from collections.abc import Mapping

from azlab.services.storage_blob.errors import StorageError, bad_query

_CONTAINER = re.compile(r"(?=.{3,63}$)[a-z0-9]+(?:-[a-z0-9]+)*")
_SPECIAL_CONTAINERS = frozenset({"$root", "$web", "$logs"})
_METADATA_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TAG = re.compile(r"[A-Za-z0-9 +\-./:=_]*")
MAX_BLOB_NAME_CHARACTERS = 1024
MAX_METADATA_BYTES = 8 * 1024
MAX_TAGS = 10
MAX_BLOCK_ID_BYTES = 64


def check_container(name: str) -> None:
    if name not in _SPECIAL_CONTAINERS and not _CONTAINER.fullmatch(name):
        raise StorageError("InvalidResourceName")


def check_blob(name: str) -> None:
    if not name or len(name) > MAX_BLOB_NAME_CHARACTERS or "\x00" in name:
        raise StorageError("InvalidResourceName" if name else "InvalidUri")


def metadata(headers: Mapping[str, str]) -> dict[str, str]:
    """The x-ms-meta-* headers; raises InvalidMetadata or MetadataTooLarge."""
    found = {}
    for name, value in headers.items():
        if name.startswith("x-ms-meta-"):
            key = name.removeprefix("x-ms-meta-")
            if not _METADATA_NAME.fullmatch(key):
                raise StorageError("InvalidMetadata")
            found[key] = value
    if sum(len(key) + len(value.encode()) for key, value in found.items()) > MAX_METADATA_BYTES:
        raise StorageError("MetadataTooLarge")
    return found


def check_tags(tags: Mapping[str, str]) -> None:
    if len(tags) > MAX_TAGS:
        raise StorageError("TagsTooLarge")
    for key, value in tags.items():
        fits = 1 <= len(key) <= 128 and len(value) <= 256
        if not fits or not _TAG.fullmatch(key) or not _TAG.fullmatch(value):
            raise StorageError("InvalidTags")


def check_block_id(text: str) -> None:
    """Base64 of 1 to 64 bytes."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise bad_query("blockid", text, "Not a valid base64 string.") from None
    if not 1 <= len(raw) <= MAX_BLOCK_ID_BYTES:
        raise StorageError("OutOfRangeInput", details=(("QueryParameterName", "blockid"),))
