"""Shared access signatures: reading the query, and the text that was signed.

Source: "Create an account SAS", "Create a service SAS", "Create a user delegation SAS". The text
grew with the versions (`sv`); versions before 2018-11-09 are refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from azlab.services.storage_blob.errors import authentication_failed, not_simulated

OLDEST_VERSION = "2018-11-09"
_ENCRYPTION_SCOPE_FROM = "2020-12-06"
_ACTORS_FROM = "2020-02-10"
_DELEGATED_USER_FROM = "2025-07-05"
_SIGNED_REQUEST_FROM = "2026-04-06"

_RESPONSE_HEADERS = ("rscc", "rscd", "rsce", "rscl", "rsct")
_DELEGATION = ("skoid", "sktid", "skt", "ske", "sks", "skv")
_ACTORS = ("saoid", "suoid", "scid")
_DELEGATED_USER = ("skdutid", "sduoid")

PARAMETERS = frozenset(
    (
        *("sv", "ss", "srt", "sp", "st", "se", "si", "sip", "spr", "sr", "sig", "ses", "snapshot"),
        *("sdd", "srh", "srq", *_RESPONSE_HEADERS, *_DELEGATION, *_ACTORS, *_DELEGATED_USER),
    )
)
"""Every query parameter that belongs to a SAS and not to an operation."""

_NOT_SIMULATED = {
    "ses": "encryption scopes in a SAS",
    "sdd": "SAS for a directory",
    "srh": "SAS bound to request headers",
    "srq": "SAS bound to query parameters",
    "skdutid": "SAS for a user of another tenant",
    "sduoid": "SAS bound to one user",
    "saoid": "SAS for a hierarchical namespace",
    "suoid": "SAS for a hierarchical namespace",
}


@dataclass(frozen=True)
class SasToken:
    """The SAS of one request; `parameters` holds its query with lower-case names."""

    parameters: Mapping[str, str]

    def get(self, name: str) -> str:
        return self.parameters.get(name, "")

    @property
    def version(self) -> str:
        return self.get("sv")

    @property
    def is_account(self) -> bool:
        return bool(self.get("ss"))

    @property
    def is_user_delegation(self) -> bool:
        return bool(self.get("skoid"))


def parse(query: Mapping[str, str]) -> SasToken | None:
    """None when the request carries no SAS. Raises for one the lab cannot judge."""
    if not query.get("sig"):
        return None
    parameters = {name: value for name, value in query.items() if name in PARAMETERS}
    if parameters.get("sr") == "bv":  # the version asked for is what must have been signed
        parameters["snapshot"] = query.get("versionid", "")
    token = SasToken(parameters)
    if token.version < OLDEST_VERSION:
        raise authentication_failed(f"sv {token.version!r} is missing or not supported")
    for name, what in _NOT_SIMULATED.items():
        if token.get(name):
            raise not_simulated(f"{what} ({name})")
    if not token.is_account and token.get("sr") not in ("b", "bv", "c"):
        raise not_simulated(f"SAS for a resource of the kind sr={token.get('sr')!r}")
    return token


def account_text(token: SasToken, account: str) -> str:
    fields = ["sp", "ss", "srt", "st", "se", "sip", "spr", "sv"]
    if token.version >= _ENCRYPTION_SCOPE_FROM:
        fields.append("ses")
    return account + "\n" + "".join(token.get(name) + "\n" for name in fields)


def service_text(token: SasToken, account: str, resource: str) -> str:
    """`resource` is `container` or `container/blob`."""
    lines = [token.get(name) for name in ("sp", "st", "se")]
    lines.append(f"/blob/{account}/{resource}")
    if token.is_user_delegation:
        lines += [token.get(name) for name in _DELEGATION]
        if token.version >= _ACTORS_FROM:
            lines += [token.get(name) for name in _ACTORS]
        if token.version >= _DELEGATED_USER_FROM:
            lines += [token.get(name) for name in _DELEGATED_USER]
    else:
        lines.append(token.get("si"))
    lines += [token.get(name) for name in ("sip", "spr", "sv", "sr", "snapshot")]
    if token.version >= _ENCRYPTION_SCOPE_FROM:
        lines.append(token.get("ses"))
    if token.is_user_delegation and token.version >= _SIGNED_REQUEST_FROM:
        lines += ["", ""]  # the signed headers and parameters, refused above when present
    lines += [token.get(name) for name in _RESPONSE_HEADERS]
    return "\n".join(lines)
