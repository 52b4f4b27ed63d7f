"""How often the gate fails a candidate that did not change, and notices one that did; beside the bare rule.

Run: ``python -m benchmarks.gate``. Scores are simulated: the two results of a question are equal in distribution unless
a drop is built in, and share as much as two answers of one model to the same question.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import stats
from threadpoolctl import threadpool_limits

from benchmarks.tables import table
from millrace.monitoring.eval_results import ROWS, EvalResult
from millrace.monitoring.gate import compare
from millrace.monitoring.gate_result import GateConfig
from millrace.statistics.intervals import wilson_interval

Floats = npt.NDArray[np.float64]

SAME_QUESTION = 0.7  # correlation, on the normal scale, of two scores of a question by one metric
SAME_ANSWER = 0.5  # of two metrics of an answer
N_FLIPS = 999
LIMIT = 0.02
SIZES = (20, 50, 200, 1_000)
FAMILIES = (1, 3, 10)
_WORKERS = 2


def _binary(share: float, uniform: Floats) -> Floats:
    return (uniform < share).astype(np.float64)


SCORES: Mapping[str, Callable[[Floats], Floats]] = {
    "skewed in [0, 1], mean .83": lambda uniform: uniform**0.2,  # beta(5, 1)
    "pass or fail, 90 % pass": partial(_binary, 0.9),
    "pass or fail, 99 % pass": partial(_binary, 0.99),
}


class Setting(NamedTuple):
    """What is simulated; ``drop`` is the true relative drop of every metric's mean."""

    score: str
    n_pairs: int
    n_metrics: int
    drop: float


class Shares(NamedTuple):
    """How many of the runs each rule failed, and how many the gate called inconclusive."""

    n_runs: int
    failed: int
    inconclusive: int
    bare: int


def run() -> str:
    """Two Markdown tables: false failures, and drops that are noticed."""
    still = [Setting(score, n, family, 0.0) for score in SCORES for n in SIZES for family in FAMILIES]
    moved = [Setting(score, n, 3, drop) for score in SCORES for n in SIZES for drop in (0.03, 0.05, 0.10)]
    with ProcessPoolExecutor(_WORKERS) as pool:
        counted = dict(zip([*still, *moved], pool.map(measure, [*still, *moved]), strict=True))
    return "\n\n".join(
        [
            f"Nothing changed; share of gates that fail all the same (the aim is at most 5 %). The bare rule fails "
            f"when any metric's mean is more than {LIMIT:.0%} lower.",
            table([*_HEADER[:3], "n", *_HEADER[3:]], [_row(each, counted[each], drop=False) for each in still]),
            "All of 3 metrics truly dropped; share of gates that fail (an inconclusive one fails with `--strict`).",
            table(
                [*_HEADER[:2], "true drop", "n", *_HEADER[3:]], [_row(each, counted[each], drop=True) for each in moved]
            ),
        ]
    )


_HEADER = ["scores", "pairs", "metrics", "gate fails", "inconclusive", "bare 2 % rule fails"]


def measure(setting: Setting) -> Shares:
    """Simulated runs of one setting, each through the gate as the command line calls it."""
    n_runs = 1_000 if not setting.drop and setting.n_pairs * setting.n_metrics <= 2_000 else 400
    random = np.random.default_rng([setting.n_pairs, setting.n_metrics, int(1000 * setting.drop), len(setting.score)])
    failed = inconclusive = bare = 0
    for number in range(n_runs):
        before, after = _scores(setting, random)
        config = GateConfig(n_flips=N_FLIPS, seed=number, max_drop=LIMIT)
        with threadpool_limits(1):
            found = compare(_result(before), _result(after), config)
        failed += found.verdict == "fail"
        inconclusive += found.verdict == "inconclusive"
        bare += bool((after.mean(axis=0) < (1 - LIMIT) * before.mean(axis=0)).any())
    return Shares(n_runs, failed, inconclusive, bare)


def _scores(setting: Setting, random: np.random.Generator) -> tuple[Floats, Floats]:
    """Both sides, shape (n_pairs, n_metrics): normal scores with both correlations, brought to the distribution wanted.

    A drop takes the same share off every score, or of passes turns that share into failures.
    """
    shape = (setting.n_pairs, setting.n_metrics)
    question = _alike(random, shape)
    sides = [
        stats.norm.cdf(SAME_QUESTION**0.5 * question + (1 - SAME_QUESTION) ** 0.5 * _alike(random, shape))
        for _ in range(2)
    ]
    before, after = (SCORES[setting.score](side) for side in sides)
    if setting.drop and setting.score.startswith("pass"):
        return before, after * (random.random(shape) >= setting.drop)
    return before, after * (1 - setting.drop)


def _alike(random: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Standard normal values, of which those of a row have the correlation ``SAME_ANSWER``."""
    shared = random.standard_normal((shape[0], 1))
    return SAME_ANSWER**0.5 * shared + (1 - SAME_ANSWER) ** 0.5 * random.standard_normal(shape)


def _result(values: Floats) -> EvalResult:
    n, n_metrics = values.shape
    keys = [f"q{number:05d}" for number in range(n)]
    columns = {
        "question_key": keys * n_metrics,
        "metric": [f"m{metric}" for metric in range(n_metrics) for _ in keys],
        "status": ["scored"] * values.size,
        "value": values.T.ravel(),
        "reason": [None] * values.size,
        "source": ["judge"] * values.size,
    }
    return EvalResult("simulated", "rows", pa.table(columns, schema=ROWS))


def _row(setting: Setting, found: Shares, *, drop: bool) -> list[str]:
    varied = f"{setting.drop:.0%}" if drop else str(setting.n_metrics)
    shares = [_share(n, found.n_runs) for n in (found.failed, found.inconclusive, found.bare)]
    return [setting.score, str(setting.n_pairs), varied, str(found.n_runs), *shares]


def _share(n: int, n_runs: int) -> str:
    estimate = wilson_interval(n, n_runs)
    assert estimate.mean is not None
    assert estimate.low is not None
    assert estimate.high is not None
    return f"{100 * estimate.mean:.1f} % [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"


if __name__ == "__main__":
    print(run())
