"""The blob service's errors, each once, with the code, status and text of the real service.

Source: "Blob Storage error codes" and "Common REST API error codes" of the public REST reference.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from xml.sax.saxutils import escape

# code -> (HTTP status, text)
ERRORS: Mapping[str, tuple[int, str]] = {
    # requests as such
    "InvalidHeaderValue": (
        400,
        "The value for one of the HTTP headers is not in the correct format.",
    ),
    "InvalidInput": (400, "One of the request inputs is not valid."),
    "InvalidQueryParameterValue": (
        400,
        "Value for one of the query parameters specified in the request URI is invalid.",
    ),
    "InvalidUri": (400, "The requested URI does not represent any resource on the server."),
    "InvalidResourceName": (400, "The specified resource name contains invalid characters."),
    "InvalidXmlDocument": (400, "XML specified is not syntactically valid."),
    "InvalidXmlNodeValue": (
        400,
        "The value provided for one of the XML nodes in the request body was not in the correct"
        " format.",
    ),
    "InvalidMetadata": (
        400,
        "The metadata specified is invalid. It has characters that are not permitted.",
    ),
    "MetadataTooLarge": (400, "The metadata specified exceeds the maximum size permitted (8 KB)."),
    "MissingRequiredHeader": (
        400,
        "An HTTP header that's mandatory for this request is not specified.",
    ),
    "MissingRequiredQueryParameter": (
        400,
        "A query parameter that's mandatory for this request is not specified.",
    ),
    "MultipleConditionHeadersNotSupported": (400, "Multiple condition headers are not supported."),
    "ConditionHeadersNotSupported": (400, "Condition headers are not supported."),
    "OutOfRangeInput": (400, "One of the request inputs is out of range."),
    "OutOfRangeQueryParameterValue": (
        400,
        "One of the query parameters specified in the request URI is outside the permissible"
        " range.",
    ),
    "RequestUrlFailedToParse": (400, "The url in the request could not be parsed."),
    "UnsupportedHeader": (
        400,
        "One of the HTTP headers specified in the request is not supported.",
    ),
    "UnsupportedQueryParameter": (
        400,
        "One of the query parameters specified in the request URI is not supported.",
    ),
    "UnsupportedHttpVerb": (405, "The resource doesn't support specified Http Verb."),
    "MissingContentLengthHeader": (411, "The content length for the request is not specified."),
    "RequestBodyTooLarge": (
        413,
        "The request body is too large and exceeds the maximum permissible limit.",
    ),
    "InternalError": (500, "The server encountered an internal error. Please retry the request."),
    "NotImplemented": (
        501,
        "The requested operation is not implemented on the specified resource.",
    ),
    # who are you, what may you do
    "NoAuthenticationInformation": (
        401,
        "Server failed to authenticate the request. Please refer to the information in the"
        " www-authenticate header.",
    ),
    "InvalidAuthenticationInfo": (
        401,
        "Server failed to authenticate the request. Please refer to the information in the"
        " www-authenticate header.",
    ),
    "AuthenticationFailed": (
        403,
        "Server failed to authenticate the request. Make sure the value of Authorization header is"
        " formed correctly including the signature.",
    ),
    "AuthorizationFailure": (403, "This request is not authorized to perform this operation."),
    "AuthorizationPermissionMismatch": (
        403,
        "This request is not authorized to perform this operation using this permission.",
    ),
    "AuthorizationProtocolMismatch": (
        403,
        "This request is not authorized to perform this operation using this protocol.",
    ),
    "AuthorizationResourceTypeMismatch": (
        403,
        "This request is not authorized to perform this operation using this resource type.",
    ),
    "AuthorizationServiceMismatch": (
        403,
        "This request is not authorized to perform this operation using this service.",
    ),
    "AuthorizationSourceIPMismatch": (
        403,
        "This request is not authorized to perform this operation using this source IP {ip}.",
    ),
    "KeyBasedAuthenticationNotPermitted": (
        403,
        "Key based authentication is not permitted on this storage account.",
    ),
    "UnauthorizedBlobOverwrite": (
        403,
        "This request is not authorized to perform blob overwrites.",
    ),
    "CannotVerifyCopySource": (403, "This request is not authorized to perform this operation."),
    # what is not there, or is already
    "ResourceNotFound": (404, "The specified resource does not exist."),
    "BlobNotFound": (404, "The specified blob does not exist."),
    "ContainerNotFound": (404, "The specified container does not exist."),
    "BlobAlreadyExists": (409, "The specified blob already exists."),
    "ContainerAlreadyExists": (409, "The specified container already exists."),
    "ConditionNotMet": (
        412,
        "The condition specified using HTTP conditional header(s) is not met.",
    ),
    "SourceConditionNotMet": (
        412,
        "The source condition specified using HTTP conditional header(s) is not met.",
    ),
    "NotModified": (304, "The condition specified using HTTP conditional header(s) is not met."),
    "InvalidRange": (416, "The range specified is invalid for the current size of the resource."),
    # contents
    "InvalidMd5": (
        400,
        "The MD5 value specified in the request is invalid. MD5 value must be 128 bits and base64"
        " encoded.",
    ),
    "Md5Mismatch": (
        400,
        "The MD5 value specified in the request did not match with the MD5 value calculated by the"
        " server.",
    ),
    "InvalidCrc64": (
        400,
        "The CRC64 value specified in the request is invalid. The CRC64 value must be 64 bits and"
        " base64-encoded.",
    ),
    "Crc64Mismatch": (
        400,
        "The CRC64 value specified in the request did not match with the CRC64 value calculated by"
        " the server.",
    ),
    "BothCrc64AndMd5HeaderPresent": (
        400,
        "Both x-ms-content-crc64 header and Content-MD5 header are present.",
    ),
    "InvalidBlobOrBlock": (400, "The specified blob or block content is invalid."),
    "InvalidBlockId": (
        400,
        "The specified block ID is invalid. The block ID must be Base64-encoded.",
    ),
    "InvalidBlockList": (400, "The specified block list is invalid."),
    "BlockListTooLong": (400, "The block list may not contain more than 50,000 blocks."),
    "BlockCountExceedsLimit": (
        409,
        "The uncommitted block count cannot exceed the maximum limit of 100,000 blocks.",
    ),
    "InvalidTags": (400, "The tags specified are invalid."),
    "TagsTooLarge": (400, "The tags specified exceed the maximum of 10 tags."),
    # snapshots and soft delete
    "SnapshotsPresent": (
        409,
        "This operation is not permitted because the blob has snapshots.",
    ),
    "BlobSnapshotNotSoftDeleted": (
        409,
        "The specified blob snapshot or version is not soft-deleted.",
    ),
    "PermanentDeleteNotEnabled": (
        409,
        "Permanent deletion is not enabled for this storage account.",
    ),
    "MutuallyExclusiveQueryParameters": (
        400,
        "The request contains mutually exclusive query parameters.",
    ),
    "PublicAccessNotPermitted": (
        409,
        "Public access is not permitted on this storage account.",
    ),
    # versions and immutability
    "OperationNotAllowedOnRootBlob": (
        403,
        "The specified operation is not allowed on root blob.",
    ),
    "BlobImmutableDueToPolicy": (
        409,
        "This operation is not permitted as the blob is immutable due to a policy.",
    ),
    "BlobImmutableDueToLegalHold": (
        409,
        "This operation is not permitted as the blob is immutable due to one or more legal holds.",
    ),
    "ImmutabilityPolicyDeleteOnLockedPolicy": (
        409,
        "The immutability policy is locked and cannot be deleted.",
    ),
    "ImmutableStorageWithVersioningNotEnabled": (
        409,
        "The requested operation is not allowed as the container does not have immutable storage"
        " with versioning enabled.",
    ),
    "ContainerImmutableStorageWithVersioningEnabled": (
        409,
        "The requested operation is not allowed as the container has a immutable storage with"
        " versioning enabled.",
    ),
    "ContainerHasLegalHold": (
        409,
        "The requested operation is not allowed as the container has one or more legal holds.",
    ),
    "ContainerImmutabilityPolicyLocked": (
        409,
        "The requested operation is not allowed as the container has a locked immutability policy.",
    ),
    "ContainerHasImmutabilityPolicy": (
        409,
        "The requested operation is not allowed as the container has an immutability policy.",
    ),
    # tiers
    "InvalidBlobTier": (400, "The specified blob tier is invalid."),
    "BlobArchived": (409, "This operation is not permitted on an archived blob."),
    "BlobBeingRehydrated": (
        409,
        "This operation is not permitted because the blob is being rehydrated.",
    ),
    # copies
    "CannotCopyArchivedBlob": (409, "This operation is not permitted on an archived blob."),
    "NoPendingCopyOperation": (409, "There is currently no pending copy operation."),
    # leases
    "LeaseAlreadyPresent": (409, "There is already a lease present."),
    "LeaseIdMismatchWithBlobOperation": (
        412,
        "The lease ID specified did not match the lease ID for the blob.",
    ),
    "LeaseIdMismatchWithContainerOperation": (
        412,
        "The lease ID specified did not match the lease ID for the container.",
    ),
    "LeaseIdMismatchWithLeaseOperation": (
        409,
        "The lease ID specified did not match the lease ID for the blob/container.",
    ),
    "LeaseIdMissing": (
        412,
        "There is currently a lease on the blob/container and no lease ID was specified in the"
        " request.",
    ),
    "LeaseIsBreakingAndCannotBeAcquired": (
        409,
        "The lease ID matched, but the lease is currently in breaking state and cannot be acquired"
        " until it is broken.",
    ),
    "LeaseIsBreakingAndCannotBeChanged": (
        409,
        "The lease ID matched, but the lease is currently in breaking state and cannot be changed.",
    ),
    "LeaseIsBrokenAndCannotBeRenewed": (
        409,
        "The lease ID matched, but the lease has been broken explicitly and cannot be renewed.",
    ),
    "LeaseNotPresentWithBlobOperation": (412, "There is currently no lease on the blob."),
    "LeaseNotPresentWithContainerOperation": (412, "There is currently no lease on the container."),
    "LeaseNotPresentWithLeaseOperation": (
        409,
        "There is currently no lease on the blob/container.",
    ),
}


@dataclass(eq=False)  # not frozen: the interpreter writes the traceback into it
class StorageError(Exception):
    """A refusal of the blob service.

    `code` is a key of ERRORS; `details` become further elements of the error document, as the real
    service adds HeaderName, QueryParameterName or AuthenticationErrorDetail; `headers` go out as
    they are; `message` replaces the text of the table.
    """

    code: str
    details: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    message: str | None = None

    @property
    def status(self) -> int:
        return ERRORS[self.code][0]

    @property
    def text(self) -> str:
        return self.message or ERRORS[self.code][1]

    def __str__(self) -> str:
        return f"{self.status} {self.code}: {self.text}"


def bad_header(name: str, value: str = "") -> StorageError:
    return StorageError(
        "InvalidHeaderValue", details=(("HeaderName", name), ("HeaderValue", value))
    )


def missing_header(name: str) -> StorageError:
    return StorageError("MissingRequiredHeader", details=(("HeaderName", name),))


def unsupported_header(name: str) -> StorageError:
    return StorageError("UnsupportedHeader", details=(("HeaderName", name),))


def bad_query(name: str, value: str = "", reason: str = "") -> StorageError:
    details = (("QueryParameterName", name), ("QueryParameterValue", value), ("Reason", reason))
    return StorageError("InvalidQueryParameterValue", details=details)


def not_simulated(what: str) -> StorageError:
    """The real service does this, the lab does not: loud, because silence would be a lie."""
    return StorageError("NotImplemented", message=f"The lab does not simulate {what}.")


def authentication_failed(detail: str) -> StorageError:
    return StorageError("AuthenticationFailed", details=(("AuthenticationErrorDetail", detail),))


def error_document(
    code: str,
    text: str,
    request_id: str,
    now: datetime,
    details: tuple[tuple[str, str], ...] = (),
) -> bytes:
    """The XML body of an error, byte order mark included, as the real service sends it."""
    stamp = now.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
    message = escape(f"{text}\nRequestId:{request_id}\nTime:{stamp}")
    extra = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in details)
    return (
        '\ufeff<?xml version="1.0" encoding="utf-8"?>'
        f"<Error><Code>{escape(code)}</Code><Message>{message}</Message>{extra}</Error>"
    ).encode()
