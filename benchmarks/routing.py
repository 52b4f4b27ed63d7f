"""Routing against labelled questions: settings chosen on development questions, measured on a test apart from them.

Run: ``python -m benchmarks.routing``. It prints threshold and margin; write them into ``configs/routes.yaml``.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.routing_data import (
    OUT_OF_SCOPE,
    REPOSITORY,
    SHARED,
    Labelled,
    banking77,
    clinc150,
    demo_questions,
    labelled_set,
)
from benchmarks.tables import table
from blocks.embedder import open_embedder
from millrace.answering.routes import RoutingTable
from millrace.answering.routing import Bounds, RoutingConfig, choose_routes, draft_similarities, routing_bounds
from millrace.ports import Embedder
from millrace.records.rules import read_record
from millrace.statistics.intervals import Estimate, wilson_interval

N_NEAREST = (1, 2, 3, 5, 8)
THRESHOLDS = (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)
MARGINS = (0.0, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.15)
N_FOLDS, N_REPEATS = 5, 10
NEAR = 0.8  # cosine to an utterance from which a test question is nearly that utterance
SOURCE_THRESHOLD = 0.15
SOURCE_RIGHT = (4, 5)

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]


class Settings(NamedTuple):
    """What can be chosen."""

    n_nearest: int
    bounds: Bounds

    def __str__(self) -> str:
        return f"{self.n_nearest} nearest, threshold {self.bounds.threshold:.2f}, margin {self.bounds.margin:.2f}"


class Cases:
    """Labelled questions with their similarities to the routes."""

    def __init__(
        self,
        questions: Sequence[Labelled],
        routes: RoutingTable,
        embedder: Embedder,
        frame_weight: float = RoutingConfig().frame_weight,
    ) -> None:
        self.labels = [each.label for each in questions]
        self.texts = [each.draft.question.question for each in questions]
        self.expected = np.array([routes.fallback if label == OUT_OF_SCOPE else label for label in self.labels])
        self._drafts, self._routes, self._embedder = [each.draft for each in questions], routes, embedder
        self._frame_weight = frame_weight
        self._similarities: dict[int, Floats] = {}

    def similarities(self, n_nearest: int) -> Floats:
        """To each kind of the route table."""
        if n_nearest not in self._similarities:
            config = RoutingConfig(n_nearest=n_nearest, frame_weight=self._frame_weight)
            self._similarities[n_nearest] = draft_similarities(self._drafts, self._routes, self._embedder, config)
        return self._similarities[n_nearest]

    def routed(self, settings: Settings) -> list[str]:
        """The route that each question takes."""
        similarities = self.similarities(settings.n_nearest)
        chosen = choose_routes(similarities, self._routes.kinds, bounds=settings.bounds, fallback=self._routes.fallback)
        return [choice.route for choice in chosen]

    def right(self, settings: Settings) -> Flags:
        """Whether each question takes its route; one out of scope should take the fallback."""
        return np.array(self.expected == np.array(self.routed(settings)))


def run() -> str:
    """Markdown: what was chosen and how sure that is, the test by route, its confusion, and real questions."""
    routes, embedder = read_record(REPOSITORY / "configs" / "routes.yaml", RoutingTable), open_embedder()
    config = RoutingConfig()
    shipped = Settings(config.n_nearest, routing_bounds(routes, embedder.identity, config))
    test = Cases(labelled_set("test"), routes, embedder)
    parts = [
        _chosen({name: Cases(each, routes, embedder) for name, each in _development().items()}, shipped),
        _by_route(test, Cases(labelled_set("test"), routes, embedder, 0.0), routes, shipped),
        _confusion(test, routes, shipped),
        _real({name: Cases(each, routes, embedder) for name, each in _real_tests().items()}, routes, shipped),
    ]
    return "\n\n".join(parts)


def _development() -> dict[str, list[Labelled]]:
    sets = {"labelled development questions": labelled_set("development"), "demo questions": demo_questions()}
    if SHARED.exists():
        sets["clinc150 val, every third"] = clinc150("val")[::3]
        sets["banking77 train, every fifteenth"] = banking77("train")[::15]
    return sets


def _real_tests() -> dict[str, list[Labelled]]:
    if not SHARED.exists():
        return {}
    return {
        "banking77 test, all for the documents": banking77("test"),
        "clinc150 test, intents that a description decides": clinc150("test"),
        "clinc150 test, outside its own intents": clinc150("oos_test"),
    }


def best(grid: Mapping[Settings, Flags], weights: Floats) -> Settings:
    """The settings that route most of the weight rightly; of equal ones the most cautious."""
    return max(grid, key=lambda each: (round(float(grid[each] @ weights), 9), each.bounds, -each.n_nearest))


def _chosen(sets: Mapping[str, Cases], shipped: Settings) -> str:
    options = [Settings(n, Bounds(t, m)) for n, t, m in product(N_NEAREST, THRESHOLDS, MARGINS)]
    grid = {each: np.concatenate([cases.right(each) for cases in sets.values()]) for each in options}
    # every set counts the same, however long
    weights = np.concatenate([np.full(len(cases.labels), 1 / len(cases.labels) / len(sets)) for cases in sets.values()])
    labels = [f"{name}/{label}" for name, cases in sets.items() for label in cases.labels]
    whole = best(grid, weights)
    held = [_held_out(grid, weights, _folds(labels, seed)) for seed in range(N_REPEATS)]
    text = (
        f"Chosen: {whole}; shipped: {shipped}. Chosen without the fifth that is measured: "
        f"{np.mean(held):.3f} ({min(held):.3f} to {max(held):.3f}) right, mean of the sets, {N_REPEATS} divisions."
    )
    rows = [[name, str(len(cases.labels)), _share(cases.right(shipped))] for name, cases in sets.items()]
    return text + "\n\n" + table(["chosen on", "n", "right as shipped"], rows)


def _folds(labels: Sequence[str], seed: int) -> list[Rows]:
    """Each label spread evenly over the folds."""
    generator = np.random.default_rng(seed)
    fold, known = np.empty(len(labels), dtype=np.intp), np.array(labels)
    for label in sorted(set(labels)):
        rows = generator.permutation(np.flatnonzero(known == label))
        fold[rows] = np.arange(len(rows)) % N_FOLDS
    return [np.flatnonzero(fold == each) for each in range(N_FOLDS)]


def _held_out(grid: Mapping[Settings, Flags], weights: Floats, folds: Sequence[Rows]) -> float:
    found = 0.0
    for part in folds:
        others = weights.copy()
        others[part] = 0.0
        found += float(grid[best(grid, others)][part] @ weights[part])
    return found


def _by_route(cases: Cases, frameless: Cases, routes: RoutingTable, shipped: Settings) -> str:
    nearest = frameless.similarities(1).max(axis=1)
    right = cases.right(shipped)
    source = cases.right(Settings(shipped.n_nearest, Bounds(SOURCE_THRESHOLD, 0.0)))
    rows = []
    for name in ["all", *dict.fromkeys(cases.labels)]:
        of_route = np.array([name in ("all", label) for label in cases.labels])
        far = of_route & (nearest < NEAR)
        rows.append(
            [
                name.replace("_", " "),
                str(int(of_route.sum())),
                _share(right[of_route]),
                f"{_share(right[far])} of {int(far.sum())}",
                _share(frameless.right(shipped)[of_route]),
                _share(source[of_route]),
            ]
        )
    away = np.array(cases.routed(shipped)) != routes.fallback
    text = (
        f"Of {int(away.sum())} test questions that leave the fallback, {_share(right[away])} do so rightly. The source "
        f"reports 4 of 5: {_shown(wilson_interval(*SOURCE_RIGHT))}."
    )
    near, low = f"no utterance nearer than {NEAR}", f"threshold {SOURCE_THRESHOLD}, no margin"
    header = ["test questions", "n", "right", near, "without frames", low]
    return table(header, rows) + "\n\n" + text


def _confusion(cases: Cases, routes: RoutingTable, shipped: Settings) -> str:
    pairs = Counter(zip(cases.labels, cases.routed(shipped), strict=True))
    rows = [[label, *(str(pairs[label, name]) for name in routes.names)] for label in dict.fromkeys(cases.labels)]
    return table(["should be, taken", *routes.names], rows)


def _real(sets: Mapping[str, Cases], routes: RoutingTable, shipped: Settings) -> str:
    rows = []
    for name, cases in sets.items():
        right, routed, labels = cases.right(shipped), np.array(cases.routed(shipped)), np.array(cases.labels)
        kinds = list(dict.fromkeys(cases.labels))
        groups = [(name, np.ones(len(labels), dtype=np.bool_))]
        groups += [(f"... {kind}", labels == kind) for kind in kinds if len(kinds) > 1]
        for title, chosen in groups:
            counts = [str(int((routed[chosen] == each).sum())) for each in routes.names]
            rows.append([title, str(int(chosen.sum())), _share(right[chosen]), *counts])
    return table(["real questions", "n", "right", *routes.names], rows)


def _share(right: Flags) -> str:
    return _shown(wilson_interval(int(right.sum()), len(right)))


def _shown(estimate: Estimate) -> str:
    return "none" if estimate.mean is None else f"{estimate.mean:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


if __name__ == "__main__":
    print(run())
