"""False alarms, power and time of the drift watch on real text: clinc150 by domain, and two releases of documentation.

Run: ``python -m benchmarks.drift``. The reference and quiet days are draws from the same nine domains; on the others a
share of the questions is of the tenth. Texts are drawn without replacement within a run. Everything is seeded.
"""

import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.routing_data import SHARED
from benchmarks.tables import table
from blocks.embedder import open_embedder
from millrace.datasets.schema import arrow_schema
from millrace.monitoring.drift import DriftConfig, watch_drift
from millrace.ports import Vectors
from millrace.records.monitoring import DriftResult, EmbeddingSample
from millrace.statistics.intervals import wilson_interval

Places = npt.NDArray[np.int64]

NEW_DOMAIN = "travel"
SIZES = ((2_000, 500), (500, 100), (100, 30))
N_QUIET, N_MIXED = 100, 25
MIXTURES = (0.1, 0.25, 0.5)
_LEAST_CHARACTERS, _MOST_CHARACTERS = 200, 1_000


def run() -> str:
    """Two Markdown tables: simulated days of questions, and documentation.

    Raises:
        FileNotFoundError: the real data does not lie beside the checkout.
    """
    return f"{_questions()}\n\n{_documentation()}"


def _questions() -> str:
    texts, domains = _clinc150()
    vectors = open_embedder().embed(texts)
    same, other = (np.flatnonzero((domains == NEW_DOMAIN) == new) for new in (False, True))
    rows = [_simulated(vectors, same, other, sizes, mixture) for sizes in SIZES for mixture in (0.0, *MIXTURES)]
    names = ["texts then, now", "new domain", "days", "warning or critical", "critical", "p <= .01"]
    return (
        table([*names, "AUC, mean", "centroid shift, mean", "s a day"], rows)
        + f"\n\nclinc150, {len(same)} questions of nine domains, {len(other)} of {NEW_DOMAIN!r}; MiniLM vectors."
    )


def _clinc150() -> tuple[list[str], npt.NDArray[np.str_]]:
    folder = SHARED / "clinc150"
    domains = json.loads((folder / "domains.json").read_text(encoding="utf-8"))
    domain_of = {intent: domain for domain, intents in domains.items() for intent in intents}
    rows = json.loads((folder / "data_small.json").read_text(encoding="utf-8"))["train"]
    return [text for text, _ in rows], np.array([domain_of[intent] for _, intent in rows])


def _simulated(vectors: Vectors, same: Places, other: Places, sizes: tuple[int, int], mixture: float) -> list[str]:
    n_then, n_now = sizes
    n_days = N_QUIET if mixture == 0 else N_MIXED
    n_new = round(mixture * n_now)
    results, began = [], time.perf_counter()
    for seed in range(n_days):
        random = np.random.default_rng(seed)
        drawn = random.permutation(same)[: n_then + n_now - n_new]
        now = np.concatenate([drawn[n_then:], random.permutation(other)[:n_new]])
        results.append(_watched(vectors[drawn[:n_then]], vectors[now], seed))
    seconds = (time.perf_counter() - began) / n_days
    return [f"{n_then}, {n_now}", f"{mixture:.0%}", str(n_days), *_summary(results), f"{seconds:.2f}"]


def _watched(then: Vectors, now: Vectors, seed: int) -> DriftResult:
    return watch_drift(_samples(then, "then"), _samples(now, "now"), DriftConfig(seed=seed))


def _samples(vectors: Vectors, prefix: str) -> pa.Table:
    rows = [
        {"item_id": f"{prefix}-{row}", "time": None, "vector": vector.tolist()} for row, vector in enumerate(vectors)
    ]
    return pa.Table.from_pylist(rows, schema=arrow_schema(EmbeddingSample))


def _summary(results: Sequence[DriftResult]) -> list[str]:
    found = [result.status in ("warning", "critical") for result in results]
    critical = [result.status == "critical" for result in results]
    proven = [(result.mmd_p_value or 1.0) <= 0.01 for result in results]
    areas = [result.domain_auc.mean for result in results if result.domain_auc is not None]
    shifts = [result.centroid_shift for result in results]
    return [
        *(_share(sum(each), len(results)) for each in (found, critical, proven)),
        f"{np.mean([area for area in areas if area is not None]):.3f}",
        f"{np.mean([shift for shift in shifts if shift is not None]):.3f}",
    ]


def _share(n: int, total: int) -> str:
    found = wilson_interval(n, total)
    return f"{found.mean:.3f} [{found.low:.3f}, {found.high:.3f}]"


def _documentation() -> str:
    old, new = (_paragraphs(SHARED / "prefect_docs" / release) for release in ("2.20.0", "3.0.0"))
    embedder = open_embedder()
    vectors_old, vectors_new = embedder.embed(old), embedder.embed(new)
    halves = np.random.default_rng(0).permutation(len(vectors_new))
    middle = len(halves) // 2
    pairs = {
        "2.20.0 against 3.0.0": (vectors_old, vectors_new),
        "one half of 3.0.0 against the other": (vectors_new[halves[:middle]], vectors_new[halves[middle:]]),
    }
    only_old, only_new = (
        np.array([text not in others for text in texts]) for texts, others in ((old, set(new)), (new, set(old)))
    )
    pairs["what is only in 2.20.0 against what is only in 3.0.0"] = (vectors_old[only_old], vectors_new[only_new])
    rows = [_compared(name, *sides, max_mmd) for name, sides in pairs.items() for max_mmd in (500, 2_000)]
    return table(
        [
            "documentation",
            "passages",
            "in the discrepancy, at most",
            "status",
            "p",
            "AUC",
            "centroid shift",
            "spread change",
        ],
        rows,
    )


def _paragraphs(folder: Path) -> list[str]:
    """Different paragraphs of the Markdown files that are long enough to say something, cut when long."""
    files = sorted([*folder.rglob("*.md"), *folder.rglob("*.mdx")])
    texts = [text.strip() for file in files for text in file.read_text(encoding="utf-8").split("\n\n")]
    return list(dict.fromkeys(text[:_MOST_CHARACTERS] for text in texts if len(text) >= _LEAST_CHARACTERS))


def _compared(name: str, then: Vectors, now: Vectors, max_mmd: int) -> list[str]:
    found = watch_drift(_samples(then, "then"), _samples(now, "now"), DriftConfig(max_mmd=max_mmd))
    area = found.domain_auc
    assert area is not None
    return [
        name,
        f"{found.n_reference}, {found.n_current}",
        str(max_mmd),
        found.status,
        f"{found.mmd_p_value:.3f}",
        f"{area.mean:.3f} [{area.low:.3f}, {area.high:.3f}]",
        f"{found.centroid_shift:.3f}",
        f"{found.spread_change:+.3f}",
    ]


if __name__ == "__main__":
    print(run())
