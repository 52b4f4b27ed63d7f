"""Groups of questions with known intents: Millrace's clusters beside greedy grouping at a cosine of .7.

Run: ``python -m benchmarks.clustering``. Only test questions: the defaults were chosen on the train questions.
"""

import csv
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.metrics import adjusted_rand_score, v_measure_score

from benchmarks.tables import spread, table
from blocks.embedder import open_embedder
from millrace.methods.clustering import ClusteringConfig, cluster_vectors
from millrace.methods.text import normalise_question
from millrace.ports import Vectors
from millrace.triage.grouping import GroupingConfig
from millrace.triage.trend import Past, matched_ids

SHARED = Path(__file__).parents[2] / "shared" / "data"
GREEDY_COSINE = 0.7
N_RUNS = 5
SHARE = 0.8  # of the questions in each run
WEEK_INTENTS, WEEK_QUESTIONS, N_WEEKS = 10, 200, 10
Labels = npt.NDArray[np.int64]


class Questions(NamedTuple):
    """Different questions in alphabetical order of their normal form, with their intents and vectors."""

    intents: npt.NDArray[np.str_]
    vectors: Vectors

    def some(self, rows: Sequence[int] | Labels) -> "Questions":
        """Those of the given rows, in the same order."""
        ordered = np.sort(np.asarray(rows))
        return Questions(self.intents[ordered], self.vectors[ordered])


def run(n_runs: int = N_RUNS, n_weeks: int = N_WEEKS) -> str:
    """Two Markdown tables: groups against intents, and clusters found again in another week.

    Raises:
        FileNotFoundError: the real data does not lie beside the checkout.
    """
    sets = {
        "banking77 test": _questions(_banking77("test")),
        "clinc150 test": _questions(_clinc150("test")),
        "clinc150 test with out-of-scope": _questions([*_clinc150("test"), *_clinc150("oos_test")]),
    }
    rows, again = [], []
    for name, questions in sets.items():
        rows += _rows(name, [_subsample(questions, seed) for seed in range(n_runs)])
        if "out-of-scope" not in name:
            weeks = [_week(questions, seed) for seed in range(n_weeks)]
            rows += _rows(f"{name}: weeks of {WEEK_INTENTS} intents", weeks)
            again.append([name, *_found_again(questions, n_runs)])
    header = ["questions", "runs", "n", "groups by", "groups", "alone or unclustered"]
    header += ["ARI", "ARI, one rest", "V-measure", "V, one rest", "seconds"]
    return "\n\n".join([table(header, rows), _NOTES, table(_AGAIN, again), _AGAIN_NOTES])


_NOTES = f"""Mean (least to most) over runs. A run takes {SHARE:.0%} of the test questions at random; a week takes some
{WEEK_QUESTIONS} questions of {WEEK_INTENTS} intents (sizes by Zipf's law) and a fifth more of any others.
ARI: adjusted Rand index; each unclustered question counts as a group of its own, and under "one rest" all of them
as one group. Greedy grouping leaves nothing unclustered; its groups of one are counted under "alone".
Questions are collapsed by normal form and embedded before; seconds are without that."""
_AGAIN = [
    "questions",
    "clusters in week 1",
    "in week 2",
    "matched",
    "of them same leading intent",
    "intents found again",
]
_AGAIN_NOTES = """Two disjoint halves of the questions as two weeks. "Intents found again": of the intents that lead a \
cluster in both weeks, those with a matched pair of clusters that they lead."""


def greedy_groups(vectors: Vectors, min_cosine: float = GREEDY_COSINE) -> Labels:
    """Each text joins the nearest seed with at least this cosine, or becomes a seed; in the order given."""
    seeds = np.empty(vectors.shape, dtype=np.float64)
    labels = np.empty(len(vectors), dtype=np.int64)
    n_seeds = 0
    for row, vector in enumerate(vectors.astype(np.float64)):
        cosines = seeds[:n_seeds] @ vector
        nearest = int(cosines.argmax()) if n_seeds else -1
        if nearest < 0 or cosines[nearest] < min_cosine:
            nearest, seeds[n_seeds] = n_seeds, vector
            n_seeds += 1
        labels[row] = nearest
    return labels


def millrace_groups(vectors: Vectors) -> Labels:
    """With the defaults; -1 is unclustered."""
    return cluster_vectors(vectors, [1] * len(vectors), ClusteringConfig()).labels


_METHODS: Mapping[str, Callable[[Vectors], Labels]] = {"greedy .7": greedy_groups, "millrace": millrace_groups}


