"""Refuses what an operation does not know: headers, parameters, versions.

A simulator that ignores what it does not understand makes its user wrong: a dropped immutability
header would leave data deletable that its owner believes safe.
"""

import re

from azlab.services.storage_blob import conditions
from azlab.services.storage_blob.access.sas_token import PARAMETERS as SAS_PARAMETERS
from azlab.services.storage_blob.errors import (
    StorageError,
    bad_header,
    missing_header,
    not_simulated,
    unsupported_header,
)
from azlab.services.storage_blob.request import BlobRequest
from azlab.services.storage_blob.service import Operation

VERSIONS = frozenset(
    (
        *("2018-11-09", "2019-02-02", "2019-07-07", "2019-10-10", "2019-12-12", "2020-02-10"),
        *("2020-04-08", "2020-06-12", "2020-08-04", "2020-10-02", "2020-12-06", "2021-02-12"),
        *("2021-04-10", "2021-06-08", "2021-08-06", "2021-12-02", "2022-11-02", "2023-01-03"),
        *("2023-05-03", "2023-08-03", "2023-11-03", "2024-05-04", "2024-08-04", "2024-11-04"),
        *("2025-01-05", "2025-05-05", "2025-07-05", "2025-11-05", "2026-02-06", "2026-04-06"),
        *("2026-06-06", "2026-10-06"),
    )
)
_COMMON_HEADERS = frozenset(
    ("x-ms-version", "x-ms-date", "x-ms-client-request-id", "x-ms-return-client-request-id")
)
_COMMON_PARAMETERS = frozenset(("comp", "restype", "timeout"))
_MAX_CLIENT_REQUEST_ID = 1024

# Real features that the lab does not have: 501 with the feature's name instead of a plain 400.
_NOT_SIMULATED_HEADERS = (
    (re.compile(r"x-ms-(source-)?encryption-(key|key-sha256|algorithm)"), "customer-provided keys"),
    (re.compile(r"x-ms-encryption-scope"), "encryption scopes"),
    (re.compile(r"x-ms-(source-)?if-tags"), "conditions on tags"),
    (re.compile(r"x-ms-structured-.*"), "structured messages"),
    (re.compile(r"x-ms-blob-(content-length|sequence-number)"), "page blobs"),
    (re.compile(r"x-ms-copy-source-tag-option"), "copying the tags of a source"),
    (re.compile(r"x-ms-(default|deny)-encryption-scope.*"), "encryption scopes"),
)


def check_version(request: BlobRequest) -> None:
    """The version must be one that the service has had, as far back as the lab goes."""
    if not request.version and not request.header("authorization"):
        return  # nobody asks without a credential in a particular version
    if not request.version:
        raise missing_header("x-ms-version")
    if request.version not in VERSIONS:
        raise bad_header("x-ms-version", request.version)


def check(request: BlobRequest, operation: Operation) -> None:
    """Raises for the first header or parameter that `operation` would have to ignore."""
    for name in request.headers:
        if name.startswith("x-ms-"):
            _check_header(name, operation)
    for name in request.query:
        _check_parameter(name, request, operation)
    if len(request.header("x-ms-client-request-id") or "") > _MAX_CLIENT_REQUEST_ID:
        raise bad_header("x-ms-client-request-id")
    if not operation.takes_conditions:
        conditions.refuse_all(request.headers)


def _check_header(name: str, operation: Operation) -> None:
    if name in _COMMON_HEADERS or name in operation.headers or name == operation.selector:
        return
    if name.startswith("x-ms-meta-") and operation.takes_metadata:
        return
    for pattern, what in _NOT_SIMULATED_HEADERS:
        if pattern.fullmatch(name):
            raise not_simulated(f"{what} ({name})")
    raise unsupported_header(name)


def _check_parameter(name: str, request: BlobRequest, operation: Operation) -> None:
    if name in _COMMON_PARAMETERS or name in operation.parameters:
        return
    if name in SAS_PARAMETERS and request.query.get("sig"):
        return
    raise StorageError("UnsupportedQueryParameter", details=(("QueryParameterName", name),))
