"""HHEM, Vectara's cross-encoder for factual consistency, through transformers.

The model brings its own Python code and reads configuration and tokenizer from a second model, its foundation. Both
are folders here, so nothing is fetched while loading; the code is run only where the setting says that it is trusted.
transformers and torch are imported when a model is loaded.

Source: HHEM-2.1-Open, model card of vectara/hallucination_evaluation_model.
"""

import hashlib
import math
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

from millrace.datasets.canonical import sha256_json
from millrace.errors import BadInputError, NotFoundError, UnavailableError

MODEL_FILES = ("*.json", "*.py", "*.safetensors")
FOUNDATION_FILES = ("*.json", "spiece.model")
_PROBE = ("The mill stands in York.", "The mill is in York.")

Pair = tuple[str, str]
Predict = Callable[[list[Pair]], Any]


class HhemScorer:
    """Implements ``PairScorer``: the probability, in [0, 1], that the first text supports the second.

    Each pair is read alone, because padding it to the length of others changes the last bits of its score; pairs run
    side by side, one thread each. Memory grows with the square of a pair's length.
    """

    def __init__(self, predict: Predict, identity: str) -> None:
        self._predict = predict
        self._identity = identity

    @classmethod
    def load(cls, folder: Path, foundation: Path, *, trust_remote_code: bool) -> Self:
        """Load weights and code from one folder, the foundation's configuration and tokenizer from another.

        Raises:
            BadInputError: the code is not trusted, a file is missing, or what is loaded is no HHEM.
        """
        identity = hhem_identity(folder, foundation)
        if not trust_remote_code:
            raise BadInputError(
                f"the model in {folder} brings its own Python code, which runs with your rights: read it, then set "
                "trust_remote_code to true",
                folder=str(folder),
            )
        scorer = cls(_loaded(folder, foundation), identity)
        scorer._probe(folder)
        return scorer

    @property
    def identity(self) -> str:
        """Weights, code, tokenizer, data type and batching."""
        return self._identity

    def score(self, pairs: Sequence[Pair]) -> list[float]:
        """One number per pair in [0, 1]; equal pairs are read once.

        Raises:
            BadInputError: a score that is not finite, which damaged weights give.
        """
        distinct = list(dict.fromkeys(pairs))
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
            scores = dict(zip(distinct, pool.map(self._score_one, distinct), strict=True))
        return [scores[pair] for pair in pairs]

    def _score_one(self, pair: Pair) -> float:
        score = float(self._predict([pair])[0])
        if not math.isfinite(score):
            raise BadInputError(f"{self._identity} gave the score {score}: its weights are damaged; fetch them again")
        return score

    def _probe(self, folder: Path) -> None:
        """See that it predicts at all. The first call also sets the tokenizer's padding, which threads then share."""
        try:
            score = self._score_one(_PROBE)
        except (AttributeError, TypeError, IndexError, ValueError, RuntimeError) as error:
            raise BadInputError(
                f"the model in {folder} does not predict as HHEM does: {type(error).__name__}: {error}"
            ) from error
        if not 0 <= score <= 1:
            raise BadInputError(f"the model in {folder} gave {score}, which is no probability: it is no HHEM")


def hhem_identity(folder: Path, foundation: Path) -> str:
    """What decides the scores, without loading the model: every file that is read.

    Raises:
        NotFoundError: a folder is not there, or holds no configuration.
    """
    files = [_hashes(folder, MODEL_FILES), _hashes(foundation, FOUNDATION_FILES)]
    return f"hhem@{sha256_json(files)[:12]}/fp32/one-by-one"


def hub_folder(model: str, revision: str, files: Iterable[str]) -> Path:
    """Where a hub's model lies on this machine; fetched unless ``HF_HUB_OFFLINE`` forbids it.

    Raises:
        NotFoundError: no such model or revision, or it is not here and may not be fetched.
        UnavailableError: the hub does not answer.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        return Path(snapshot_download(model, revision=revision, allow_patterns=list(files)))
    except (LocalEntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise NotFoundError(
            f"{model}@{revision} is not on this machine and was not fetched: set HF_HUB_OFFLINE=0 for one run, or "
            "download it yourself and name its folder",
            model=model,
            revision=revision,
        ) from error
    except HfHubHTTPError as error:
        raise UnavailableError(f"the hub did not give {model}@{revision}: {type(error).__name__}") from error


def _loaded(folder: Path, foundation: Path) -> Predict:
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification

    torch.set_num_threads(1)  # as for the embedder: pairs run side by side, and the bytes hang on it
    trusted: dict[str, Any] = {"trust_remote_code": True, "local_files_only": True}
    try:
        config = AutoConfig.from_pretrained(str(folder), **trusted)
        config.foundation = str(foundation)
        model, loading = AutoModelForSequenceClassification.from_pretrained(
            str(folder), config=config, use_safetensors=True, dtype=torch.float32, output_loading_info=True, **trusted
        )
    except (OSError, ValueError, KeyError, AttributeError, ImportError, RuntimeError) as error:
        raise BadInputError(
            f"{folder} cannot be loaded as HHEM: {type(error).__name__}: {error}", folder=str(folder)
        ) from error
    if missing := sorted(loading["missing_keys"]) + sorted(key for key, *_ in loading["mismatched_keys"]):
        raise BadInputError(f"the weights in {folder} lack {missing[:3]}: fetch them again", missing=missing)
    predict: Predict | None = getattr(model.eval(), "predict", None)
    if predict is None:
        raise BadInputError(f"the model in {folder} has no predict: it is no HHEM", folder=str(folder))
    return predict


def _hashes(folder: Path, patterns: Sequence[str]) -> list[tuple[str, str]]:
    if not (folder / "config.json").is_file():
        raise NotFoundError(f"no model in {folder}: config.json is missing", folder=str(folder))
    files = sorted({path for pattern in patterns for path in folder.glob(pattern)})
    return [(path.name, _sha256(path)) for path in files]


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
