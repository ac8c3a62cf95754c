"""The calls on keys."""

import re
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from azlab.core.http import Response, json_response
from azlab.core.json_types import JsonObject, JsonValue, flag_at, object_at, string_map_at, text_at
from azlab.core.json_types import integer_at as number_of
from azlab.core.json_types import texts_at as texts_of
from azlab.services.key_vault import errors, rsa_keys, state
from azlab.services.key_vault.access import VaultCall
from azlab.services.key_vault.errors import VaultError
from azlab.services.key_vault.state import Key, Version

_NAME = re.compile(r"[0-9A-Za-z-]{1,127}")
_ALL_OPERATIONS = ("encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey")
_PAGE = 25


def create(call: VaultCall, body: JsonObject, name: str) -> Response:
    """A new key, or a new version of one."""
    call.require("create", name)
    kind = text_at(body, "kty")
    if kind not in ("RSA", "RSA-HSM"):
        raise errors.bad_parameter(f"The lab makes keys of type RSA only, not '{kind}'.")
    size = number_of(body, "key_size") or rsa_keys.SIZES[0]
    if size not in rsa_keys.SIZES:
        raise errors.bad_parameter(f"The key size {size} is not supported.")
    return _add_version(call, body, name, rsa_keys.generate(size))


def import_key(call: VaultCall, body: JsonObject, name: str) -> Response:
    """A key that was made elsewhere."""
    call.require("import", name)
    jwk = object_at(body, "key")
    merged: JsonObject = {**body, "key_ops": jwk.get("key_ops")}
    return _add_version(call, merged, name, rsa_keys.imported(jwk))


def rotate(call: VaultCall, body: JsonObject, name: str) -> Response:  # noqa: ARG001
    """A new version like the last one."""
    call.require("rotate", name)
    key = _live(call, name)
    now = call.request.now
    size = len(rsa_keys.decoded(text_at(rsa_keys.public_members(key.current.pem), "n"))) * 8
    fresh = replace(
        key.current, id=uuid.uuid4().hex, pem=rsa_keys.generate(size), created=now, updated=now
    )
    key = replace(key, versions=(*key.versions, fresh))
    state.put_key(call.tx, key)
    return json_response(200, _bundle(call, key, fresh))


def _add_version(call: VaultCall, body: JsonObject, name: str, pem: bytes) -> Response:
    if not _NAME.fullmatch(name):
        raise errors.bad_parameter(f"The request URI contains an invalid name: {name}")
    known = state.find_key(call.tx, call.name, name, call.request.now)
    if known is not None and known.deleted is not None:
        raise errors.key_deleted(name)
    now = call.request.now
    operations = tuple(texts_of(body, "key_ops")) or _ALL_OPERATIONS
    fresh = Version(uuid.uuid4().hex, pem, operations, True, now, now)
    fresh = _with_attributes(fresh, body)
    versions = known.versions if known else ()
    key = Key(call.name, known.name if known else name, (*versions, fresh))
    state.put_key(call.tx, key)
    return json_response(200, _bundle(call, key, fresh))


def get(call: VaultCall, body: JsonObject, name: str, version: str = "") -> Response:  # noqa: ARG001
    """One version, the current one unless another is named."""
    call.require("get", name)
    key = _live(call, name)
    return json_response(200, _bundle(call, key, _version(key, version)))


def update(call: VaultCall, body: JsonObject, name: str, version: str = "") -> Response:
    """Change attributes, operations or tags of a version."""
    call.require("update", name)
    key = _live(call, name)
    changed = replace(_with_attributes(_version(key, version), body), updated=call.request.now)
    if "key_ops" in body:
        changed = replace(changed, operations=tuple(texts_of(body, "key_ops")))
    key = key.with_version(changed)
    state.put_key(call.tx, key)
    return json_response(200, _bundle(call, key, changed))


def list_keys(call: VaultCall, body: JsonObject) -> Response:  # noqa: ARG001
    """The current versions of all keys."""
    call.require("list")
    found = [one for one in _all(call) if one.deleted is None]
    return _page(call, [_item(call, one, one.current, versioned=False) for one in found])


