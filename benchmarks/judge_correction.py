"""Shares corrected by people's labels: coverage and width, simulated and on MTRAG with a fifth of it labelled.

Run: ``python -m benchmarks.judge_correction``
"""

import json
from collections.abc import Callable, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.routing_data import SHARED
from benchmarks.tables import table
from millrace.datasets.canonical import sha256_json
from millrace.datasets.schema import table_of
from millrace.evaluation.judge_correction import CorrectionConfig, correct_judges
from millrace.evaluation.people import LabelRules, MetricLabelRule, person_labels
from millrace.records.annotation import Annotation
from millrace.records.evaluation import MetricScore
from millrace.records.report import ReportedEstimate
from millrace.records.trace import HumanRating
from millrace.statistics.intervals import Estimate, wilson_interval
from millrace.statistics.prediction_powered import prediction_powered_mean

Floats = npt.NDArray[np.float64]
Interval = tuple[float, float]
Generator = np.random.Generator

N_SIMULATED = 2_000
N_SEEDS = 500
_LABELS = (20, 50, 100, 200)
_OTHERS = (2, 20)  # for each label
_PREVALENCES = (0.05, 0.2, 0.5, 0.9)
_WAYS = ("people alone", "PPI++, normal interval", "PPI++, ours")


def run(n_simulated: int = N_SIMULATED, n_seeds: int = N_SEEDS) -> str:
    """Two Markdown tables.

    Raises:
        FileNotFoundError: the real data does not lie beside the checkout.
    """
    return f"{simulated(n_simulated)}\n\n{on_mtrag(n_seeds)}"


def _verdict(right: float) -> Callable[[Generator, Floats], Floats]:
    return lambda random, good: np.where(random.random(len(good)) < right, good, 1 - good)


def _lenient(right: float) -> Callable[[Generator, Floats], Floats]:
    return lambda random, good: np.where((good == 1) | (random.random(len(good)) < right), good, 1.0)


def _score(distance: float) -> Callable[[Generator, Floats], Floats]:
    return lambda random, good: 1 / (1 + np.exp(-distance * (good - 0.5) - random.normal(size=len(good))))


JUDGES: dict[str, Callable[[Generator, Floats], Floats]] = {
    "verdict, as by a coin": _verdict(0.5),
    "verdict, 80 % right": _verdict(0.8),
    "verdict, 95 % right": _verdict(0.95),
    "verdict, calls 30 % of bad ones good": _lenient(0.7),
    "score, AUC .80": _score(1.19),
    "score, AUC .95": _score(2.33),
    "verdict, always right": _verdict(1.0),
}


class Outcome(NamedTuple):
    """Of one way in one setting."""

    coverage: float
    width: float


def simulated(n_simulated: int) -> str:
    """Coverage of the true share and mean width by judge and number of labels."""
    rows = []
    for (name, judge), n_labels in product(JUDGES.items(), _LABELS):
        settings = [
            _simulate(judge, n_labels, n_labels * factor, share, n_simulated)
            for factor, share in product(_OTHERS, _PREVALENCES)
        ]
        rows.append([name, str(n_labels), *_told(settings)])
    shares = ", ".join(f"{share:g}" for share in _PREVALENCES)
    head = ["judge", "labels", *(f"{way}: least coverage" for way in _WAYS), *(f"{way}: mean width" for way in _WAYS)]
    return (
        f"Simulated, nominal 95 %, {n_simulated} repetitions of each of {len(_OTHERS) * len(_PREVALENCES)} settings a "
        f"row (true share {shares}; {_OTHERS[0]} or {_OTHERS[1]} other traces for each label); the coverage is that of "
        f"the worst setting, the width the mean of all.\n\n{table(head, rows)}"
    )


def _told(settings: Sequence[Sequence[Outcome]]) -> list[str]:
    by_way = list(zip(*settings, strict=True))
    return [
        *(f"{min(each.coverage for each in way):.3f}" for way in by_way),
        *(f"{np.mean([each.width for each in way]):.3f}" for way in by_way),
    ]


def _simulate(
    judge: Callable[[Generator, Floats], Floats], n_labels: int, n_others: int, share: float, n_simulated: int
) -> list[Outcome]:
    random = np.random.default_rng([n_labels, n_others, int(share * 100)])
    found: list[list[Interval]] = [[] for _ in _WAYS]
    for _ in range(n_simulated):
        good = (random.random(n_labels + n_others) < share).astype(np.float64)
        values = judge(random, good)
        for way, interval in zip(found, _intervals(good[:n_labels], values[:n_labels], values[n_labels:]), strict=True):
            way.append(interval)
    return [_outcome(intervals, share) for intervals in found]


def _outcome(intervals: Sequence[Interval], truth: float) -> Outcome:
    low, high = np.array(intervals).T
    return Outcome(float(((low <= truth) & (truth <= high)).mean()), float((high - low).mean()))


def _intervals(labels: Floats, values: Floats, others: Floats) -> list[Interval]:
    people = wilson_interval(int(labels.sum()), len(labels))
    ours = prediction_powered_mean(labels, values, others).estimate
    return [_ends(people), _as_published(labels, values, others), _ends(ours)]


