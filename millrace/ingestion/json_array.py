"""Cuts a JSON array into its elements without holding more than one of them."""

import hashlib
import re
from collections.abc import Iterator
from typing import BinaryIO

from millrace.ingestion.row_bytes import CHUNK_BYTES, RowBytes, UnreadableRow

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_TOKEN = re.compile(rb'\\.?|["\[\]{},]', re.DOTALL)


def is_array(file: BinaryIO) -> bool:
    """Whether the text begins with ``[``; the file is left at its start."""
    head = file.read(CHUNK_BYTES)
    file.seek(0)
    return head.removeprefix(_BYTE_ORDER_MARK).lstrip().startswith(b"[")


def array_elements(file: BinaryIO) -> Iterator[tuple[int, bytes | UnreadableRow]]:
    """The elements with their numbers from 1, not parsed; last an ``UnreadableRow`` when the array does not end well.

    Brackets are counted outside strings, so that a broken element spoils no other unless its brackets or quotes
    don't close.
    """
    scanner = _Scanner()
    for chunk in iter(lambda: file.read(CHUNK_BYTES), b""):
        yield from scanner.scan(chunk)
    yield from scanner.finish()


class _Scanner:
    def __init__(self) -> None:
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
        elif self._trailing:
            digest = hashlib.sha256(b"").hexdigest()
            yield self._number, UnreadableRow(self._number, "not_json", "text after the end of the array", digest)