def list_versions(call: VaultCall, body: JsonObject, name: str) -> Response:  # noqa: ARG001
    """All versions of one key; none for a key that does not exist, as in Azure."""
    call.require("list", name)
    key = state.find_key(call.tx, call.name, name, call.request.now)
    versions = key.versions if key is not None and key.deleted is None else ()
    return _page(call, [_item(call, key, one) for one in versions if key is not None])


def delete(call: VaultCall, body: JsonObject, name: str) -> Response:  # noqa: ARG001
    """Into the bin, with all versions."""
    call.require("delete", name)
    now = call.request.now
    key = replace(
        _live(call, name), deleted=now, purge_at=now + timedelta(days=call.retention_days)
    )
    state.put_key(call.tx, key)
    return json_response(200, _deleted_bundle(call, key))


def list_deleted(call: VaultCall, body: JsonObject) -> Response:  # noqa: ARG001
    """What is in the bin."""
    call.require("list")
    found = [one for one in _all(call) if one.deleted is not None]
    return _page(
        call,
        [
            {**_item(call, one, one.current, versioned=False), **_deletion(call, one)}
            for one in found
        ],
    )


def get_deleted(call: VaultCall, body: JsonObject, name: str) -> Response:  # noqa: ARG001
    """One key of the bin."""
    call.require("get", name)
    return json_response(200, _deleted_bundle(call, _in_bin(call, name)))


def recover(call: VaultCall, body: JsonObject, name: str) -> Response:  # noqa: ARG001
    """Out of the bin again."""
    call.require("recover", name)
    key = replace(_in_bin(call, name), deleted=None, purge_at=None)
    state.put_key(call.tx, key)
    return json_response(200, _bundle(call, key, key.current))


def purge(call: VaultCall, body: JsonObject, name: str) -> Response:  # noqa: ARG001
    """Gone for good."""
    call.require("purge", name)
    key = _in_bin(call, name)
    if call.is_protected:
        raise VaultError(
            403,
            "Forbidden",
            'Operation "purge" is not enabled for this vault.',
            "ForbiddenByPolicy",
        )
    state.remove_key(call.tx, key)
    return Response(204)


def cipher(permission: str) -> Callable[..., Response]:
    """`encrypt`, `decrypt`, `wrapKey` or `unwrapKey`."""
    outwards = permission in ("encrypt", "wrapKey")

    def handler(call: VaultCall, body: JsonObject, name: str, version: str = "") -> Response:
        call.require(permission, name)
        key = _live(call, name)
        used = _version(key, version)
        _check_usable(call, key, used, permission, outwards=outwards)
        algorithm, value = text_at(body, "alg"), rsa_keys.decoded(text_at(body, "value"))
        work = rsa_keys.encrypt if outwards else rsa_keys.decrypt
        answer: JsonObject = {
            "kid": _kid(call, key, used),
            "value": rsa_keys.encoded(work(used.pem, algorithm, value)),
        }
        return json_response(200, answer)

    return handler


def _check_usable(
    call: VaultCall, key: Key, used: Version, permission: str, *, outwards: bool
) -> None:
    if not used.enabled:
        raise VaultError(
            403,
            "Forbidden",
            f"Operation {permission} is not allowed on a disabled key {key.name}.",
            "KeyDisabled",
        )
    if permission not in used.operations:
        raise VaultError(
            403,
            "Forbidden",
            f"Operation {permission} is not permitted on this key {key.name}.",
            "KeyOperationForbidden",
        )
    now = call.request.now
    if used.starts is not None and used.starts > now:
        raise VaultError(403, "Forbidden", "The key is not yet valid.", "KeyNotYetValid")
    # What was encrypted before can be read after the end of a key; nothing new is made with it.
    if outwards and used.ends is not None and used.ends <= now:
        raise VaultError(403, "Forbidden", "The key has expired.", "KeyExpired")


def _all(call: VaultCall) -> list[Key]:
    return state.keys(call.tx, call.name, call.request.now)


