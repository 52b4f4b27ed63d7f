"""Collects the bytes of one row, and keeps only their hash when there are too many."""

import hashlib
from dataclasses import dataclass

CHUNK_BYTES = 2**20
MAX_ROW_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """A row that could not even be read: where, why, and the sha256 of its bytes."""

    line: int
    reason: str
    message: str
    row_hash: str


class RowBytes:
    """The bytes of the current row, in memory up to ``MAX_ROW_BYTES``."""

    def __init__(self) -> None:
        self.n_bytes = 0
        self._held = bytearray()
        self._hash: hashlib._Hash | None = None

    def add(self, piece: bytes) -> None:
        """Append a piece; from the limit on it is hashed and forgotten."""
        self.n_bytes += len(piece)
        self._held += piece
        if self.n_bytes > MAX_ROW_BYTES:
            self._hash = self._hash or hashlib.sha256()
            self._hash.update(self._held)
            self._held.clear()

    def take(self, line: int) -> bytes | UnreadableRow:
        """The row so far; the next piece begins a new one."""
        n_bytes, held, digest = self.n_bytes, self._held, self._hash
        self.n_bytes, self._held, self._hash = 0, bytearray(), None
        if digest is None:
            return bytes(held)
        message = f"{n_bytes} bytes; at most {MAX_ROW_BYTES} are read"
        return UnreadableRow(line, "too_long", message, digest.hexdigest())
