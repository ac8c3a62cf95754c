"""A second reader of repositories, written from docs/format alone; it imports nothing of kyanite.

It opens a repository in a folder by password or recovery key (the first line of SECRET_FILE),
lists its points, or restores a disk:

    python reader.py FOLDER SECRET_FILE [SESSION_ID DISK_ID OUT]
"""

import json
import struct
import sys
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import zstandard
from argon2.low_level import Type, hash_secret_raw
from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION = struct.pack("<H", 1)
MAGIC = b"kyanite\0"
MIB = 1 << 20
CHUNK, PAGE, TABLE, OBJECT, RECIPE, MASTER, RING = 1, 2, 3, 4, 5, 6, 7  # purposes in nonces
POINT, VOID, MOVES = 3, 4, 9  # kinds of what stands under points/
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
Number = tuple[bytes, int]  # of a pack: session and ordinal


class Broken(Exception):
    """The repository is not what the format says, or the key is not one of its keys."""


def must(condition: object, why: str) -> None:
    if not condition:
        raise Broken(why)


def derive(key: bytes, label: str, context: bytes) -> bytes:
    name = label.encode()
    return blake3(bytes([len(name)]) + name + context, key=key).digest()


def unseal(key: bytes, purpose: int, number: int, sealed: bytes, bound: bytes) -> bytes:
    must(len(sealed) >= 16, "too short for a tag")
    try:
        return AESGCM(key).decrypt(struct.pack("<IQ", purpose, number), sealed, bound)
    except InvalidTag:
        raise Broken("a tag does not match") from None


def decode(codec: int, coded: bytes, most: int) -> bytes:
    """The plain bytes of coded ones; never more than `most`."""
    if codec == 1:
        try:
            size = zstandard.frame_content_size(coded)
            must(0 <= size <= most, "a frame without a size in bounds")
            plain = zstandard.ZstdDecompressor().decompress(coded)
        except zstandard.ZstdError as error:
            raise Broken(f"not a zstd frame: {error}") from None
        must(len(plain) == size, "a frame that lies about its size")
        return plain
    must(codec == 0 and len(coded) <= most, "an unknown codec, or too long")
    return coded


