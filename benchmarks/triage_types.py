"""Fit the confidence of triage on MTRAG's human ratings, and measure its six types.

    python -m benchmarks.triage_types RESPONSES_HUMAN.jsonl [--write configs/triage_confidence.yaml]

Ratings: groundedness and probabilities of a trace come from coefficients fitted without its task (or conversation), for
ten assignments of groups to five folds. Counts of decisions use each trace's mean groundedness over the ten. Rules and
their bounds were chosen by hand on the same rows.
"""

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import yaml

from benchmarks.fit_groundedness import CASCADE, mean_over_repeats, shown, trace_row
from benchmarks.tables import table
from millrace.adapters.minilm import MiniLmEmbedder
from millrace.datasets.schema import arrow_schema
from millrace.methods.groundedness import measure_traces
from millrace.methods.groundedness_fit import cross_validated_scores
from millrace.records.groundedness import GroundednessScore
from millrace.records.trace import Trace
from millrace.statistics.calibration import brier_score, expected_calibration_error, reliability_bins
from millrace.statistics.intervals import grouped_bootstrap, wilson_interval
from millrace.statistics.roc import roc_auc
from millrace.triage.confidence import MOVES, RatingModel, Target, Term, TriageCalibration, population_rows
from millrace.triage.confidence_fit import cross_validated_probabilities, fit_rating_model
from millrace.triage.decide import first_matches
from millrace.triage.rules import TriageRules, read_triage_rules
from millrace.triage.signals import signals_of

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

CONFIGS = Path(__file__).parents[1] / "configs"
SEEDS = range(10)
DIMENSIONS = list(MOVES.values())
SIGNAL_NAMES = ["groundedness", "answer_overlap"]
FEWEST_LOW = 20  # fewer low ratings than that are no basis for a model
FEWEST_FLAGGED = 5  # a rule that flagged fewer rated traces than that was not judged
TARGETS: dict[Target, list[str]] = {"failure": DIMENSIONS, **{each: [rating] for each, rating in MOVES.items()}}
HEADER = """# How likely people are to rate an answer low, by what triage sees; written by benchmarks/triage_types.py.
# docs/decisions/0008-triage.md tells how it was measured. Raise the version whenever a number changes.
"""
EMPTY = TriageCalibration.model_validate(
    {
        "version": 1,
        "fitted_on": "MTRAG, 276 answers with three ratings each (shared half); groundedness fitted without the task",
        "n_traces": 1,
        "n_groups": 1,
        "low_rating": 2.0,
        "groundedness_source": CASCADE.source,
        "population": [
            {"signal": "status", "op": "eq", "value": "answered"},
            {"signal": "abstains", "op": "eq", "value": False},
            {"signal": "asks_back", "op": "eq", "value": False},
        ],
        "outside": [
            {"signal": "groundedness_reason", "op": "in", "value": ["no_score", "no_claim"]},
            {"signal": "answered_by", "op": "eq", "value": "extractive"},  # it copies, so it is always grounded
        ],
        "rules": [],
        "models": [
            RatingModel(
                target="failure", dimensions=DIMENSIONS, n_low=0, intercept=0, terms=[Term(signal="abstains", weight=0)]
            )
        ],
    }
)


