"""The outer form of a backup: a Zstandard file in blocks that are each sealed by a hash.

Before every compressed frame stands a skippable one with the block's number, its place in the unpacked bytes, its
lengths, and a sha256 over these and the compressed bytes. The list of files has blocks of its own, and an end mark
comes last. ``zstd`` and ``tar --zstd`` skip the
seals (RFC 8878, 3.1.2), while a reader that knows them names every damaged byte, and reads on behind it.
"""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import pyarrow as pa

BLOCK = 2**18  # unpacked bytes of a block at most

_SEAL = struct.Struct("<II4sIQII32s")  # magic, length; kind, number, place, unpacked and packed length, sha256
_MAGIC, _LENGTH = 0x184D2A5E, _SEAL.size - 8
_DATA, _LIST, _END = b"MRbd", b"MRbl", b"MRbe"
_PREFIXES = tuple(struct.pack("<II4s", _MAGIC, _LENGTH, kind) for kind in (_DATA, _LIST, _END))
_MOST_PACKED = BLOCK + 2**16  # what cannot be compressed grows a little


class BlockWriter:
    """Takes bytes, writes sealed blocks; ``sha256`` and ``n_packed`` are of everything written."""

    def __init__(self, stream: BinaryIO) -> None:
        self.n_packed = 0
        self._stream = stream
        self._kind = _DATA
        self._waiting = bytearray()
        self._number = self._place = 0
        self._digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self._waiting += data
        while len(self._waiting) >= BLOCK:
            self._put(BLOCK)
        return len(data)

    def tell(self) -> int:
        return self._place + len(self._waiting)

    def begin_list(self) -> None:
        """What comes from here on is the list of files, which must not share a block with them."""
        self._put(len(self._waiting))
        self._kind = _LIST

    def finish(self) -> None:
        """Write what waits, and the end mark."""
        self._put(len(self._waiting))
        self._seal(_END, 0, b"")

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def _put(self, n_bytes: int) -> None:
        if n_bytes:
            plain = bytes(self._waiting[:n_bytes])
            del self._waiting[:n_bytes]
            self._seal(self._kind, n_bytes, pa.compress(plain, codec="zstd", asbytes=True))

    def _seal(self, kind: bytes, n_plain: int, packed: bytes) -> None:
        digest = _sealed(kind, self._number, self._place, n_plain, packed)
        seal = _SEAL.pack(_MAGIC, _LENGTH, kind, self._number, self._place, n_plain, len(packed), digest)
        for data in (seal, packed):
            self._stream.write(data)
            self._digest.update(data)
            self.n_packed += len(data)
        self._number += 1
        self._place += n_plain


@dataclass(frozen=True)
class Block:
    """A block whose seal holds, at this byte of the file and this place in the unpacked bytes."""

    at: int
    kind: bytes
    number: int
    place: int
    n_plain: int
    packed: bytes

    @property
    def is_list(self) -> bool:
        return self.kind == _LIST

    @property
    def is_end(self) -> bool:
        return self.kind == _END

    @property
    def end(self) -> int:
        """Where in the file the next one begins."""
        return self.at + _SEAL.size + len(self.packed)

    def plain(self) -> bytes:
        return bytes(pa.decompress(self.packed, self.n_plain, codec="zstd", asbytes=True))


@dataclass(frozen=True)
class Damage:
    """Bytes ``at`` to ``end`` of the file that no seal vouches for, and the unpacked ones that are lost with them.

    Empty where whole blocks were taken out; an ``end`` of None: the end mark is missing.
    """

    at: int
    end: int | None
    plain_from: int
    plain_to: int | None

    def __str__(self) -> str:
        if self.end is None:
            return f"damaged or cut off from byte {self.at} on"
        if self.end == self.at:
            return f"blocks are missing at byte {self.at}"
        return f"damaged between byte {self.at} and {self.end}"


def blocks(stream: BinaryIO) -> Iterator[Block | Damage]:
    """Every block that is whole, in order, and between them what is not; nothing but the end mark comes last."""
    at, number, place = 0, 0, 0
    size = stream.seek(0, 2)
    while True:
        found = _next_whole(stream, at, number, size)
        if found is None:
            yield Damage(at, None, place, None)
            return
        if found.at > at or found.number > number:
            yield Damage(at, found.at, place, found.place)
        yield found
        at, number, place = found.end, found.number + 1, found.place + found.n_plain
        if found.is_end:
            break
    if at < size:
        yield Damage(at, size, place, place)


class BrokenStreamError(Exception):
    """The unpacked bytes cannot be read beyond the first damage."""

    def __init__(self, damage: Damage) -> None:
        super().__init__(str(damage))
        self.damage = damage


class BlockReader:
    """The unpacked bytes of a whole file, from its beginning; a file that is not whole raises at its first damage."""

    def __init__(self, stream: BinaryIO) -> None:
        self._blocks = blocks(stream)
        self._rest = b""

    def read(self, n_bytes: int) -> bytes:
        """Up to so many bytes; fewer, or none, at the end.

        Raises:
            BrokenStreamError: here the file is damaged.
        """
        while len(self._rest) < n_bytes:
            more = self._more()
            if not more:
                break
            self._rest += more
        data, self._rest = self._rest[:n_bytes], self._rest[n_bytes:]
        return data

    def _more(self) -> bytes:
        for found in self._blocks:
            if isinstance(found, Damage):
                raise BrokenStreamError(found)
            if not found.is_end:
                return found.plain()
        return b""


def block_at(stream: BinaryIO, at: int) -> Block | None:
    """The block that begins at this byte of the file; None when there is none, or it is not whole."""
    stream.seek(at)
    head = stream.read(_SEAL.size)
    if len(head) < _SEAL.size or not head.startswith(_PREFIXES):
        return None
    _, _, kind, number, place, n_plain, n_packed, digest = _SEAL.unpack(head)
    if n_plain > BLOCK or n_packed > _MOST_PACKED:
        return None
    packed = stream.read(n_packed)
    if len(packed) < n_packed or _sealed(kind, number, place, n_plain, packed) != digest:
        return None
    return Block(at, kind, number, place, n_plain, packed)


def _next_whole(stream: BinaryIO, at: int, number: int, size: int) -> Block | None:
    """The first whole block from ``at`` on that has not been read yet."""
    here = block_at(stream, at)
    if here is not None and here.number >= number:
        return here
    for start in range(at + 1, size, BLOCK):
        stream.seek(start)
        chunk = stream.read(BLOCK + len(_PREFIXES[0]) - 1)
        for place in sorted(place for prefix in _PREFIXES for place in _all_places(chunk, prefix)):
            found = block_at(stream, start + place)
            if found is not None and found.number >= number:
                return found
    return None


def _all_places(chunk: bytes, prefix: bytes) -> Iterator[int]:
    place = chunk.find(prefix)
    while place >= 0:
        yield place
        place = chunk.find(prefix, place + 1)


def _sealed(kind: bytes, number: int, place: int, n_plain: int, packed: bytes) -> bytes:
    digest = hashlib.sha256(struct.pack("<4sIQII", kind, number, place, n_plain, len(packed)))
    digest.update(packed)
    return digest.digest()