class Bytes:
    """Takes fields one behind the other."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, length: int) -> bytes:
        must(0 <= length <= len(self.data) - self.at, "an object ends too early")
        self.at += length
        return self.data[self.at - length : self.at]

    def fields(self, layout: str) -> tuple[Any, ...]:
        return struct.unpack("<" + layout, self.take(struct.calcsize("<" + layout)))

    def start(self, magic: bytes, layout: str) -> tuple[Any, ...]:
        must(self.take(8) == magic, f"no {magic!r}")
        must(self.take(2) == VERSION, "a version that this reader does not know")
        return self.fields(layout)


class Keys(NamedTuple):
    id_key: bytes
    maintenance: bytes
    epochs: dict[int, bytes]

    def session_root(self, session: bytes, epoch: int) -> bytes:
        must(epoch in self.epochs, f"no secret of epoch {epoch}")
        return derive(self.epochs[epoch], "session", session)


def recovery_key(printed: str) -> bytes | None:
    """The key in a printed recovery key; None if this is no such key."""
    code = "".join(printed.upper().split()).replace("-", "")
    letters = code[3:].replace("O", "0").replace("I", "1").replace("L", "1")
    if code[:3] != "KYR" or len(letters) != 56 or not set(letters) <= set(CROCKFORD):
        return None
    number = sum(CROCKFORD.index(c) << 5 * n for n, c in enumerate(reversed(letters)))
    whole = number.to_bytes(35, "big")
    return whole[:32] if blake3(b"KYR" + whole[:32]).digest()[:3] == whole[32:] else None


def slot_master(data: bytes, repository_id: bytes, secret: str) -> bytes:
    """The master key, if this slot is one of the password or recovery key."""
    slot, recovery = Bytes(data), recovery_key(secret)
    kind, memory, passes, lanes, _epoch = slot.start(b"kyn-slot", "HIIII")
    repository, slot_id, _ring, salt, commitment = slot.fields("16s16s16s32s32s")
    must(repository == repository_id and (kind == 1 or recovery), "not this slot")
    if kind == 1:
        must(8192 <= memory <= 262144 and 1 <= passes <= 16 and 1 <= lanes <= 16, "bad costs")
        text = unicodedata.normalize("NFC", secret).encode()
        both = hash_secret_raw(text, salt, passes, memory, lanes, 64, Type.ID)
        wrapping, committing = both[:32], both[32:]
    elif recovery:
        wrapping, committing = derive(recovery, "slot wrapping", salt), recovery
    must(derive(committing, "slot commitment", slot_id) == commitment, "another's slot")
    return unseal(wrapping, MASTER, 0, data[252:], data[:108])


def ring_mac_is_right(data: bytes, epoch_0: bytes, repository_id: bytes) -> bool:
    key = derive(epoch_0, "rings", repository_id)
    return bool(blake3(data[:-32], key=key).digest() == data[-32:])


def open_ring(data: bytes, master: bytes, repository_id: bytes) -> Keys:
    ring = Bytes(data[:-32])
    reserved, epoch, repository, ring_id, salt = ring.start(b"kyn-ring", "HI16s16s16s")
    right_id = derive(master, "ring id", repository_id + struct.pack("<I", epoch))[:16]
    must((reserved, repository, ring_id) == (0, repository_id, right_id), "a foreign ring")
    key = derive(master, "ring", repository_id + salt)
    plain = Bytes(unseal(key, RING, 0, data[64:-32], data[:64]))
    id_key, _cut_key, maintenance = plain.fields("32s32s32s")
    epochs = {}
    while plain.at < len(plain.data):
        number, secret = plain.fields("I32s")
        epochs[number] = secret
    must({0, epoch} <= set(epochs), "a ring without its epochs")
    must(ring_mac_is_right(data, epochs[0], repository_id), "a ring with a wrong MAC")
    return Keys(id_key, maintenance, epochs)


class Pack(NamedTuple):
    session: bytes
    pack_id: bytes
    epoch: int

    @property
    def name(self) -> str:
        return f"packs/{UUID(bytes=self.session)}/{self.pack_id.hex()}"

    @property
    def number(self) -> Number:
        return self.session, int.from_bytes(self.pack_id[:4], "little")


Place = tuple[Pack, int, int, int, int]  # offset, stored length, type, codec


class Point(NamedTuple):
    session_id: str
    structure: dict[str, Any]
    recipe: bytes


class Repository:
    def __init__(self, folder: Path, secret: str) -> None:
        self.folder = folder
        data = self._get("repository")
        head = Bytes(data)
        reserved, length, self.id = head.start(b"kyn-repo", "HI16s")
        must(reserved == 0 and length + 64 == len(data) <= 65600, "settings out of bounds")
        self.keys = self._open(secret)
        key = derive(self.keys.maintenance, "settings", self.id)
        must(blake3(data[:-32], key=key).digest() == data[-32:], "`repository` was changed")
        self._places: dict[bytes, list[Place]] = {}
        self._tables: dict[bytes, list[Place]] = {}
        self._entry = lru_cache(maxsize=16)(self._read_entry)

    def _get(self, name: str, offset: int = 0, length: int = -1) -> bytes:
        with self.folder.joinpath(name).open("rb") as file:
            file.seek(offset)
            return file.read(length)

    def _has(self, name: str) -> bool:
        return self.folder.joinpath(name).is_file()

    def _list(self, prefix: str) -> list[str]:
        found = self.folder.joinpath(prefix).rglob("*")
        return sorted(file.relative_to(self.folder).as_posix() for file in found if file.is_file())

    def _open(self, secret: str) -> Keys:
        slots = [self._get(name) for name in self._list("keys")]
        rings = {
            int(name[-8:], 16): self._get(name) for name in self._list(f"rings/{self.id.hex()}")
        }
        must(len(slots) <= 64 and len(rings) <= 64, "too many slots or rings")
        for slot in sorted(slots, key=lambda slot: slot[24:28][::-1], reverse=True):
            epoch = int.from_bytes(slot[24:28], "little")
            if epoch not in rings:
                continue  # a slot counts only while its ring exists ...
            try:
                keys = open_ring(rings[epoch], slot_master(slot, self.id, secret), self.id)
            except Broken:
                continue  # what does not authenticate is passed over while something else opens
            later = [data for number, data in rings.items() if number > epoch]
            if not any(ring_mac_is_right(data, keys.epochs[0], self.id) for data in later):
                return keys  # ... and no later ring does whose MAC is right
        raise Broken("no slot opens with this password or recovery key")

    def _sealed(self, name: str, kinds: tuple[int, ...]) -> tuple[int, bytes]:
        """Kind and plain body of a sealed object."""
        data = self._get(name)
        head = Bytes(data)
        kind, codec, zero, repository, salt, size, length = head.start(MAGIC, "HHH16s16sQQ")
        must(zero == 0 and repository == self.id and kind in kinds, f"{name} is another object")
        must(size <= 64 * MIB and length == len(data) - 64, f"{name}: a length out of bounds")
        key = derive(self.keys.maintenance, "object", struct.pack("<H", kind) + salt)
        plain = decode(codec, unseal(key, OBJECT, 0, data[64:], data[:64] + name.encode()), size)
        must(len(plain) == size, f"{name} is not as long as it says")
        return kind, plain

    def points(self) -> list[Point]:
        """The points that count: those whose session object exists."""
        names = [name.removeprefix("points/") for name in self._list("points")]
        found = [self._point(name) for name in names if self._has(f"sessions/{name}")]
        return [point for point in found if point]

    def _point(self, session_id: str) -> Point | None:
        kind, plain = self._sealed(f"points/{session_id}", (POINT, VOID, MOVES))
        if kind != POINT:
            return None
        body, session = json.loads(plain), UUID(session_id).bytes
        text, recipe = body["structure"].encode(), bytes.fromhex(body["recipe"])
        structure = json.loads(text)
        must(structure["session_id"] == session_id, "a point under a foreign name")
        codec, plain_length = struct.unpack("<BQ", recipe[16:25])
        must(plain_length <= 64 * MIB, "a recipe that is too long")
        key = derive(self.keys.session_root(session, structure["epoch"]), "recipe", recipe[:16])
        bound = VERSION + self.id + session + recipe[:25] + blake3(text).digest()
        coded = unseal(key, RECIPE, 0, recipe[25:], bound)
        return Point(session_id, structure, decode(codec, coded, plain_length))

    def _copies(self, entry_id: bytes, pack: Number) -> Iterator[Place]:
        """Where an entry is: first the copy that was named; last, without the index."""
        if not self._places:
            for name in [name for name in self._list("index") if "." not in name]:
                self._read_segment(name, self._places)
        found = self._places.get(entry_id[:16], [])
        yield from sorted(found, key=lambda place: place[0].number != pack)
        if not self._tables:
            for name in self._list("packs"):
                self._read_table(name, self._tables)
        yield from self._tables.get(entry_id, [])

    def _read_segment(self, name: str, places: dict[bytes, list[Place]]) -> None:
        head = Bytes(self._get(name))
        header = head.data[:64]
        part_bits, zero, pack_count, gone_count = head.start(b"kyn-indx", "BBII")
        zero_2, zero_3, repository, salt = head.fields("IQ16s16s")
        must(zero == zero_2 == zero_3 == 0 and repository == self.id, f"{name} is another object")
        must(part_bits <= 12 and pack_count <= 1 << 26 and gone_count <= 1 << 20, "out of bounds")
        parts = [f"{name}.{part:03x}" for part in range(1 << part_bits) if part_bits]
        if not all(map(self._has, parts)):
            return  # a segment counts only if all its parts are there
        key = derive(self.keys.maintenance, "object", struct.pack("<H", 2) + salt)

        def piece(source: Bytes, length: int, area: int, part: int, place: int) -> bytes:
            number = area << 48 | part << 32 | place
            return unseal(key, OBJECT, number, source.take(length + 16), header + name.encode())

        directory = Bytes(piece(head, (4 << part_bits) + 32 * gone_count, 0, 0, 0))
        packs: list[Pack] = []
        for block in range((pack_count + 63) // 64):
            rows = piece(head, 40 * min(64, pack_count - 64 * block), 1, 0, block)
            packs += (Pack(s, p, epoch) for s, p, _, epoch in struct.iter_unpack("<16s16sII", rows))
        for part, count in enumerate(directory.fields(f"{1 << part_bits}I")):
            must(count <= 9_600_000, f"{name} has too many records")
            source = Bytes(self._get(parts[part])) if parts else head
            must(not parts or source.take(64) == header, f"{name} and a part do not agree")
            buckets = 1
            while count > 128 * buckets:
                buckets *= 2
            for bucket, records in enumerate(
                struct.unpack(f"<{buckets}H", piece(source, 2 * buckets, 2, part, 0))
            ):
                data = piece(source, 27 * records, 3, part, bucket)
                for prefix, row, bits in struct.iter_unpack("<16sI7s", data):
                    must(row < pack_count, f"{name} names a pack that it does not have")
                    at = int.from_bytes(bits, "little")
                    where = at & (1 << 26) - 1, at >> 26 & (1 << 23) - 1, at >> 49 & 3, at >> 51 & 3
                    places.setdefault(prefix, []).append((packs[row], *where))
            must(source.at == len(source.data), f"{name} goes on behind its end")

    def _read_table(self, name: str, places: dict[bytes, list[Place]]) -> None:
        data = Bytes(self._get(name))
        reserved, epoch, repository, session, pack_id = data.start(b"kyn-pack", "HI16s16s16s")
        pack = Pack(session, pack_id, epoch)
        must(reserved == 0 and repository == self.id and pack.name == name, f"{name} is another")
        offset, length, count, digest, zero, magic = struct.unpack("<IIQ32sQ8s", data.data[-64:])
        must(magic == b"kyn-pend" and zero == 0, f"{name} has no end")
        must(offset >= 64 and offset + length + 64 == len(data.data), f"{name} has no table")
        head, sealed = data.data[:64], data.data[offset:-64]
        must(blake3(head + sealed + data.data[-64:-48]).digest() == digest, f"{name} is damaged")
        key = derive(self.keys.maintenance, "pack structure", pack_id)
        table = unseal(key, TABLE, 0, sealed, head)
        must(len(table) == 44 * count, f"{name} has a table of another length")
        for entry_id, stored, _, kind, codec, _ in struct.iter_unpack("<32sIIBBH", table):
            places.setdefault(entry_id, []).append((pack, data.at, stored, kind, codec))
            data.take(stored)
        must(data.at == offset, f"{name}: entries and table do not meet")

    def _read_entry(self, entry_id: bytes, pack: Number, kind: int, most: int) -> bytes:
        id_key = self.keys.id_key if kind == CHUNK else derive(self.keys.id_key, "page ids", b"")
        for at, offset, length, _type, codec in self._copies(entry_id, pack):
            key = derive(self.keys.maintenance, "pack structure", at.pack_id)
            if kind == CHUNK:
                key = derive(self.keys.session_root(at.session, at.epoch), "pack", at.pack_id)
            bound = VERSION + self.id + at.pack_id + struct.pack("<I", offset) + entry_id
            try:
                sealed = self._get(at.name, offset, length)
                coded = unseal(key, kind, offset, sealed, bound + bytes([kind, codec]))
                plain = decode(codec, coded, most)
            except (OSError, Broken):
                continue  # the next copy
            if blake3(plain, key=id_key).digest() == entry_id:
                return plain
        raise Broken(f"no good copy of {entry_id.hex()}")

    @staticmethod
    def _page_head(data: bytes) -> tuple[Bytes, int, list[Number]]:
        page = Bytes(data)
        count, pack_count = page.fields("II")
        return page, count, [(page.take(16), page.fields("I")[0]) for _ in range(pack_count)]

    def _leaves(self, inner: bytes) -> Iterator[tuple[bytes, Number] | None]:
        page, count, packs = self._page_head(inner)
        ids = [page.take(32) for _ in range(count)]
        yield from ((i, packs[page.fields("H")[0]]) if any(i) else None for i in ids)

    def _entries(self, leaf: bytes) -> Iterator[tuple[int, tuple[bytes, Number] | None]]:
        """Length, and id and pack of a chunk or None for zeros, in order."""
        page, count, packs = self._page_head(leaf)
        words = page.fields(f"{count}I")
        owners = iter(page.fields(f"{sum(word >> 31 == 0 for word in words)}H"))
        for word in words:
            yield word & 0x7FFF_FFFF, None if word >> 31 else (page.take(32), packs[next(owners)])

    def restore(self, point: Point, disk_id: str, write: Callable[[int, bytes], object]) -> int:
        """Give every byte of a disk that is not a hole to `write(offset, bytes)`; its size."""
        disk = next(disk for disk in point.structure["disks"] if disk["disk_id"] == disk_id)
        size, span, fanout = disk["size_bytes"], disk["page_span_bytes"], disk["inner_fanout"]
        for position, inner in enumerate(disk["inner"]):
            if not inner:
                continue
            pack = UUID(inner[1]).bytes, inner[2]
            page = self._entry(bytes.fromhex(inner[0]), pack, PAGE, 4 * MIB)
            for number, leaf in enumerate(self._leaves(page), position * fanout):
                if leaf is None:
                    continue
                at, end = number * span, min((number + 1) * span, size)
                for length, chunk in self._entries(self._entry(*leaf, PAGE, 4 * MIB)):
                    must(at + length <= end, "an entry does not fit into its span")
                    if chunk:
                        plain = self._entry(*chunk, CHUNK, length)
                        must(len(plain) == length, "a chunk of another length")
                        write(at, plain)
                    at += length
                must(at == end, "a page does not fill its span")
        return int(size)


def main(folder: str, secret_file: str, *what: str) -> None:
    repository = Repository(Path(folder), Path(secret_file).read_text().splitlines()[0])
    points = {point.session_id: point for point in repository.points()}
    if what:
        must(what[0] in points, f"no point {what[0]}")
        with Path(what[2]).open("xb") as out:
            write = lambda at, data: (out.seek(at), out.write(data))  # noqa: E731
            out.truncate(repository.restore(points[what[0]], what[1], write))
        return
    for session_id, point in points.items():
        facts = point.structure
        for disk in facts["disks"]:
            print(session_id, facts["created_at"], facts["label"], disk["disk_id"])


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Broken as error:
        sys.exit(f"reader: {error}")