def traces_table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Rows in the form of Trace; only what triage and the scorer read is given."""
    return pa.Table.from_pylist([{"citations": [], "error": None} | row for row in rows], schema=arrow_schema(Trace))


def with_groundedness(traces: pa.Table, scores: Floats, reasons: Sequence[str | None]) -> pa.Table:
    """Signals of the traces with these scores; NaN is no score."""
    rows = [
        {"trace_id": trace_id, "score": None if reason else float(score), "reason": reason, "source": CASCADE.source}
        for trace_id, score, reason in zip(traces.column("trace_id").to_pylist(), scores, reasons, strict=True)
    ]
    known = pa.Table.from_pylist([row | {"sentences": []} for row in rows], schema=arrow_schema(GroundednessScore))
    return signals_of(traces, known)


def measure_ratings(sources: list[dict[str, Any]], embedder: MiniLmEmbedder, rules: TriageRules) -> TriageCalibration:
    """Print everything that is measured on ratings; return the calibration fitted on all of them."""
    traces = traces_table([trace_row(number, source) for number, source in enumerate(sources)])
    ratings = np.array([[np.mean([float(v) for v in s["human"][d].values()]) for d in DIMENSIONS] for s in sources])
    low = {target: (ratings <= 2)[:, [DIMENSIONS.index(d) for d in of]].any(axis=1) for target, of in TARGETS.items()}
    measured = measure_traces(traces, embedder=embedder, model=CASCADE)
    scored = np.array([bool(trace.sentences) for trace in measured])
    reasons = [trace.reason for trace in measured]
    tasks = [source["task_id"] for source in sources]
    by_grouping = {"task": tasks, "conversation": [task.split("<::>")[0] for task in tasks]}
    fitted = EMPTY
    for name, groups in by_grouping.items():
        scores = np.full((len(SEEDS), len(sources)), np.nan)
        scores[:, scored] = cross_validated_scores(
            [trace for trace in measured if trace.sentences],
            (ratings[scored, 0] - 1) / 3,
            [group for group, known in zip(groups, scored, strict=True) if known],
            CASCADE,
            seeds=SEEDS,
        )
        repeats = [with_groundedness(traces, repeat, reasons) for repeat in scores]
        mean = with_groundedness(traces, scores.mean(axis=0), reasons)
        print(f"\n## Ratings, fitted without the {name}: n = {len(sources)}, {len(set(groups))} groups\n")
        print_decisions(mean, low, rules)
        print_probabilities(repeats, mean, low, groups, rules)
        if name == "task":
            fitted = fit_everything(repeats, mean, low, groups, rules)
    return fitted


def decided_types(signals: pa.Table, rules: TriageRules) -> list[str]:
    """The failure type of each row, or ok."""
    types = ["ok" if match < 0 else rules.rules[match].failure_type for match in first_matches(signals, rules)]
    return [str(each) for each in types]


def print_decisions(signals: pa.Table, low: dict[Target, Flags], rules: TriageRules) -> None:
    """The confusion table, and precision and recall of each type against its own rating."""
    types = np.array(decided_types(signals, rules))
    sets = [
        " and ".join(sorted(rating for each, rating in MOVES.items() if low[each][i])) or "none"
        for i in range(len(types))
    ]
    columns = sorted(set(sets), key=lambda name: (name == "none", name))
    counted = Counter(zip(types.tolist(), sets, strict=True))
    order = [*dict.fromkeys([*MOVES, *sorted(set(types) - {"ok"}), "ok"])]
    rows = [
        [each, *(str(counted[each, column]) for column in columns), str(int((types == each).sum()))] for each in order
    ]
    print(table(["triage says", *(f"low: {column}" for column in columns), "all"], rows))
    flagged, lines = types != "ok", []
    for target, people in low.items():
        said = flagged if target == "failure" else types == target
        hits = int((said & people).sum())
        line = [target, ", ".join(TARGETS[target]), shown(wilson_interval(hits, int(said.sum()))), str(int(said.sum()))]
        line += [shown(wilson_interval(hits, int(people.sum()))), str(int(people.sum()))]
        lines.append([*line, shown(wilson_interval(int((flagged & people).sum()), int(people.sum())))])
    header = ["decision", "low on", "precision", "n flagged", "recall", "n low", "low ones flagged as anything"]
    print("\n" + table(header, lines))


def print_probabilities(
    repeats: list[pa.Table], mean: pa.Table, low: dict[Target, Flags], groups: list[str], rules: TriageRules
) -> None:
    """AUC, Brier score and calibration error of each model; the reliability of failures and of confidences."""
    known = population_rows(mean, EMPTY)
    rows = np.flatnonzero(known)
    inside = [group for group, one in zip(groups, known, strict=True) if one]
    lines, by_target = [], {}
    for target, people in low.items():
        truth = people[rows]
        if truth.sum() < FEWEST_LOW:
            lines.append([target, f"{int(truth.sum())} of {len(rows)}", "not fitted", "", "", "", ""])
            continue
        found = cross_validated_probabilities(
            [one.take(rows) for one in repeats], truth, inside, SIGNAL_NAMES, target=target
        )
        by_target[target] = found
        base = np.full(len(rows), truth.mean())
        lines.append(
            [
                target,
                f"{int(truth.sum())} of {len(rows)}",
                grouped_auc(found, truth, inside),
                grouped_auc(
                    np.array([-one.column("groundedness").fill_null(0.0).to_numpy()[rows] for one in repeats]),
                    truth,
                    inside,
                ),
                f"{np.mean([brier_score(p, truth) or 0 for p in found]):.3f}",
                f"{brier_score(base, truth):.3f}",
                f"{np.mean([expected_calibration_error(p, truth, binning='equal_count') or 0 for p in found]):.3f}",
            ]
        )
    header = [
        "probability of",
        "low",
        "AUC",
        "AUC of groundedness alone",
        "Brier",
        "Brier of the base rate",
        "ECE, 10 bins",
    ]
    print("\n" + table(header, lines))
    print_reliability("failure probability", by_target["failure"].mean(axis=0), low["failure"][rows])
    print_confidence(np.array(decided_types(mean, rules))[rows], by_target, {t: p[rows] for t, p in low.items()})


def grouped_auc(scores: Floats, truth: Flags, groups: list[str]) -> str:
    """Mean AUC over the repeats, with the interval from whole groups."""

    def statistic(rows: npt.NDArray[np.intp]) -> float | None:
        return mean_over_repeats(lambda repeat: roc_auc(repeat[rows], truth[rows]).value, scores)

    return shown(grouped_bootstrap(groups, statistic, seed=0, n_resamples=1000))


def print_confidence(types: npt.NDArray[np.str_], found: dict[Target, Floats], low: dict[Target, Flags]) -> None:
    """Whether decisions are right as often as their confidence says."""
    confidence, right = np.full(len(types), np.nan), np.zeros(len(types), dtype=np.bool_)
    for each in sorted(set(types.tolist())):
        rows = types == each
        if each == "ok":
            confidence[rows], right[rows] = 1 - found["failure"].mean(axis=0)[rows], ~low["failure"][rows]
        elif each in found:
            confidence[rows], right[rows] = found[each].mean(axis=0)[rows], low[each][rows]
    known = ~np.isnan(confidence)
    print_reliability("confidence in the decision", confidence[known], right[known])


def print_reliability(name: str, probabilities: Floats, truth: Flags) -> None:
    """Five bins of equal count."""
    bins = reliability_bins(probabilities, truth, n_bins=5, binning="equal_count")
    rows = [
        [
            f"{b.low:.3f} to {b.high:.3f}",
            str(b.n),
            f"{b.mean_probability:.3f}",
            shown(wilson_interval(round(b.share * b.n), b.n)),
        ]
        for b in bins
    ]
    print("\n" + table([name, "n", "mean", "came true"], rows))


def fit_everything(
    repeats: list[pa.Table], mean: pa.Table, low: dict[Target, Flags], groups: list[str], rules: TriageRules
) -> TriageCalibration:
    """The calibration fitted on all rated traces, each with its ten scores that were fitted without it."""
    rows = np.flatnonzero(population_rows(repeats[0], EMPTY))
    signals = pa.concat_tables([one.take(rows) for one in repeats])
    models = []
    for target, people in low.items():
        n_low = int(people[rows].sum())
        if n_low < FEWEST_LOW:
            continue
        repeated = np.tile(people[rows], len(repeats))
        # ten rows a trace count ten times, so the penalty is made ten times as strong
        model = fit_rating_model(
            signals, repeated, SIGNAL_NAMES, target=target, dimensions=TARGETS[target], c=10.0 / len(repeats)
        )
        models.append(rounded(model).model_copy(update={"n_low": n_low}))
    deciding = Counter(match for match in first_matches(mean.take(rows), rules).tolist() if match >= 0)
    judged = [rules.rules[match].id for match in sorted(deciding) if deciding[match] >= FEWEST_FLAGGED]
    changed = {"n_traces": len(rows), "n_groups": len({groups[row] for row in rows}), "rules": judged, "models": models}
    return EMPTY.model_copy(update=changed)


def rounded(model: RatingModel) -> RatingModel:
    """Three decimals: more would claim a precision that the data do not have."""
    terms = [
        term.model_copy(update={"weight": round(term.weight, 3), "when_null": round(term.when_null, 3)})
        for term in model.terms
    ]
    return model.model_copy(update={"intercept": round(model.intercept, 3), "terms": terms})


def main() -> None:
    """Read the arguments, measure, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("responses", type=Path)
    parser.add_argument("--write", type=Path, help="where to write the fitted calibration")
    arguments = parser.parse_args()
    rules = read_triage_rules(CONFIGS / "triage.yaml")
    embedder = MiniLmEmbedder.load()
    fitted = measure_ratings(read_lines(arguments.responses), embedder, rules)
    text = HEADER + yaml.safe_dump(fitted.model_dump(exclude_none=True), sort_keys=False, width=120)
    print("\n" + text)
    if arguments.write:
        arguments.write.write_text(text, encoding="utf-8")


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSONL file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    main()
