"""Judges against labels: counts worked by hand, traces without a value, and real rated answers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from millrace.datasets.schema import table_of
from millrace.errors import BadInputError
from millrace.evaluation.judge_correction import CorrectionConfig, correct_judges
from millrace.records.evaluation import MetricScore, PersonLabel, SampledTrace
from millrace.records.monitoring import JudgeCorrection
from millrace.statistics.intervals import wilson_interval
from millrace.statistics.kappa import cohen_kappa
from millrace.statistics.prediction_powered import prediction_powered_mean

MTRAG = Path(__file__).parents[2].parent / "shared" / "data" / "mtrag" / "responses_human.jsonl"
RANDOM = CorrectionConfig(min_labels=5, labels_chosen="at_random")


def score(trace: object, value: float | None, status: str = "scored", **fields: Any) -> MetricScore:
    known = {
        "trace_id": str(trace),
        "question_key": "0" * 64,
        "metric": "groundedness",
        "tier": "model_free",
        "status": status,
        "value": value,
        "reason": None if value is not None else "because",
        "source": "judge/1",
    }
    return MetricScore.model_validate(known | fields)


def label(trace: object, good: bool, weight: float = 1.0, metric: str = "groundedness") -> PersonLabel:
    return PersonLabel(trace_id=str(trace), metric=metric, good=good, n_people=1, weight=weight)


def corrected(
    scores: list[MetricScore],
    labels: list[PersonLabel],
    config: CorrectionConfig = RANDOM,
    weights: pa.Table | None = None,
) -> list[JudgeCorrection]:
    return correct_judges(table_of(MetricScore, scores), table_of(PersonLabel, labels), config, weights)


# Bad by both 2, by the judge alone 1, by people alone 1, good by both 4; 12 without label, 9 good by the judge
VALUES = [0.1, 0.2, 0.3, 0.9, 0.8, 0.8, 0.9, 0.9]
GOOD = [False, False, True, False, True, True, True, True]
OTHERS = [0.2] * 3 + [0.8] * 9
SCORES = [score(place, value) for place, value in enumerate([*VALUES, *OTHERS])]
LABELS = [label(place, good) for place, good in enumerate(GOOD)]


def test_the_figures_match_a_table_worked_by_hand() -> None:
    (found,) = corrected(SCORES, LABELS)
    assert (found.metric, found.source, found.threshold) == ("groundedness", "judge/1", 0.5)
    assert (found.n_labelled, found.n_scored) == (8, 20)
    assert (found.precision.mean, found.precision.n) == (2 / 3, 3)
    assert (found.recall.mean, found.recall.n) == (2 / 3, 3)
    assert found.precision.low == wilson_interval(2, 3).low
    # observed 6/8, expected 5/8 * 5/8 + 3/8 * 3/8 = 34/64
    assert found.kappa.mean == pytest.approx((48 - 34) / (64 - 34))
    assert (found.naive.mean, found.naive.n, found.naive.low) == (14 / 20, 20, wilson_interval(14, 20).low)
    assert (found.people.mean, found.people.low) == (5 / 8, wilson_interval(5, 8).low)
    alone = prediction_powered_mean(GOOD, VALUES, OTHERS)
    assert (found.corrected.mean, found.corrected.high) == (alone.estimate.mean, alone.estimate.high)
    assert found.power_tuning == alone.power_tuning
    assert (found.labels_chosen, found.caution) == ("at_random", None)


def test_the_calibration_error_has_a_mean_and_says_why_no_interval() -> None:
    # one bin: mean value 4.9 / 8, share of good ones 5 / 8
    (found,) = corrected(SCORES, LABELS, RANDOM.model_copy(update={"n_bins": 1}))
    assert found.calibration_error.mean == pytest.approx(0.1 / 8)
    assert (found.calibration_error.low, found.calibration_error.reason) == (None, "biased_upwards")


def test_the_order_of_rows_does_not_matter() -> None:
    random = np.random.default_rng(0)
    scores = [score(place, float(random.random())) for place in range(300)]
    scores += [score(place, None, "failed") for place in range(300, 320)]
    labels = [label(place, bool(random.random() < 0.5)) for place in range(0, 320, 5)]
    expected = corrected(scores, labels)
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(320)
        assert corrected([scores[place] for place in order], labels[::-1]) == expected


def test_each_metric_has_its_threshold() -> None:
    config = RANDOM.model_copy(update={"thresholds": {"groundedness": 0.85}})
    (found,) = corrected(SCORES, LABELS, config)
    assert (found.threshold, found.naive.mean) == (0.85, 3 / 20)


def test_too_few_labels_leave_what_the_judge_says_alone() -> None:
    (found,) = corrected(SCORES, LABELS, CorrectionConfig())
    told = [found.precision, found.recall, found.kappa, found.calibration_error, found.people, found.corrected]
    assert {(each.mean, each.low, each.reason) for each in told} == {(None, None, "too_few_labels")}
    assert (found.naive.mean, found.power_tuning, found.n_labelled) == (0.7, None, 8)
    assert found.caution == "Too few labels to correct the judge: 8 of the 20 that are needed."


def test_labels_are_not_taken_to_be_drawn_at_random_unless_told() -> None:
    (found,) = corrected(SCORES, LABELS, CorrectionConfig(min_labels=5))
    assert found.labels_chosen == "not_at_random"
    assert found.caution is not None
    assert "not drawn at random" in found.caution


def test_weights_of_labels_tell_how_they_were_drawn() -> None:
    # The four labels of bad verdicts and the rest: weights 1 and 3, share (1 + 4 * 3) / (3 + 5 * 3)
    labels = [label(place, good, weight=1.0 if VALUES[place] < 0.5 else 3.0) for place, good in enumerate(GOOD)]
    (found,) = corrected(SCORES, labels, CorrectionConfig(min_labels=5))
    assert (found.labels_chosen, found.caution) == ("at_random", None)
    assert found.people.mean == pytest.approx(13 / 18)
    assert found.people.method == "weighted_wilson"
    assert found.recall.mean == pytest.approx(2 / 5)  # the one it missed stands for three
    alone = prediction_powered_mean(GOOD, VALUES, OTHERS, weights=[each.weight for each in labels])
    assert found.corrected.mean == alone.estimate.mean


def test_traces_that_stand_for_more_count_for_more() -> None:
    weights = [SampledTrace(trace_id=str(n), stratum="a", weight=1.0 if n < 14 else 4.0) for n in range(20)]
    (found,) = corrected(SCORES, LABELS, weights=table_of(SampledTrace, weights))
    assert found.naive.mean == pytest.approx((5 + 3 + 6 * 4) / (14 + 6 * 4))
    others = [each.weight for each in weights[8:]]
    alone = prediction_powered_mean(GOOD, VALUES, OTHERS, stands_for=([1.0] * 8, others))
    assert (found.corrected.mean, found.corrected.low) == (alone.estimate.mean, alone.estimate.low)
    # where the judge failed, its mean over the window stands for its value
    failed = table_of(SampledTrace, [*weights, SampledTrace(trace_id="f", stratum="a", weight=2.0)])
    (found,) = corrected([*SCORES, score("f", None, "failed")], LABELS, weights=failed)
    middle = float(np.average([*VALUES, *OTHERS], weights=[each.weight for each in weights]))
    alone = prediction_powered_mean(GOOD, VALUES, [*OTHERS, middle], stands_for=([1.0] * 8, [*others, 2.0]))
    assert found.corrected.mean == pytest.approx(alone.estimate.mean, abs=1e-12)
    with pytest.raises(BadInputError, match="1 scored traces have no weight"):
        corrected(SCORES, LABELS, weights=table_of(SampledTrace, weights[1:]))


def test_where_the_judge_failed_a_label_counts_for_the_shares_alone() -> None:
    failed = [score("f1", None, "failed"), score("f2", None, "skipped"), score("f3", None, "failed")]
    (found,) = corrected(SCORES + failed, [*LABELS, label("f1", False), label("f2", True)])
    (without,) = corrected(SCORES, LABELS)
    assert found.precision == without.precision.model_copy(update={"n_failed": 2})
    assert found.kappa == without.kappa.model_copy(update={"n_failed": 2})
    assert (found.naive.mean, found.naive.n, found.naive.n_failed) == (0.7, 20, 2)
    assert (found.people.mean, found.people.n) == (6 / 10, 10)
    middle = float(np.mean([*VALUES, *OTHERS]))
    alone = prediction_powered_mean([*GOOD, False, True], [*VALUES, middle, middle], [*OTHERS, middle])
    assert found.corrected.mean == pytest.approx(alone.estimate.mean)
    assert (found.n_labelled, found.n_scored, found.corrected.n) == (10, 20, 23)
    assert found.caution is not None
    assert found.caution.startswith("Labelled traces without a value of the judge: 2;")


def test_a_trace_of_which_the_metric_is_undefined_is_no_part_of_any_share() -> None:
    undefined = [score("u1", None, "undefined"), score("u2", None, "undefined")]
    (found,) = corrected(SCORES + undefined, [*LABELS, label("u1", False)])
    (without,) = corrected(SCORES, LABELS)
    told = "Labelled traces on which the metric is undefined, left out: 1."
    assert found == without.model_copy(update={"caution": told})


def test_a_judge_that_always_failed_leaves_people_alone() -> None:
    scores = [score(place, None, "failed") for place in range(20)]
    (found,) = corrected(scores, LABELS)
    assert (found.naive.mean, found.naive.reason, found.naive.n_failed) == (None, "no_items", 20)
    assert (found.corrected.mean, found.corrected.low) == pytest.approx((found.people.mean, found.people.low))
    assert (found.power_tuning, found.kappa.reason) == (None, "no_items")


def test_a_judge_that_says_the_same_of_all_is_named() -> None:
    (found,) = corrected([score(place, 0.9) for place in range(20)], LABELS)
    assert (found.corrected.mean, found.power_tuning) == (5 / 8, None)
    assert (found.precision.reason, found.recall.mean) == ("no_items", 0)
    assert found.caution is not None
    assert "the same of every trace" in found.caution


def test_judges_are_held_apart_by_metric_and_source() -> None:
    others = [score(place, value, source="a judge") for place, value in enumerate(VALUES)]
    untried = [score(place, None, "skipped", metric="ragas_faithfulness") for place in range(8)]
    unlabelled = [score(place, 0.5, metric="format") for place in range(8)]
    labels = [*LABELS, *(label(n, True, metric="ragas_faithfulness") for n in range(8)), label("of another day", True)]
    found = corrected([*SCORES, *others, *untried, *unlabelled], labels)
    assert [(each.metric, each.source, each.n_scored) for each in found] == [
        ("groundedness", "a judge", 8),
        ("groundedness", "judge/1", 20),
    ]


def test_nothing_gives_nothing() -> None:
    assert corrected([], []) == []
    assert corrected(SCORES, []) == []


def test_a_trace_given_twice_is_refused() -> None:
    with pytest.raises(BadInputError, match="1 traces are in the scores of one judge twice"):
        corrected([*SCORES, SCORES[0]], LABELS)
    with pytest.raises(BadInputError, match="1 traces are in the labels twice"):
        corrected(SCORES, [*LABELS, LABELS[0]])


@pytest.mark.skipif(not MTRAG.exists(), reason="needs ../shared/data/mtrag")
def test_a_fifth_of_mtrag_corrects_its_recorded_scores() -> None:
    rows = [json.loads(line) for line in MTRAG.open(encoding="utf-8")]
    good = np.array([np.mean([int(each) >= 3 for each in row["human"]["faithfulness"].values()]) > 0.5 for row in rows])
    scores = table_of(MetricScore, [score(place, row["auto"]["rb_llm"]) for place, row in enumerate(rows)])
    hits, widths, people = 0, [], []
    for seed in range(40):
        chosen = np.random.default_rng(seed).choice(len(rows), len(rows) // 5, replace=False)
        labels = table_of(PersonLabel, [label(place, bool(good[place])) for place in chosen])
        (found,) = correct_judges(scores, labels, RANDOM)
        assert None not in (found.corrected.low, found.corrected.high, found.people.low, found.people.high)
        low, high = found.corrected.low or 0.0, found.corrected.high or 0.0
        hits += low <= good.mean() <= high
        widths.append(high - low)
        people.append((found.people.high or 0.0) - (found.people.low or 0.0))
    assert found.naive.low is not None
    assert found.naive.low > good.mean()  # the judge alone is too lenient, and sure of it
    assert hits >= 37
    assert np.mean(widths) < 0.97 * np.mean(people)


def test_kappa_is_of_verdicts_at_the_threshold() -> None:
    (found,) = corrected(SCORES, LABELS)
    assert found.kappa.low == cohen_kappa([value >= 0.5 for value in VALUES], GOOD).low
