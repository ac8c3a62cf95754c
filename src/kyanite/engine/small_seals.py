"""AES-256-GCM for keys and objects: whatever is sealed and opened whole, with one call.

The cipher's library takes longer to load than anything else of a command. It is imported
when something is first sealed, so that it can be loaded while a password is stretched.
"""

from __future__ import annotations

from importlib import import_module

from kyanite.engine.storage.base import Data


def seal(key: bytes, nonce: bytes, plain: Data, context: bytes) -> bytes:
    """Sealed bytes: as long as ``plain`` and a tag. A nonce serves once for a key."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key).encrypt(nonce, plain, context)


def unseal(key: bytes, nonce: bytes, sealed: Data, context: bytes) -> bytes | None:
    """The plain bytes; ``None`` for what was not sealed with this key, nonce and context."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(nonce, sealed, context)
    except InvalidTag:
        return None


def same(one: bytes, other: bytes) -> bool:
    """Whether two secrets are equal, in a time that does not tell where they differ."""
    from hmac import compare_digest

    return compare_digest(one, other)


def load() -> None:
    """Import now what the first use would import."""
    for name in ("hmac", "cryptography.hazmat.primitives.ciphers.aead"):
        import_module(name)
