"""User delegation keys: derived, never stored.

The key is an HMAC of everything that a SAS repeats about it (who, which tenant, from, until), under
a secret of the account. So the service recomputes it, and changing the secret revokes all of them.
"""

import hashlib
import hmac
from dataclasses import dataclass

from azlab.services.storage_blob.access.sas_token import SasToken


@dataclass(frozen=True)
class DelegationKeyTerms:
    """The texts exactly as they stand in the key and later in the SAS."""

    object_id: str
    tenant_id: str
    start: str
    expiry: str
    service: str
    version: str


def terms_of(token: SasToken) -> DelegationKeyTerms:
    return DelegationKeyTerms(
        *(token.get(n) for n in ("skoid", "sktid", "skt", "ske", "sks", "skv"))
    )


def derive(secret: bytes, terms: DelegationKeyTerms) -> bytes:
    fields = (
        terms.object_id,
        terms.tenant_id,
        terms.start,
        terms.expiry,
        terms.service,
        terms.version,
    )
    return hmac.new(secret, "\n".join(fields).encode(), hashlib.sha256).digest()