def _rows(name: str, samples: Sequence[Questions]) -> list[list[str]]:
    rows = []
    n = f"{fmean(len(sample.intents) for sample in samples):.0f}"
    for method, groups in _METHODS.items():
        figures = [_measured(sample, groups) for sample in samples]
        rows.append([name, str(len(samples)), n, method, *(spread(column) for column in zip(*figures, strict=True))])
    return rows


def _measured(questions: Questions, groups: Callable[[Vectors], Labels]) -> tuple[float, ...]:
    began = time.perf_counter()
    labels = groups(questions.vectors)
    seconds = time.perf_counter() - began
    alone = np.where(labels < 0, len(labels) + np.arange(len(labels)), labels)
    sizes = np.bincount(labels[labels >= 0], minlength=1)
    return (
        float(labels.max() + 1),
        float(((labels < 0) | (sizes[np.maximum(labels, 0)] == 1)).mean()),
        adjusted_rand_score(questions.intents, alone),
        adjusted_rand_score(questions.intents, labels),
        v_measure_score(questions.intents, alone),
        v_measure_score(questions.intents, labels),
        seconds,
    )


def _found_again(questions: Questions, n_runs: int) -> list[str]:
    figures = []
    for seed in range(n_runs):
        drawn = np.random.default_rng(seed).permutation(len(questions.intents))
        halves = [questions.some(half) for half in np.array_split(drawn, 2)]
        found = [cluster_vectors(half.vectors, [1] * len(half.intents), ClusteringConfig()) for half in halves]
        leads = [_leading(half.intents, labels) for half, (labels, _) in zip(halves, found, strict=True)]
        names = [str(cluster) for cluster in range(len(leads[0]))]
        facts = {name: {"failure_type": "hallucination"} for name in names}
        past = Past({}, facts, {}, dict(zip(names, found[0].centroids, strict=True)))
        ids = matched_ids("hallucination", found[1].centroids, past, GroupingConfig().match_cosine)
        pairs = [(leads[0][int(known)], lead) for known, lead in zip(ids, leads[1], strict=True) if known is not None]
        same = [lead for before, lead in pairs if before == lead]
        both = set(leads[0]) & set(leads[1])
        figures.append((len(leads[0]), len(leads[1]), len(pairs), len(same) / len(pairs), len(set(same)) / len(both)))
    return [spread(column) for column in zip(*figures, strict=True)]


def _leading(intents: npt.NDArray[np.str_], labels: Labels) -> list[str]:
    """The most frequent intent of each cluster."""
    leading = []
    for label in range(int(labels.max(initial=-1)) + 1):
        names, counts = np.unique(intents[labels == label], return_counts=True)
        leading.append(str(names[counts.argmax()]))
    return leading


def _subsample(questions: Questions, seed: int) -> Questions:
    n = len(questions.intents)
    return questions.some(np.random.default_rng(seed).choice(n, round(n * SHARE), replace=False))


def _week(questions: Questions, seed: int) -> Questions:
    random = np.random.default_rng(seed)
    weights = 1 / np.arange(1, WEEK_INTENTS + 1)
    rows: list[int] = []
    for intent, share in zip(
        random.choice(np.unique(questions.intents), WEEK_INTENTS, replace=False), weights / weights.sum(), strict=True
    ):
        own = np.flatnonzero(questions.intents == intent)
        rows += random.choice(own, min(len(own), max(1, round(WEEK_QUESTIONS * share))), replace=False).tolist()
    others = np.setdiff1d(np.arange(len(questions.intents)), rows)
    return questions.some([*rows, *random.choice(others, WEEK_QUESTIONS // 5, replace=False).tolist()])


def _questions(rows: Sequence[tuple[str, str]]) -> Questions:
    intents: dict[str, str] = {}
    for text, intent in rows:
        intents.setdefault(normalise_question(text), intent)
    normals = sorted(intents)
    return Questions(np.array([intents[normal] for normal in normals]), open_embedder().embed(normals))


def _banking77(part: str) -> list[tuple[str, str]]:
    with (SHARED / "banking77" / f"{part}.csv").open(encoding="utf-8", newline="") as stream:
        return [(row["text"], row["category"]) for row in csv.DictReader(stream)]


def _clinc150(part: str) -> list[tuple[str, str]]:
    rows = json.loads((SHARED / "clinc150" / "data_small.json").read_text(encoding="utf-8"))[part]
    return [(text, intent) for text, intent in rows]


if __name__ == "__main__":
    print(run())
