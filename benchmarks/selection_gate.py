"""How often the gate lets a refitted scorer pass: when the one in use is right, and when it is wrong."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from benchmarks.tables import table
from millrace.methods.groundedness_fit import weights_of
from millrace.methods.groundedness_gate import LabelledCases, RefitConfig, compare
from millrace.statistics.intervals import wilson_interval
from tasks.tables import groundedness_model

Floats = npt.NDArray[np.float64]

N_RUNS = 60
SIZES = (40, 80, 160)
CONFIG = RefitConfig(n_resamples=200)


def gate_table(features: Floats) -> str:
    """Share of runs that publish, by what is true of the labels and by how many there are."""
    header = ["what people say follows", *(f"{size} labels" for size in SIZES)]
    shipped = weights_of(groundedness_model().coefficients)
    rows = [
        [name, *(_published(features, shipped, truth, size) for size in SIZES)]
        for name, truth in _truths(shipped).items()
    ]
    return table(header, rows)


def _truths(shipped: Floats) -> Mapping[str, Floats]:
    stricter = np.array([1.0, 0, 0, 0, 0, 0])
    return {
        "the scorer in use (any publication is a false one)": shipped,
        "the same, but stricter: log odds less 1": shipped - stricter,
        "much stricter: log odds less 2": shipped - 2 * stricter,
        "bigrams alone": np.array([-2.0, 0, 6, 0, 0, 0]),
    }


def _published(features: Floats, shipped: Floats, truth: Floats, size: int) -> str:
    better = sum(_passes(features, shipped, truth, size, seed) for seed in range(N_RUNS))
    share = wilson_interval(better, N_RUNS)
    return f"{share.mean:.2f} [{share.low:.2f}, {share.high:.2f}]"


def _passes(features: Floats, shipped: Floats, truth: Floats, size: int, seed: int) -> bool:
    random = np.random.default_rng(seed)
    drawn = features[random.integers(len(features), size=size)]
    support = (random.random(size) < expit(drawn @ truth)).astype(np.float64)
    cases = LabelledCases(drawn, support, support <= 0.5, [f"{i:04d}" for i in range(size)], np.ones(size, np.bool_))
    return compare(cases, drawn @ shipped, shipped, CONFIG).better
