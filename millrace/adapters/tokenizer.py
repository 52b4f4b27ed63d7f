"""Counts tokens: with a model's own tokenizer, or with the packaged one as an estimate of any model's.

``tokenizers`` is imported when a tokenizer is opened.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from millrace.adapters.minilm import SHA256, verified_file
from millrace.adapters.model_files import content_hash
from millrace.errors import BadInputError, NotFoundError

if TYPE_CHECKING:
    from tokenizers import Encoding
    from tokenizers import Tokenizer as Encoder

TOKENIZER_FILES = ("tokenizer.json",)
SAFETY_FACTOR = 1.2
_CHARACTERS_AT_ONCE = 1 << 20  # encoded together; tokens take some hundred bytes each while they are counted
_UNKNOWN = "[UNK]"
_BYTES_OF_UNKNOWN = 2  # per token; large vocabularies cut rare characters and long strings into pieces of 1 to 4


class ModelTokenizer:
    """Implements ``Tokenizer`` with the tokenizer of the model itself; safe to share between threads."""

    def __init__(self, encoder: "Encoder", identity: str) -> None:
        self._encoder = encoder
        self._identity = identity

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read ``tokenizer.json`` of a model's folder.

        Raises:
            NotFoundError: the folder has no such file.
            BadInputError: the file is no tokenizer.
        """
        path = _tokenizer_file(folder)
        return cls(_opened(path), model_tokenizer_identity(folder))

    @property
    def identity(self) -> str:
        """The hash of the tokenizer's file."""
        return self._identity

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text by itself, without those a model adds around it; 0 for an empty one."""
        return [len(encoding) for _, encoding in _encoded(self._encoder, texts)]


class EstimatingTokenizer:
    """Implements ``Tokenizer`` with MiniLM's WordPieces, as an estimate for models whose tokenizer is not at hand.

    The pieces are counted and multiplied by a safety factor. What WordPiece does not know it takes for one piece, be it
    a character or a string of thousands; such a piece counts as one token for every two bytes.
    """

    def __init__(self, encoder: "Encoder", safety_factor: float = SAFETY_FACTOR) -> None:
        self._encoder = encoder
        self._unknown: int | None = encoder.token_to_id(_UNKNOWN)
        self._safety_factor = safety_factor

    @classmethod
    def load(cls, safety_factor: float = SAFETY_FACTOR) -> Self:
        """Open the tokenizer that is packaged with the embedder's weights.

        Raises:
            BadInputError: its file is missing or is not the expected one.
        """
        return cls(_opened(verified_file("tokenizer.json")), safety_factor)

    @property
    def identity(self) -> str:
        """Tokenizer and factor, and that it is an estimate."""
        return estimate_identity(self._safety_factor)

    def count(self, texts: Sequence[str]) -> list[int]:
        """Estimated tokens of each text by itself, rounded up; 0 for an empty one."""
        return [
            math.ceil(self._pieces(text, found) * self._safety_factor) for text, found in _encoded(self._encoder, texts)
        ]

    def _pieces(self, text: str, encoding: "Encoding") -> int:
        ids = encoding.ids
        if self._unknown not in ids:
            return len(ids)
        with_offsets = self._encoder.encode(text, add_special_tokens=False)
        unknown = [
            text[start:end]
            for piece, (start, end) in zip(with_offsets.ids, with_offsets.offsets, strict=True)
            if piece == self._unknown
        ]
        tokens = sum(max(1, math.ceil(len(piece.encode(errors="replace")) / _BYTES_OF_UNKNOWN)) for piece in unknown)
        return len(ids) - len(unknown) + tokens


def model_tokenizer_identity(folder: Path) -> str:
    """What decides the counts of a model's tokenizer, without opening it.

    Raises:
        NotFoundError: the folder has no ``tokenizer.json``.
    """
    _tokenizer_file(folder)
    return f"tokenizer@{content_hash(folder, TOKENIZER_FILES)[:12]}"


def estimate_identity(safety_factor: float = SAFETY_FACTOR) -> str:
    """What decides the estimated counts, without opening the tokenizer."""
    return f"estimate/1 by all-MiniLM-L6-v2@{SHA256['tokenizer.json'][:12]} x {safety_factor:g}"


def _tokenizer_file(folder: Path) -> Path:
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise NotFoundError(
            f"no tokenizer.json in {folder}: name a model's folder that has one; transformers writes it with "
            "AutoTokenizer.from_pretrained(...).save_pretrained(folder)",
            folder=str(folder),
        )
    return path


def _opened(path: Path) -> "Encoder":
    from tokenizers import Tokenizer as Encoder

    try:
        encoder = Encoder.from_file(str(path))
    except Exception as error:  # the library raises bare Exceptions
        raise BadInputError(f"{path} is no tokenizer: {error}", file=str(path)) from error
    encoder.no_padding()
    encoder.no_truncation()
    return encoder


def _encoded(encoder: "Encoder", texts: Sequence[str]) -> Iterator[tuple[str, "Encoding"]]:
    for part in _parts(texts):
        yield from zip(part, encoder.encode_batch_fast(part, add_special_tokens=False), strict=True)


def _parts(texts: Sequence[str]) -> Iterator[list[str]]:
    part: list[str] = []
    size = 0
    for text in texts:
        part.append(text)
        size += len(text)
        if size >= _CHARACTERS_AT_ONCE:
            yield part
            part, size = [], 0
    yield part
