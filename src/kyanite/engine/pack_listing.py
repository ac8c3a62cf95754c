"""Listings of packs, with their sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from kyanite.engine.condemned import pack_of_name
from kyanite.engine.format import PACKS_PREFIX, text_of
from kyanite.engine.pack import PackRef
from kyanite.engine.storage.base import Storage
from kyanite.engine.threads import parallel_map


def all_packs(storage: Storage) -> Iterator[tuple[PackRef, int]]:
    """Every pack there is, as the listing goes on: there may be millions."""
    for info in storage.list(PACKS_PREFIX):
        pack = pack_of_name(info.name)
        if pack is not None:
            yield pack, info.size_bytes


def packs_of_sessions(
    storage: Storage,
    session_ids: Iterable[bytes],
    wanted: Callable[[PackRef], bool] = lambda _: True,
) -> dict[PackRef, int]:
    """The packs of these sessions that are ``wanted``."""

    def read(session_id: bytes) -> list[tuple[PackRef, int]]:
        infos = storage.list(f"{PACKS_PREFIX}{text_of(session_id)}/")
        found = ((pack_of_name(info.name), info.size_bytes) for info in infos)
        return [(pack, size) for pack, size in found if pack is not None and wanted(pack)]

    return {pack: size for some in parallel_map(read, session_ids) for pack, size in some}
