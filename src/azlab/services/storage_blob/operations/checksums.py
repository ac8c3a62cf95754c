"""Content-MD5 and x-ms-content-crc64: what the client says its bytes hash to.

MD5 costs more time than everything else in an upload, so it is computed only when asked for; the
real service always computes it.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from typing import Protocol

from azlab.services.storage_blob.crc64 import Crc64
from azlab.services.storage_blob.errors import StorageError
from azlab.services.storage_blob.request import BlobRequest


class RunningChecksum(Protocol):
    def update(self, data: memoryview, /) -> None: ...

    def digest(self) -> bytes: ...


@dataclass(frozen=True)
class Expected:
    """One promised checksum and the running one to compare it with."""

    header: str
    digest: bytes
    mismatch: str
    running: RunningChecksum


@dataclass(frozen=True)
class Checksums:
    """Feed `running` with the bytes, then `verify`."""

    expected: tuple[Expected, ...] = ()
    answer_headers: dict[str, str] = field(default_factory=dict)

    @property
    def running(self) -> list[RunningChecksum]:
        return [one.running for one in self.expected]

    @property
    def md5_base64(self) -> str | None:
        for one in self.expected:
            if one.mismatch == "Md5Mismatch":
                return base64.b64encode(one.digest).decode()
        return None

    def verify(self) -> None:
        """Raises Md5Mismatch or Crc64Mismatch."""
        for one in self.expected:
            computed = one.running.digest()
            if computed != one.digest:
                details = (
                    ("UserSpecified" + one.mismatch[:3], base64.b64encode(one.digest).decode()),
                    ("ServerCalculated" + one.mismatch[:3], base64.b64encode(computed).decode()),
                )
                raise StorageError(one.mismatch, details=details)


def of_body(request: BlobRequest) -> Checksums:
    return _from_headers(request, "content-md5", "x-ms-content-crc64")


def of_source(request: BlobRequest) -> Checksums:
    return _from_headers(request, "x-ms-source-content-md5", "x-ms-source-content-crc64")


def _from_headers(request: BlobRequest, md5_header: str, crc_header: str) -> Checksums:
    md5, crc = request.header(md5_header), request.header(crc_header)
    if md5 and crc:
        raise StorageError("BothCrc64AndMd5HeaderPresent")
    if md5:
        digest = _decode(md5, 16, "InvalidMd5")
        running = hashlib.md5(usedforsecurity=False)
        expected = Expected(md5_header, digest, "Md5Mismatch", running)
        return Checksums((expected,), {"Content-MD5": md5})
    if crc:
        digest = _decode(crc, 8, "InvalidCrc64")
        expected = Expected(crc_header, digest, "Crc64Mismatch", Crc64())
        return Checksums((expected,), {"x-ms-content-crc64": crc})
    return Checksums()


def _decode(text: str, size: int, code: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise StorageError(code) from None
    if len(raw) != size:
        raise StorageError(code)
    return raw
