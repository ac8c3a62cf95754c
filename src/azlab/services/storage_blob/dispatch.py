"""One request through the service: version, strictness, credential, right, handler, headers."""

from collections.abc import Mapping

from azlab.services.storage_blob import strict
from azlab.services.storage_blob.access import grants
from azlab.services.storage_blob.access.authenticate import authenticate
from azlab.services.storage_blob.errors import StorageError, error_document
from azlab.services.storage_blob.http_dates import rfc1123
from azlab.services.storage_blob.request import BlobRequest, BlobResponse
from azlab.services.storage_blob.service import BlobService, Call, Operation

SERVER = "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0"


def answer(
    service: BlobService,
    operation: Operation,
    request: BlobRequest,
    account_name: str,
    container: str = "",
    blob: str = "",
) -> BlobResponse:
    """Never raises StorageError: it becomes the answer."""
    try:
        strict.check_version(request)
        response = _run(service, operation, request, account_name, container, blob)
    except StorageError as error:
        response = error_response(error, request)
    return BlobResponse(
        response.status,
        {**response.headers, **_common_headers(request)},
        response.body,
        response.content_length,
    )


def _run(
    service: BlobService,
    operation: Operation,
    request: BlobRequest,
    account_name: str,
    container: str,
    blob: str,
) -> BlobResponse:
    account = service.find_account(account_name)
    if account is None:
        raise StorageError("ResourceNotFound", message=f"There is no account {account_name}.")
    if not account.firewall.admits(request.client_ip):
        raise StorageError("AuthorizationFailure")
    strict.check(request, operation)
    grant = authenticate(request, account, container, blob, service.database, service.identity)
    grants.check(grant, operation.need)
    return operation.handler(Call(service, request, account, container, blob, grant))


def error_response(error: StorageError, request: BlobRequest) -> BlobResponse:
    headers = {**dict(error.headers), "x-ms-error-code": error.code}
    if error.status == 304:
        return BlobResponse(304, headers)
    headers["Content-Type"] = "application/xml"
    document = error_document(
        error.code, error.text, request.request_id, request.now, error.details
    )
    return BlobResponse(error.status, headers, document)


def _common_headers(request: BlobRequest) -> Mapping[str, str]:
    headers = {
        "Server": SERVER,
        "Date": rfc1123(request.real_now),
        "x-ms-request-id": request.request_id,
    }
    if request.version:  # nobody without a credential needs one
        headers["x-ms-version"] = request.version
    client_request_id = request.header("x-ms-client-request-id")
    if client_request_id:
        headers["x-ms-client-request-id"] = client_request_id
    return headers
