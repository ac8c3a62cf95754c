"""The source of a copy: a URL of this lab, with a credential of its own or the caller's."""

from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, unquote, urlsplit

from azlab.services.storage_blob import conditions, tiers
from azlab.services.storage_blob.access import needs, sas_token
from azlab.services.storage_blob.access.authenticate import by_sas
from azlab.services.storage_blob.access.grants import Grant, RoleGrant, holds
from azlab.services.storage_blob.accounts import Account
from azlab.services.storage_blob.errors import (
    StorageError,
    bad_query,
    missing_header,
    not_simulated,
)
from azlab.services.storage_blob.operations import target
from azlab.services.storage_blob.service import Call
from azlab.services.storage_blob.store import version_times
from azlab.services.storage_blob.store.database import Transaction
from azlab.services.storage_blob.store.records import Blob


@dataclass(frozen=True)
class Source:
    """An authorised source; `url` is kept without its credential."""

    account: str
    container: str
    blob: str
    url: str
    version_id: str | None = None
    snapshot: str | None = None

    def read(self, tx: Transaction, call: Call) -> Blob:
        """Raises BlobNotFound or SourceConditionNotMet."""
        address = (self.account, self.container, self.blob)
        found = target.one_of(tx, address, self.version_id, self.snapshot)
        wanted = conditions.parse_source(call.request.headers)
        wanted.check_source(found.etag, found.modified_at)
        return replace(found, tier=tiers.effective(found.tier, call.request.now))


def authorised(call: Call) -> Source:
    """Raises CannotVerifyCopySource when the source may not be read."""
    text = call.request.header("x-ms-copy-source")
    if text is None:
        raise missing_header("x-ms-copy-source")
    url = urlsplit(text)
    base = urlsplit(call.service.base_url)
    if (url.scheme, url.port) != (base.scheme, base.port) or url.hostname not in (
        base.hostname,
        "localhost",
    ):
        raise not_simulated("copies from outside of its own blob service")
    parts = unquote(url.path).split("/", 3)
    if len(parts) != 4 or not all(parts[1:]):
        raise StorageError("RequestUrlFailedToParse")
    _, account_name, container, blob = parts
    account = call.service.find_account(account_name)
    if account is None:
        raise StorageError("CannotVerifyCopySource", message="The source account does not exist.")
    if not account.firewall.admits(call.request.client_ip):
        raise StorageError("CannotVerifyCopySource")
    query = {name.lower(): value for name, value in parse_qsl(url.query, keep_blank_values=True)}
    version_id, snapshot = (_time(query, name) for name in ("versionid", "snapshot"))
    grant = _grant(call, account, container, blob, query)
    if grant is None or not holds(grant, needs.READ_BLOB):
        raise StorageError("CannotVerifyCopySource")
    address = text.partition("?")[0]
    if version_id is not None:
        address += f"?versionid={version_id}"
    if snapshot is not None:
        address += f"?snapshot={snapshot}"
    return Source(account_name, container, blob, address, version_id, snapshot)


def _time(query: dict[str, str], name: str) -> str | None:
    text = query.get(name)
    if text is not None and not version_times.is_time(text):
        raise bad_query(name, text)
    return text


def _grant(
    call: Call, account: Account, container: str, blob: str, query: dict[str, str]
) -> Grant | None:
    identity = call.service.identity
    scheme, _, bearer = (call.request.header("x-ms-copy-source-authorization") or "").partition(" ")
    if scheme.lower() == "bearer":
        return RoleGrant(identity, identity.object_id(bearer), account, container)
    token = sas_token.parse(query)
    if token is not None:
        try:
            return by_sas(token, call.request, account, container, blob, call.database, identity)
        except StorageError as error:
            raise StorageError("CannotVerifyCopySource", details=error.details) from None
    if account.name != call.account.name:
        return None
    if isinstance(call.grant, RoleGrant):
        return replace(call.grant, container=container)
    # The caller's own SAS does not reach a source that is named without one.
    return call.grant if call.request.header("authorization") else None
