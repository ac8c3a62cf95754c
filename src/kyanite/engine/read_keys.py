"""What opens the chunks of packs: the keys of an order, or all keys of the repository."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from kyanite.engine.keys import RepositoryKeys, RestoreKeys, pack_key
from kyanite.engine.pack import PackRef

ReadKeys: TypeAlias = RestoreKeys | RepositoryKeys
"""An order names its packs; who holds all keys can read whatever the index finds."""

KeyOfPack: TypeAlias = Callable[[PackRef, int], bytes | None]


def key_of_pack(keys: ReadKeys) -> KeyOfPack:
    """The key of a pack of an epoch; ``None`` where these keys do not open it."""
    if isinstance(keys, RestoreKeys):
        named = keys.pack_keys
        return lambda pack, _: named.get(pack.pack_id)
    return lambda pack, epoch: pack_key(keys.session_root(pack.session_id, epoch), pack.pack_id)
