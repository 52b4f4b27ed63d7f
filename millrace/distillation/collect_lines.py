"""Cuts a file at line ends into ranges, and a range into blocks of lines, each with its place and its hash."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from millrace.distillation.stream_rows import MAX_ROW_BYTES
from millrace.errors import NotFoundError

RANGE_BYTES = 32 * 2**20
"""A range ends at the first line end from here on: it is part of a stream's identity, as batches are cut by it."""

_READ_BYTES = 2**20
_BLOCK_BYTES = 8 * 2**20
_CACHED_BYTES = 2**18
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class LineRange:
    """Bytes ``start`` to ``end`` of a file; its first line has the number ``first_line``, from 1."""

    start: int
    end: int
    first_line: int


@dataclass(frozen=True)
class LongLine:
    """A line over ``MAX_ROW_BYTES``: only its hash was kept."""

    number: int
    offset: int
    n_bytes: int
    row_hash: str


@dataclass(frozen=True)
class LineBlock:
    """Whole lines in memory. Line i is ``data[starts[i]:ends[i]]``, without its line end; blank lines are left out.

    Attributes:
        offset: the file's byte at which ``data`` begins.
        numbers: of each line, counted from 1 in the file with the blank ones.
    """

    data: memoryview
    offset: int
    starts: Places
    ends: Places
    numbers: Places

    def __len__(self) -> int:
        return len(self.starts)

    def line(self, index: int) -> bytes:
        """The bytes of one line."""
        return bytes(self.data[self.starts[index] : self.ends[index]])

    def row_hash(self, index: int) -> str:
        """sha256 of the bytes of one line, in hex."""
        return hashlib.sha256(self.line(index)).hexdigest()

    @cached_property
    def row_hashes(self) -> list[str]:
        """sha256 of each line's bytes, in hex."""
        data, sha256 = self.data, hashlib.sha256
        places = zip(self.starts.tolist(), self.ends.tolist(), strict=True)
        return [sha256(data[start:end]).hexdigest() for start, end in places]


def line_ranges(path: Path, range_bytes: int) -> Iterator[LineRange]:
    """The ranges of a file in order; together they hold every line. A byte order mark is in none of them.

    Raises:
        NotFoundError: no such file.
    """
    with open_stream(path) as file:
        start = position = _after_mark(file)
        first_line, n_lines = 1, 0
        while piece := file.read(_READ_BYTES):
            cut = piece.find(b"\n", max(0, start + range_bytes - 1 - position)) + 1
            if position + len(piece) >= start + range_bytes and cut:
                n_lines += _n_line_ends(piece[:cut])
                yield LineRange(start, position + cut, first_line)
                start, position = position + cut, position + cut
                first_line, n_lines = first_line + n_lines, 0
                file.seek(position)
            else:
                n_lines += _n_line_ends(piece)
                position += len(piece)
        if position > start:
            yield LineRange(start, position, first_line)


def open_stream(path: Path) -> BinaryIO:
    """The file, open to read.

    Raises:
        NotFoundError: no such file.
    """
    if not path.is_file():
        raise NotFoundError(f"no file {path.name}", file=path.name)
    return path.open("rb")


def _after_mark(file: BinaryIO) -> int:
    start = len(_BYTE_ORDER_MARK) if file.read(3) == _BYTE_ORDER_MARK else 0
    file.seek(start)
    return start


def _n_line_ends(data: bytes | memoryview) -> int:
    codes = np.frombuffer(data, np.uint8)
    return sum(int(np.count_nonzero(codes[at : at + _CACHED_BYTES] == 0x0A)) for at in _cached(codes))


def places_of(codes: npt.NDArray[np.uint8], code: int, bits: int = 0xFF) -> Places:
    """Where the bytes have this code in these bits, ascending; looked for piece by piece, in the processor's cache."""
    found = [np.flatnonzero(codes[at : at + _CACHED_BYTES] & np.uint8(bits) == code) + at for at in _cached(codes)]
    return np.concatenate([np.zeros(0, np.int64), *found])


def _cached(codes: npt.NDArray[np.uint8]) -> range:
    return range(0, len(codes), _CACHED_BYTES)


def read_blocks(file: BinaryIO, lines: LineRange) -> Iterator[LineBlock | LongLine]:
    """The lines of a range in order, in blocks of a few MiB; a long line is never held in memory."""
    position, number, n_bytes = lines.start, lines.first_line, _BLOCK_BYTES
    while position < lines.end:
        file.seek(position)
        data = file.read(min(n_bytes, lines.end - position))
        if not data:
            return
        cut = len(data) if position + len(data) >= lines.end else data.rfind(b"\n") + 1
        if cut:
            whole = memoryview(data)[:cut]
            yield _block(whole, position, number)
            position, number, n_bytes = position + cut, number + _n_line_ends(whole), _BLOCK_BYTES
        elif len(data) <= MAX_ROW_BYTES:
            n_bytes = 2 * MAX_ROW_BYTES  # the whole line, or enough of it to know that it is too long
        else:
            yield _long_line(file, data, LongLine(number, position, 0, ""), lines.end)
            position, number, n_bytes = file.tell(), number + 1, _BLOCK_BYTES


def _block(data: memoryview, offset: int, number: int) -> LineBlock:
    codes = np.frombuffer(data, np.uint8)
    line_ends = places_of(codes, 0x0A)
    starts = np.concatenate(([0], line_ends + 1))
    ends = np.concatenate((line_ends, [len(data)]))
    has_return = np.zeros(len(ends), np.bool_)  # a carriage return belongs to the line end only before a line feed
    has_return[:-1] = (line_ends > starts[:-1]) & (codes[line_ends - 1] == 0x0D)
    ends = ends - has_return
    keep = ends > starts
    for index in np.flatnonzero(keep)[codes[starts[keep]] != 0x7B]:
        keep[index] = bool(bytes(data[starts[index] : ends[index]]).strip())
    numbers = np.arange(number, number + len(starts))
    return LineBlock(data, offset, starts[keep], ends[keep], numbers[keep])


def _long_line(file: BinaryIO, begun: bytes, place: LongLine, end: int) -> LongLine:
    digest, n_bytes, held = hashlib.sha256(), 0, begun
    while True:
        line_end = held.find(b"\n")
        if line_end >= 0 or file.tell() >= end:
            break
        digest.update(held[:-1])  # the last byte may be half of a line end
        n_bytes += len(held) - 1
        held = held[-1:] + file.read(min(_READ_BYTES, end - file.tell()))
    if line_end >= 0:
        file.seek(line_end + 1 - len(held), 1)
        held = held[:line_end].removesuffix(b"\r")
    digest.update(held)
    return LongLine(place.number, place.offset, n_bytes + len(held), digest.hexdigest())


def line_at(path: Path, offset: int) -> LineBlock | None:
    """The one line that begins at a byte, as a block whose number is not known (1); None where no line begins.

    Raises:
        NotFoundError: no such file.
    """
    with open_stream(path) as file:
        first = _after_mark(file)
        if offset < first:
            return None
        file.seek(max(first, offset - 1))
        if offset > first and file.read(1) != b"\n":
            return None
        data = file.readline(MAX_ROW_BYTES + 2)
    return _block(memoryview(data), offset, 1)
