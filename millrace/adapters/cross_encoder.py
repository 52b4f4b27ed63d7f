"""A cross-encoder for reranking, through sentence-transformers.

A pair's score must not depend on its company: a pair goes into a batch of exactly 32, filled up with blank ones and
padded to a length that follows from this pair alone. torch is imported when a model is loaded.
"""

import json
import math
import os
import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from millrace.adapters.model_files import content_hash
from millrace.errors import BadInputError, NotFoundError

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

MODEL_FILES = ("*.json", "*.txt", "*.model", "*.safetensors")
BATCH_ROWS = 32
BUCKETS = (32, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048, 4096, 8192)  # tokens
_SCHEME = "threads-1/buckets-1"
_PAIRS_AT_ONCE = 2048  # tokenised together; bounds memory
_BLANK = ("", "")

Pair = tuple[str, str]
DataType = Literal["fp32", "bf16"]


class CrossEncoderScorer:
    """Implements ``PairScorer``: the model's logit for (query, passage); higher is more relevant, with no bounds.

    Safe to share between threads, which take turns. Pairs longer than ``max_tokens`` lose the end of the longer text.
    """

    def __init__(self, model: "CrossEncoder", identity: str, max_tokens: int) -> None:
        self._model = model
        self._identity = identity
        self._buckets = (*(length for length in BUCKETS if length < max_tokens), max_tokens)
        self._lock = threading.Lock()

    @classmethod
    def load(cls, folder: Path, *, max_tokens: int = 512, dtype: DataType = "fp32") -> Self:
        """Load a sequence classification model with one label from a folder; none of its own code is run.

        Raises:
            NotFoundError: no model in the folder.
            BadInputError: a model of another kind, or one that cannot be loaded.
        """
        identity = cross_encoder_identity(folder, max_tokens=max_tokens, dtype=dtype)
        _check_kind(folder)
        model = _loaded(folder, dtype)
        return cls(model, identity, min(max_tokens, _longest(model)))

    @property
    def identity(self) -> str:
        """Weights and tokenizer by content, data type, longest pair and batching."""
        return self._identity

    def score(self, pairs: Sequence[Pair]) -> list[float]:
        """One finite number per pair, in order; equal pairs are read once.

        Raises:
            BadInputError: a score is not finite, as damaged weights give.
        """
        distinct = list(dict.fromkeys(pairs))
        scores: dict[Pair, float] = {}
        with self._lock:
            for start in range(0, len(distinct), _PAIRS_AT_ONCE):
                scores.update(self._compute(distinct[start : start + _PAIRS_AT_ONCE]))
        if not all(map(math.isfinite, scores.values())):
            raise BadInputError(
                "the reranker gave a score that is no number: its weights are damaged; fetch them again"
            )
        return [scores[pair] for pair in pairs]

    def _compute(self, pairs: list[Pair]) -> dict[Pair, float]:
        batches = self._batches(pairs)
        features = (self._tokens([*batch, *[_BLANK] * (BATCH_ROWS - len(batch))], length) for length, batch in batches)
        found: dict[Pair, float] = {}
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
            # The generator runs in this thread alone: the tokenizer is not to be shared.
            for (_, batch), scores in zip(batches, pool.map(self._forward, features), strict=True):
                found.update(zip(batch, scores, strict=False))
        return found

    def _batches(self, pairs: list[Pair]) -> list[tuple[int, list[Pair]]]:
        lengths = self._tokens(pairs, self._buckets[-1], padding=True)["attention_mask"].sum(1).tolist()
        groups: defaultdict[int, list[Pair]] = defaultdict(list)
        for pair, length in zip(pairs, lengths, strict=True):
            groups[self._buckets[bisect_left(self._buckets, length)]].append(pair)
        return [
            (length, group[start : start + BATCH_ROWS])
            for length, group in sorted(groups.items())
            for start in range(0, len(group), BATCH_ROWS)
        ]

    def _tokens(self, pairs: list[Pair], length: int, padding: bool | str = "max_length") -> dict[str, Any]:
        settings = {"text": {"padding": padding, "truncation": "longest_first", "max_length": length}}
        inputs: list[Any] = [*pairs]  # the library's type takes much more than pairs
        return self._model.preprocess(inputs, processing_kwargs=settings)

    def _forward(self, features: dict[str, Any]) -> list[float]:
        import torch

        with torch.inference_mode():
            scores: list[float] = self._model(features)["scores"].float().reshape(-1).tolist()
        return scores


def cross_encoder_identity(folder: Path, *, max_tokens: int = 512, dtype: DataType = "fp32") -> str:
    """What decides the scores, without loading the model.

    Raises:
        NotFoundError: no model in the folder.
    """
    if not (folder / "config.json").is_file():
        raise NotFoundError(f"no model in {folder}: config.json is missing", folder=str(folder))
    return f"cross-encoder@{content_hash(folder, MODEL_FILES)[:12]}/{dtype}/max-{max_tokens}/{_SCHEME}"


def _check_kind(folder: Path) -> None:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        kinds = config.get("architectures") or []
    except (ValueError, AttributeError) as error:
        raise BadInputError(f"{folder / 'config.json'} is no model's configuration: {error}") from error
    # Any other kind would be given a classifier of random weights, with no more than a warning.
    if not any(str(kind).endswith("ForSequenceClassification") for kind in kinds):
        raise BadInputError(f"{folder} has a model of kind {kinds}, not a cross-encoder: choose one made for reranking")


def _loaded(folder: Path, dtype: DataType) -> "CrossEncoder":
    import torch
    from sentence_transformers import CrossEncoder

    torch.set_num_threads(1)  # as for the embedder: batches run side by side, and the bytes hang on it
    kind = torch.bfloat16 if dtype == "bf16" else torch.float32
    try:
        model: CrossEncoder = CrossEncoder(
            str(folder), device="cpu", local_files_only=True, model_kwargs={"dtype": kind, "use_safetensors": True}
        )
    except Exception as error:  # whatever a damaged file makes the libraries raise
        raise BadInputError(f"{folder} cannot be loaded as a cross-encoder: {type(error).__name__}: {error}") from error
    if model.num_labels != 1:
        raise BadInputError(f"the model in {folder} gives {model.num_labels} numbers a pair; a reranker gives one")
    if missing := _missing_head(folder, model):
        raise BadInputError(f"the weights in {folder} lack {missing[:3]}: fetch them again", missing=missing)
    model.eval()
    return model


def _missing_head(folder: Path, model: "CrossEncoder") -> list[str]:
    """Weights of the classifier that no file has: the libraries fill them with random numbers."""
    from safetensors import safe_open

    network: Any = model.transformers_model
    stored: set[str] = set()
    for path in folder.glob("*.safetensors"):
        with safe_open(str(path), framework="pt") as weights:
            stored.update(weights.keys())
    body = f"{network.base_model_prefix}."
    return sorted(name for name in network.state_dict() if not name.startswith(body) and name not in stored)


def _longest(model: "CrossEncoder") -> int:
    """The most tokens that tokenizer and positions allow; a tokenizer without a limit says 1e30."""
    positions = getattr(model.config, "max_position_embeddings", None)
    limits = [limit for limit in (model.max_seq_length, positions) if isinstance(limit, int) and 0 < limit < 1 << 20]
    return min(limits, default=BUCKETS[-1])
