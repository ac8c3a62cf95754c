"""Calls on the account as a whole: its properties, account information, user delegation keys."""

import base64
from datetime import datetime, timedelta

from azlab.services.storage_blob.access import delegation_key
from azlab.services.storage_blob.access.grants import RoleGrant
from azlab.services.storage_blob.access.sas_terms import MAX_DELEGATION_DAYS
from azlab.services.storage_blob.errors import StorageError, not_simulated
from azlab.services.storage_blob.http_dates import iso_seconds, parse_iso
from azlab.services.storage_blob.request import BlobResponse, read_all
from azlab.services.storage_blob.service import Call
from azlab.services.storage_blob.store import accounts
from azlab.services.storage_blob.strict import VERSIONS
from azlab.services.storage_blob.xml_text import XmlText, child_text, parse_xml, xml_response

_MAX_DOCUMENT_BYTES = 64 << 10
_DEFAULT_PROPERTIES = (
    "<Logging><Version>1.0</Version><Read>false</Read><Write>false</Write>"
    "<Delete>false</Delete><RetentionPolicy><Enabled>false</Enabled></RetentionPolicy></Logging>"
    "<HourMetrics><Version>1.0</Version><Enabled>false</Enabled>"
    "<RetentionPolicy><Enabled>false</Enabled></RetentionPolicy></HourMetrics>"
    "<MinuteMetrics><Version>1.0</Version><Enabled>false</Enabled>"
    "<RetentionPolicy><Enabled>false</Enabled></RetentionPolicy></MinuteMetrics>"
    "<Cors /><DeleteRetentionPolicy><Enabled>false</Enabled></DeleteRetentionPolicy>"
    "<StaticWebsite><Enabled>false</Enabled></StaticWebsite>"
)
# Switches of features that the lab does not have: they can be set to "off" only.
_SWITCHES = (
    "Logging/Read",
    "Logging/Write",
    "Logging/Delete",
    "HourMetrics/Enabled",
    "MinuteMetrics/Enabled",
    "DeleteRetentionPolicy/Enabled",
    "StaticWebsite/Enabled",
)


def get_account_info(call: Call) -> BlobResponse:
    return BlobResponse(
        200,
        {
            "x-ms-sku-name": call.account.sku,
            "x-ms-account-kind": call.account.kind,
            "x-ms-is-hns-enabled": "false",
        },
    )


def get_service_properties(call: Call) -> BlobResponse:
    with call.database.transaction() as tx:
        stored = accounts.service_properties(tx, call.account.name)
    body = (
        '\ufeff<?xml version="1.0" encoding="utf-8"?><StorageServiceProperties>'
        f"{_DEFAULT_PROPERTIES}{stored}</StorageServiceProperties>"
    )
    return BlobResponse(200, {"Content-Type": "application/xml"}, body.encode())


def set_service_properties(call: Call) -> BlobResponse:
    """Accepts only what the lab does anyway, and DefaultServiceVersion, which it keeps."""
    root = parse_xml(_document(call), "StorageServiceProperties")
    for path in _SWITCHES:
        if child_text(root, path).lower() == "true":
            raise not_simulated(f"the service property {path}")
    if root.find("Cors/CorsRule") is not None:
        raise not_simulated("rules for cross-origin requests")
    known = {path.split("/")[0] for path in _SWITCHES} | {"Cors", "DefaultServiceVersion"}
    for element in root:
        if element.tag not in known:
            raise StorageError("InvalidXmlDocument")
    version = child_text(root, "DefaultServiceVersion")
    if version and version not in VERSIONS:
        details = (("XmlNodeName", "DefaultServiceVersion"),)
        raise StorageError("InvalidXmlNodeValue", details=details)
    kept = f"<DefaultServiceVersion>{version}</DefaultServiceVersion>" if version else ""
    with call.database.transaction() as tx:
        accounts.set_service_properties(tx, call.account.name, kept)
    return BlobResponse(202)


def _document(call: Call) -> bytes:
    try:
        return read_all(call.request.body, _MAX_DOCUMENT_BYTES)
    except ValueError:
        raise StorageError("RequestBodyTooLarge") from None


def get_user_delegation_key(call: Call) -> BlobResponse:
    """A key for at most seven days, only for who comes with a token."""
    if not isinstance(call.grant, RoleGrant):
        raise StorageError("AuthorizationFailure")
    root = parse_xml(_document(call), "KeyInfo")
    for element in root:
        if element.tag not in ("Start", "Expiry"):
            raise not_simulated(f"{element.tag} in a request for a user delegation key")
    now = call.request.now
    start = _moment(child_text(root, "Start"), "Start") if child_text(root, "Start") else now
    expiry = _moment(child_text(root, "Expiry"), "Expiry")
    latest = now + timedelta(days=MAX_DELEGATION_DAYS, minutes=5)
    if expiry <= start or expiry <= now or expiry > latest or start > latest:
        raise StorageError("InvalidXmlNodeValue", details=(("XmlNodeName", "Expiry"),))
    terms = delegation_key.DelegationKeyTerms(
        object_id=call.grant.object_id,
        tenant_id=call.account.tenant_id,
        start=iso_seconds(start),
        expiry=iso_seconds(expiry),
        service="b",
        version=call.request.version,
    )
    with call.database.transaction() as tx:
        secret = accounts.delegation_secret(tx, call.account.name)
    value = base64.b64encode(delegation_key.derive(secret, terms)).decode()
    document = XmlText()
    with document.element("UserDelegationKey"):
        document.text("SignedOid", terms.object_id)
        document.text("SignedTid", terms.tenant_id)
        document.text("SignedStart", terms.start)
        document.text("SignedExpiry", terms.expiry)
        document.text("SignedService", terms.service)
        document.text("SignedVersion", terms.version)
        document.text("Value", value)
    return xml_response(document)


def _moment(text: str, node: str) -> datetime:
    try:
        return parse_iso(text)
    except ValueError:
        raise StorageError("InvalidXmlNodeValue", details=(("XmlNodeName", node),)) from None