def _ends(estimate: Estimate | ReportedEstimate) -> Interval:
    if estimate.low is None or estimate.high is None:
        raise ValueError(f"no interval: {estimate.reason}")
    return estimate.low, estimate.high


def _as_published(labels: Floats, values: Floats, others: Floats) -> Interval:
    """The paper's own interval, example 6.1 and algorithm 1, cut to [0, 1]."""
    n, n_others = len(labels), len(others)
    spread = float(np.concatenate([values, others]).var(ddof=1))
    covariance = float(((labels - labels.mean()) * (values - values.mean())).sum()) / (n - 1)
    trust = min(1.0, max(0.0, covariance / spread / (1 + n / n_others))) if spread else 0.0
    mean = float(labels.mean() + trust * (others.mean() - values.mean()))
    variance = (labels - trust * values).var(ddof=1) / n + trust**2 * others.var(ddof=1) / n_others
    half = 1.96 * float(np.sqrt(variance))
    return max(0.0, mean - half), min(1.0, mean + half)


# What MTRAG's people rated, under the names of the metrics that it comes closest to
_RULES = LabelRules(
    metrics={
        name: MetricLabelRule(dimension=dimension, good_from=good_from)
        for name, dimension, good_from in (
            ("faithfulness 3 or more", "faithfulness", 3.0),
            ("faithfulness 4", "faithfulness", 4.0),
            ("completeness 3 or more", "completeness", 3.0),
            ("appropriateness 3 or more", "appropriateness", 3.0),
        )
    }
)
_RECORDED = ("rl_f", "rb_llm", "rb_agg", "Bert-KPrec", "RougeL")


def on_mtrag(n_seeds: int) -> str:
    """Recorded automatic scores as judges, people's majority as truth, a fifth of it labelled at random."""
    scores, truth = _mtrag()
    rows = []
    for metric in _RULES.metrics:
        of_metric = scores.filter(pc.field("metric") == metric)
        rows.extend(_mtrag_rows(of_metric, truth.filter(pc.field("metric") == metric), n_seeds))
    head = ["rated by people", "judge", "answers", "true share", "judge alone", "covers", "mean kappa", "mean tuning"]
    head += [f"{way}: {what}" for way in (_WAYS[0], _WAYS[2]) for what in ("coverage", "mean width")]
    return (
        f"MTRAG's shared half, a fifth of its answers labelled at random, {n_seeds} seeds; the truth is people's "
        "majority over all of them (ties left out). Labels are drawn without replacement, which the intervals do not "
        "count on, so they cover a little more than 95 %. A judge calls an answer good from .5 on.\n\n"
        f"{table(head, rows)}"
    )


def _mtrag() -> tuple[pa.Table, pa.Table]:
    """Scores of every recorded judge for every rule, of the traces that have a majority there; and all labels."""
    lines = (SHARED / "mtrag" / "responses_human.jsonl").read_text(encoding="utf-8").splitlines()
    answers = {f"{row['task_id']}:{row['model']}": row for row in map(json.loads, lines)}
    ratings = [
        HumanRating(trace_id=trace_id, dimension=dimension, annotator=annotator, value=float(value))
        for trace_id, row in answers.items()
        for dimension, given in row["human"].items()
        for annotator, value in given.items()
    ]
    truth = person_labels(table_of(Annotation, []), table_of(HumanRating, ratings), _RULES)
    scores = [
        MetricScore(
            trace_id=trace_id,
            question_key=sha256_json([trace_id]),
            metric=metric,
            tier="model_free",
            status="scored",
            value=min(1.0, max(0.0, float(answers[trace_id]["auto"][judge]))),
            source=judge,
        )
        for trace_id, metric in zip(*(truth.column(name).to_pylist() for name in ("trace_id", "metric")), strict=True)
        for judge in _RECORDED
    ]
    return table_of(MetricScore, scores), truth


def _mtrag_rows(scores: pa.Table, truth: pa.Table, n_seeds: int) -> list[list[str]]:
    n_labels = len(truth) // 5
    config = CorrectionConfig(labels_chosen="at_random")
    runs = [
        correct_judges(scores, truth.take(np.sort(random.choice(len(truth), n_labels, replace=False))), config)
        for random in map(np.random.default_rng, range(n_seeds))
    ]
    share = float(np.mean(truth.column("good").to_numpy(zero_copy_only=False)))
    rows = []
    for found in zip(*runs, strict=True):
        first = found[0]
        naive_low, naive_high = _ends(first.naive)
        people = _outcome([_ends(each.people) for each in found], share)
        ours = _outcome([_ends(each.corrected) for each in found], share)
        rows.append(
            [
                first.metric,
                first.source,
                str(len(truth)),
                f"{share:.3f}",
                f"{first.naive.mean:.3f} [{naive_low:.3f}, {naive_high:.3f}]",
                "yes" if naive_low <= share <= naive_high else "no",
                f"{np.mean([each.kappa.mean for each in found if each.kappa.mean is not None]):.2f}",
                f"{np.mean([each.power_tuning for each in found if each.power_tuning is not None]):.2f}",
                *(f"{number:.3f}" for outcome in (people, ours) for number in outcome),
            ]
        )
    return rows


if __name__ == "__main__":
    print(run())
