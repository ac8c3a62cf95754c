"""Calls on the account as a whole: its properties, account information, user delegation keys."""

import base64
from dataclasses import replace
from datetime import datetime, timedelta
from xml.etree.ElementTree import Element

from azlab.services.storage_blob.access import delegation_key
from azlab.services.storage_blob.access.grants import RoleGrant
from azlab.services.storage_blob.access.sas_terms import MAX_DELEGATION_DAYS
from azlab.services.storage_blob.errors import StorageError, not_simulated
from azlab.services.storage_blob.http_dates import iso_seconds, parse_iso
from azlab.services.storage_blob.request import BlobResponse, read_all
from azlab.services.storage_blob.service import Call
from azlab.services.storage_blob.store import accounts
from azlab.services.storage_blob.store.records import ServiceSettings
from azlab.services.storage_blob.strict import VERSIONS
from azlab.services.storage_blob.xml_text import XmlText, child_text, parse_xml, xml_response

MAX_RETENTION_DAYS = 365
_MAX_DOCUMENT_BYTES = 64 << 10
_DEFAULT_PROPERTIES = (
    "<Logging><Version>1.0</Version><Read>false</Read><Write>false</Write>"
    "<Delete>false</Delete><RetentionPolicy><Enabled>false</Enabled></RetentionPolicy></Logging>"
    "<HourMetrics><Version>1.0</Version><Enabled>false</Enabled>"
    "<RetentionPolicy><Enabled>false</Enabled></RetentionPolicy></HourMetrics>"
    "<MinuteMetrics><Version>1.0</Version><Enabled>false</Enabled>"
    "<RetentionPolicy><Enabled>false</Enabled></RetentionPolicy></MinuteMetrics>"
    "<Cors />{retention}"
    "<StaticWebsite><Enabled>false</Enabled></StaticWebsite>"
)
# Switches of features that the lab does not have: they can be set to "off" only.
_SWITCHES = (
    "Logging/Read",
    "Logging/Write",
    "Logging/Delete",
    "HourMetrics/Enabled",
    "MinuteMetrics/Enabled",
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
        settings = accounts.settings(tx, call.account.name)
    properties = _DEFAULT_PROPERTIES.format(retention=_retention(settings))
    body = (
        '\ufeff<?xml version="1.0" encoding="utf-8"?><StorageServiceProperties>'
        f"{properties}{stored}</StorageServiceProperties>"
    )
    return BlobResponse(200, {"Content-Type": "application/xml"}, body.encode())


def set_service_properties(call: Call) -> BlobResponse:
    """DefaultServiceVersion and soft delete are kept; of the rest only what the lab does anyway."""
    root = parse_xml(_document(call), "StorageServiceProperties")
    for path in _SWITCHES:
        if child_text(root, path).lower() == "true":
            raise not_simulated(f"the service property {path}")
    if root.find("Cors/CorsRule") is not None:
        raise not_simulated("rules for cross-origin requests")
    known = {path.split("/")[0] for path in _SWITCHES}
    known |= {"Cors", "DefaultServiceVersion", "DeleteRetentionPolicy"}
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
        if root.find("DeleteRetentionPolicy") is not None:
            held = accounts.settings(tx, call.account.name)
            accounts.set_settings(tx, call.account.name, _with_retention(root, held))
    return BlobResponse(202)


def _retention(settings: ServiceSettings) -> str:
    permanent = "true" if settings.permanent_delete else "false"
    inner = "<Enabled>false</Enabled>"
    if settings.blob_days is not None:
        inner = f"<Enabled>true</Enabled><Days>{settings.blob_days}</Days>"
    allowed = f"<AllowPermanentDelete>{permanent}</AllowPermanentDelete>"
    return f"<DeleteRetentionPolicy>{inner}{allowed}</DeleteRetentionPolicy>"


def _with_retention(root: Element, held: ServiceSettings) -> ServiceSettings:
    permanent = child_text(root, "DeleteRetentionPolicy/AllowPermanentDelete").lower() == "true"
    if child_text(root, "DeleteRetentionPolicy/Enabled").lower() != "true":
        return replace(held, blob_days=None, permanent_delete=permanent)
    text = child_text(root, "DeleteRetentionPolicy/Days")
    if not text.isdigit() or not 1 <= int(text) <= MAX_RETENTION_DAYS:
        raise StorageError("InvalidXmlNodeValue", details=(("XmlNodeName", "Days"),))
    return replace(held, blob_days=int(text), permanent_delete=permanent)


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
