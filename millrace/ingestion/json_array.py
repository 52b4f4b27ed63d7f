"""Cuts a JSON array, alone or as a list inside a document, into its elements without holding more than one of them."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from millrace.ingestion.row_bytes import CHUNK_BYTES, RowBytes, UnreadableRow

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_TOKEN = re.compile(rb'\\.?|["\[\]{},]', re.DOTALL)


_OBJECT_ALONE = re.compile(rb"\s*\{\s*")


def is_array(file: BinaryIO) -> bool:
    """Whether the text begins with ``[``; the file is left at its start."""
    head = file.read(CHUNK_BYTES)
    file.seek(0)
    return head.removeprefix(_BYTE_ORDER_MARK).lstrip().startswith(b"[")


def is_document(file: BinaryIO) -> bool:
    """Whether the text is one object, alone on its line or over several lines; the file is left at its start.

    An object that opens and stays open on the first line is taken for one over several lines.
    """
    first = file.readline(CHUNK_BYTES).removeprefix(_BYTE_ORDER_MARK)
    found = first.lstrip().startswith(b"{")
    if found and not _OBJECT_ALONE.fullmatch(first):
        while first and not first.endswith(b"\n"):
            first = file.readline(CHUNK_BYTES)
        found = not any(piece.strip() for piece in iter(lambda: file.read(CHUNK_BYTES), b""))
    file.seek(0)
    return found


def go_to_list(file: BinaryIO, names: Sequence[str]) -> bool:
    """Whether the document's first field is a list of one of these names; then the file is left at its bracket."""
    head = file.read(CHUNK_BYTES)
    choices = b"|".join(re.escape(name.encode()) for name in names)
    found = re.match(rb'(?:%s)?\s*\{\s*"(?:%s)"\s*:\s*(?=\[)' % (_BYTE_ORDER_MARK, choices), head) if names else None
    file.seek(found.end() if found else 0)
    return found is not None


def array_elements(file: BinaryIO, *, alone: bool = True) -> Iterator[tuple[int, bytes | UnreadableRow]]:
    """The elements with their numbers from 1, not parsed; last an ``UnreadableRow`` when the array does not end well.

    Brackets are counted outside strings, so that a broken element spoils no other unless its brackets or quotes
    don't close. Text after the array is an error only when the array is ``alone``.
    """
    scanner = _Scanner(alone)
    for chunk in iter(lambda: file.read(CHUNK_BYTES), b""):
        yield from scanner.scan(chunk)
    yield from scanner.finish()


class _Scanner:
    def __init__(self, alone: bool) -> None:
        self._alone = alone
        self._element = RowBytes()
        self._number = 1
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self._ended = False
        self._trailing = False

    def scan(self, chunk: bytes) -> Iterator[tuple[int, bytes | UnreadableRow]]:
        start, first = 0, 1 if self._escaped else 0
        self._escaped = False
        for token in _TOKEN.finditer(chunk, first):
            if self._ended:
                break
            self._escaped = token[0] == b"\\"
            if self._separates(token[0]):
                # The opening bracket has nothing before it that belongs to an element.
                opening = token[0] == b"["
                self._element.add(b"" if opening else chunk[start : token.start()])
                start = token.end()
                if not opening:
                    yield self._take()
        self._trailing |= self._ended and bool(chunk[start:].strip())
        if not self._ended:
            self._element.add(chunk[start:])

    def _separates(self, token: bytes) -> bool:
        """Follow one token; whether it stands between elements of the outer array."""
        if token == b'"':
            self._in_string = not self._in_string
        elif self._in_string:
            return False
        elif token in b"[{":
            self._depth += 1
            return self._depth == 1
        elif token in b"]}":
            self._depth -= 1
            self._ended = self._depth == 0
            return self._ended
        return token == b"," and self._depth == 1

    def _take(self) -> tuple[int, bytes | UnreadableRow]:
        number = self._number
        content = self._element.take(number)
        self._number += 1
        return number, content.strip() if isinstance(content, bytes) else content

    def finish(self) -> Iterator[tuple[int, bytes | UnreadableRow]]:
        if not self._ended:
            number, rest = self._take()
            digest = hashlib.sha256(rest).hexdigest() if isinstance(rest, bytes) else rest.row_hash
            yield number, UnreadableRow(number, "truncated", "the file ends inside the array", digest)
        elif self._trailing and self._alone:
            digest = hashlib.sha256(b"").hexdigest()
            yield self._number, UnreadableRow(self._number, "not_json", "text after the end of the array", digest)
