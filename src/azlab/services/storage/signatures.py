"""`listAccountSas` and `listServiceSas`: shared access signatures made by ARM."""

from urllib.parse import urlencode

from azlab.core.arm import ArmCall, ArmError
from azlab.core.errors import not_simulated
from azlab.core.http import Response, json_response
from azlab.core.json_types import JsonObject, text_at
from azlab.core.members import check_members
from azlab.core.resource_ids import ResourceId
from azlab.services.storage import directory
from azlab.services.storage_blob.access import sas_token, shared_key
from azlab.services.storage_blob.access.sas_terms import terms
from azlab.services.storage_blob.access.sas_token import SasToken
from azlab.services.storage_blob.errors import StorageError

VERSION = "2021-12-02"  # of the signatures; any that the data plane takes would do
# Members of the request and the parameters of a SAS that they become.
_COMMON = {
    "signedPermission": "sp",
    "signedStart": "st",
    "signedExpiry": "se",
    "signedIp": "sip",
    "signedProtocol": "spr",
}
_ACCOUNT = {**_COMMON, "signedServices": "ss", "signedResourceTypes": "srt"}
_SERVICE = {
    **_COMMON,
    "signedIdentifier": "si",
    "signedResource": "sr",
    **{name: name for name in ("rscc", "rscd", "rsce", "rscl", "rsct")},
}


def list_account_sas(call: ArmCall) -> Response:
    account = call.record().id
    asked = call.json()
    token = _token(asked, _ACCOUNT, ())
    if not token.is_account or not token.get("srt"):
        raise _bad("signedServices and signedResourceTypes are required.")
    _check_terms(token)
    text = sas_token.account_text(token, account.name)
    return json_response(200, {"accountSasToken": _signed(call, account, asked, token, text)})


def list_service_sas(call: ArmCall) -> Response:
    """For a container or a blob; `canonicalizedResource` is `/blob/account/container[/blob]`."""
    account = call.record().id
    asked = call.json()
    token = _token(asked, _SERVICE, ("canonicalizedResource",))
    resource = text_at(asked, "canonicalizedResource")
    start = f"/blob/{account.name}/"
    if not resource.startswith(start) or not resource.removeprefix(start):
        raise _bad(f"canonicalizedResource must begin with {start} and name a container.")
    if token.get("sr") not in ("b", "c"):
        raise not_simulated("The lab signs for blobs (b) and containers (c) only.")
    if not token.get("si"):
        _check_terms(token)
    text = sas_token.service_text(token, account.name, resource.removeprefix(start))
    return json_response(200, {"serviceSasToken": _signed(call, account, asked, token, text)})


def _token(asked: JsonObject, members: dict[str, str], extra: tuple[str, ...]) -> SasToken:
    check_members(asked, dict.fromkeys((*members, *extra, "keyToSign")))
    given = {parameter: text_at(asked, member) for member, parameter in members.items()}
    return SasToken({"sv": VERSION} | {name: value for name, value in given.items() if value})


def _check_terms(token: SasToken) -> None:
    try:
        terms(token, None)
    except StorageError as error:
        raise _bad("; ".join(value for _, value in error.details)) from error


def _signed(
    call: ArmCall, account: ResourceId, asked: JsonObject, token: SasToken, text: str
) -> str:
    name = text_at(asked, "keyToSign") or directory.KEY_NAMES[0]
    listed = directory.find(call.tx, account.name)
    if name not in directory.KEY_NAMES or listed is None:
        raise _bad(f"There is no key '{name}'.")
    secret = directory.keys(call.lab, account.name, listed)[directory.KEY_NAMES.index(name)]
    return urlencode({**token.parameters, "sig": shared_key.sign(secret, text)})


def _bad(message: str) -> ArmError:
    return ArmError(400, "InvalidValuesForRequestParameters", message)
