"""Who sends this request? Reads the credential, proves it, and returns what it grants."""

from datetime import timedelta

from azlab.services.storage_blob.access import delegation_key, sas_terms, sas_token, shared_key
from azlab.services.storage_blob.access.grants import (
    AccountSasGrant,
    Grant,
    Identity,
    KeyGrant,
    PublicGrant,
    RoleGrant,
    ServiceSasGrant,
)
from azlab.services.storage_blob.access.sas_token import SasToken
from azlab.services.storage_blob.accounts import Account
from azlab.services.storage_blob.errors import StorageError, authentication_failed
from azlab.services.storage_blob.http_dates import parse_rfc1123
from azlab.services.storage_blob.request import BlobRequest
from azlab.services.storage_blob.store import accounts, containers
from azlab.services.storage_blob.store.database import Database

DATE_TOLERANCE = timedelta(minutes=15)
_OVERRIDES = {
    "rscc": "Cache-Control",
    "rscd": "Content-Disposition",
    "rsce": "Content-Encoding",
    "rscl": "Content-Language",
    "rsct": "Content-Type",
}


def authenticate(
    request: BlobRequest,
    account: Account,
    container: str,
    blob: str,
    database: Database,
    identity: Identity,
) -> Grant:
    """Raises the 401 and 403 errors of the service."""
    scheme, _, credential = (request.header("authorization") or "").partition(" ")
    if scheme.lower() == "bearer":
        object_id = identity.object_id(credential.strip())
        return RoleGrant(identity, object_id, account, container)
    if scheme == "SharedKey":
        return _by_shared_key(request, account, credential)
    if scheme:
        raise authentication_failed(f"The authorization scheme {scheme!r} is not supported.")
    token = sas_token.parse(request.query)
    if token is None:
        level = _public_level(account, container, database)
        if level:
            return PublicGrant(level)
        challenge = identity.challenge(account.tenant_id)
        raise StorageError(
            "NoAuthenticationInformation", headers=(("WWW-Authenticate", challenge),)
        )
    return by_sas(token, request, account, container, blob, database, identity)


def _public_level(account: Account, container: str, database: Database) -> str:
    if not account.allows_public_access or not container:
        return ""
    with database.transaction() as tx:
        found = containers.find(tx, account.name, container)
    return found.public_access if found else ""


def _by_shared_key(request: BlobRequest, account: Account, credential: str) -> Grant:
    name, _, signature = credential.partition(":")
    if name != account.name:
        raise authentication_failed("The account in the Authorization header is not the one asked.")
    _check_date(request)
    texts = shared_key.strings_to_sign(request, account.name)
    proven = [shared_key.matches_any(signature, text, account.keys) for text in texts]
    if not any(proven):
        raise authentication_failed(
            "The MAC signature found in the HTTP request is not the same as any computed"
            f" signature. Server used following string to sign: '{texts[0]}'."
        )
    if not account.allows_shared_key:
        raise StorageError("KeyBasedAuthenticationNotPermitted")
    return KeyGrant()


def _check_date(request: BlobRequest) -> None:
    """The real clock on purpose: a client signs with its own, however far the lab's went."""
    text = request.header("x-ms-date") or request.header("date")
    if text is None:
        raise authentication_failed("x-ms-date or Date is missing.")
    try:
        sent = parse_rfc1123(text)
    except (ValueError, TypeError):
        raise authentication_failed(f"The Date header {text!r} is not in RFC 1123 form.") from None
    if abs(sent - request.real_now) > DATE_TOLERANCE:
        raise authentication_failed(
            f"Request date header too old: '{text}' (more than 15 minutes off)"
        )


def by_sas(
    token: SasToken,
    request: BlobRequest,
    account: Account,
    container: str,
    blob: str,
    database: Database,
    identity: Identity,
) -> Grant:
    """What the SAS grants on this container and blob; also asked for the sources of copies."""
    if token.is_account:
        grant = _by_account_sas(token, request, account)
    elif token.is_user_delegation:
        grant = _by_user_delegation(token, request, account, container, blob, database, identity)
    else:
        grant = _by_service_sas(token, request, account, container, blob, database)
    sas_terms.check_protocol(token)
    sas_terms.check_source(token, request.client_ip)
    if not token.is_user_delegation and not account.allows_shared_key:
        raise StorageError("KeyBasedAuthenticationNotPermitted")
    return grant


def _prove(token: SasToken, text: str, keys: tuple[bytes, ...]) -> None:
    if not shared_key.matches_any(token.get("sig"), text, keys):
        raise authentication_failed(
            f"Signature did not match. String to sign used was {text.rstrip()}"
        )


def _by_account_sas(token: SasToken, request: BlobRequest, account: Account) -> Grant:
    _prove(token, sas_token.account_text(token, account.name), account.keys)
    terms = sas_terms.terms(token, None)
    sas_terms.check_time(terms.start, terms.expiry, request.now)
    return AccountSasGrant(token.get("ss"), token.get("srt"), terms.permission)


def _resource(token: SasToken, container: str, blob: str) -> str:
    if token.get("sr") == "c":
        return container
    return f"{container}/{blob}"


def _by_service_sas(
    token: SasToken,
    request: BlobRequest,
    account: Account,
    container: str,
    blob: str,
    database: Database,
) -> Grant:
    resource = _resource(token, container, blob)
    _prove(token, sas_token.service_text(token, account.name, resource), account.keys)
    policy = None
    if token.get("si"):
        with database.transaction() as tx:
            known = containers.find(tx, account.name, container)
        named = [p for p in (known.policies if known else ()) if p.policy_id == token.get("si")]
        if not named:
            raise authentication_failed("The stored access policy of the SAS does not exist.")
        policy = named[0]
    terms = sas_terms.terms(token, policy)
    sas_terms.check_time(terms.start, terms.expiry, request.now)
    return ServiceSasGrant(token.get("sr") == "c", terms.permission, _overrides(token))


def _by_user_delegation(
    token: SasToken,
    request: BlobRequest,
    account: Account,
    container: str,
    blob: str,
    database: Database,
    identity: Identity,
) -> Grant:
    with database.transaction() as tx:
        secret = accounts.delegation_secret(tx, account.name)
    key = delegation_key.derive(secret, delegation_key.terms_of(token))
    resource = _resource(token, container, blob)
    _prove(token, sas_token.service_text(token, account.name, resource), (key,))
    sas_terms.check_delegation_key(token, request.now)
    terms = sas_terms.terms(token, None)
    sas_terms.check_time(terms.start, terms.expiry, request.now)
    delegate = RoleGrant(identity, token.get("skoid"), account, container)
    return ServiceSasGrant(token.get("sr") == "c", terms.permission, _overrides(token), delegate)


def _overrides(token: SasToken) -> dict[str, str]:
    return {header: token.get(name) for name, header in _OVERRIDES.items() if token.get(name)}