def _live(call: VaultCall, name: str) -> Key:
    key = state.find_key(call.tx, call.name, name, call.request.now)
    if key is None or key.deleted is not None:
        raise errors.key_not_found(name)
    return key


def _in_bin(call: VaultCall, name: str) -> Key:
    key = state.find_key(call.tx, call.name, name, call.request.now)
    if key is None or key.deleted is None:
        raise VaultError(
            404, "KeyNotFound", f"Deleted Key not found: {name}.", "DeletedKeyNotFound"
        )
    return key


def _version(key: Key, version_id: str) -> Version:
    found = key.version(version_id)
    if found is None:
        raise errors.key_not_found(f"{key.name}/{version_id}")
    return found


def _with_attributes(version: Version, body: JsonObject) -> Version:
    attributes = object_at(body, "attributes")
    enabled = flag_at(attributes, "enabled")
    if enabled is not None:
        version = replace(version, enabled=enabled)
    for member, name in (("nbf", "starts"), ("exp", "ends")):
        seconds = number_of(attributes, member)
        if seconds is not None:
            moment = datetime.fromtimestamp(seconds, UTC)
            version = (
                replace(version, starts=moment) if name == "starts" else
                replace(version, ends=moment)
            )  # fmt: skip
    if "tags" in body:
        version = replace(version, tags=string_map_at(body, "tags"))
    return version


def _attributes(call: VaultCall, version: Version) -> JsonObject:
    level = "Recoverable" if call.is_protected else "Recoverable+Purgeable"
    shown: JsonObject = {
        "enabled": version.enabled,
        "created": int(version.created.timestamp()),
        "updated": int(version.updated.timestamp()),
        "recoveryLevel": level,
        "recoverableDays": call.retention_days,
        "exportable": False,
    }
    if version.starts is not None:
        shown["nbf"] = int(version.starts.timestamp())
    if version.ends is not None:
        shown["exp"] = int(version.ends.timestamp())
    return shown


def _kid(call: VaultCall, key: Key, version: Version) -> str:
    return f"{call.url}/keys/{key.name}/{version.id}"


def _bundle(call: VaultCall, key: Key, version: Version) -> JsonObject:
    operations: list[JsonValue] = list(version.operations)
    jwk: JsonObject = {
        "kid": _kid(call, key, version),
        "kty": "RSA",
        "key_ops": operations,
        **rsa_keys.public_members(version.pem),
    }
    return {
        "key": jwk,
        "attributes": _attributes(call, version),
        "tags": dict[str, JsonValue](version.tags),
    }


def _item(call: VaultCall, key: Key, version: Version, *, versioned: bool = True) -> JsonObject:
    kid = _kid(call, key, version)
    return {
        "kid": kid if versioned else kid.rsplit("/", 1)[0],
        "attributes": _attributes(call, version),
        "tags": dict[str, JsonValue](version.tags),
    }


def _deletion(call: VaultCall, key: Key) -> JsonObject:
    return {
        "recoveryId": f"{call.url}/deletedkeys/{key.name}",
        "deletedDate": int(key.deleted.timestamp()) if key.deleted else None,
        "scheduledPurgeDate": int(key.purge_at.timestamp()) if key.purge_at else None,
    }


def _deleted_bundle(call: VaultCall, key: Key) -> JsonObject:
    return {**_bundle(call, key, key.current), **_deletion(call, key)}


def _page(call: VaultCall, items: list[JsonObject]) -> Response:
    query = call.request.query
    wanted, token = query.text("maxresults") or str(_PAGE), query.text("$skiptoken") or "0"
    if not wanted.isdigit() or not 1 <= int(wanted) <= _PAGE or not token.isdigit():
        raise errors.bad_parameter("maxresults must be between 1 and 25.")
    start, size = int(token), int(wanted)
    shown: list[JsonValue] = list(items[start : start + size])
    link: str | None = None
    if start + size < len(items):
        link = (
            f"{call.url}{call.request.path}?api-version={query.text('api-version')}"
            f"&$skiptoken={start + size}&maxresults={size}"
        )
    return json_response(200, {"value": shown, "nextLink": link})
