"""Fits the map from MiniLM's word vectors to its vectors of sentences, which near-match decontamination filters by.

Run: ``python -m benchmarks.fit_minilm_words``; it writes ``millrace/adapters/minilm_words.npy``. Fitted to sentences of
HaluEval (MIT), MTRAG and the Prefect docs (both Apache-2.0); the questions of banking77 and clinc150, on which the
filter is measured, are not among them.
"""

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from blocks.embedder import open_embedder
from millrace.adapters.minilm_words import MAP_FILE, MiniLmWords
from millrace.ports import Vectors

SHARED = Path(__file__).parents[2] / "shared" / "data"
N_SENTENCES = 24_000
N_COMPONENTS = 192
RIDGE = 1e-3  # of the mean variance of the word vectors' components
_END = re.compile(r"(?<=[.!?])\s+")
_LENGTHS = range(13, 301)  # characters


def sentences() -> list[str]:
    """Different sentences, the same ones in every run.

    Raises:
        FileNotFoundError: the real data does not lie beside the checkout.
    """
    found = (text.strip()[: _LENGTHS.stop - 1] for text in _texts())
    different = list(dict.fromkeys(text for text in found if len(text) in _LENGTHS))
    random.Random(0).shuffle(different)  # noqa: S311
    return different[:N_SENTENCES]


def _texts() -> Iterator[str]:
    for line in _lines("halueval_general/general_data.jsonl"):
        yield line["user_query"]
        yield from _END.split(line["chatgpt_response"])[:3]
    for path in sorted((SHARED / "prefect_docs").rglob("*.md*")):
        yield from re.split(r"(?<=[.!?])\s+|\n+", path.read_text(encoding="utf-8", errors="ignore"))[:200]
    for line in _lines("mtrag/mtragun_reference.jsonl"):
        for context in line["contexts"][:2]:
            yield from _END.split(context["text"])[:4]


def _lines(name: str) -> Iterator[dict[str, Any]]:
    with (SHARED / name).open(encoding="utf-8") as stream:
        yield from map(json.loads, stream)


def fitted(texts: list[str], vectors: Vectors) -> Vectors:
    """Ridge regression of the vectors on the words' weighted means, cut to its leading components; float16."""
    means = MiniLmWords.load(turn=np.eye(384, dtype=np.float32)).embed(texts).astype(np.float64)
    gram = means.T @ means
    gram[np.diag_indices_from(gram)] += RIDGE * np.trace(gram) / len(gram)
    whole = np.linalg.solve(gram, means.T @ vectors.astype(np.float64))
    _, axes = np.linalg.eigh((means @ whole).T @ (means @ whole))
    return np.asarray(whole @ axes[:, ::-1][:, :N_COMPONENTS], dtype=np.float16)


if __name__ == "__main__":
    chosen = sentences()
    np.save(MAP_FILE, fitted(chosen, open_embedder().embed(chosen)))
    print(f"{MAP_FILE}: {MAP_FILE.stat().st_size} bytes from {len(chosen)} sentences")
