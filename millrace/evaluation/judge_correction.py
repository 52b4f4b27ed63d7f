"""Automatic scores held against people's labels, and the share of good answers corrected by them."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from millrace.errors import BadInputError
from millrace.records.base import Identifier, Record
from millrace.records.monitoring import JudgeCorrection
from millrace.records.report import ReportedEstimate
from millrace.statistics.calibration import expected_calibration_error
from millrace.statistics.intervals import wilson_interval
from millrace.statistics.kappa import cohen_kappa
from millrace.statistics.prediction_powered import PredictionPowered, prediction_powered_mean, weighted_share
from millrace.statistics.reported import reported

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
LabelsChosen = Literal["at_random", "not_at_random"]


class CorrectionConfig(Record):
    """From when on people's labels correct a judge, and what the judge calls good."""

    min_labels: int = Field(20, ge=5, description="Labels of a metric below which nothing is said of its judge")
    threshold: float = Field(0.5, ge=0, le=1, description="From which value on the judge calls a trace good")
    thresholds: dict[Identifier, float] = Field({}, description="Other thresholds, by metric")
    labels_chosen: LabelsChosen = Field(
        "not_at_random",
        description="at_random only where the labelled traces were drawn at random from all; labels with unequal "
        "weights are taken as drawn with the probabilities that these tell",
    )
    n_bins: int = Field(5, ge=1, description="Bins of equally many labels behind the calibration error")

    def threshold_of(self, metric: str) -> float:
        """From which value on the judge calls a trace good for this metric."""
        return self.thresholds.get(metric, self.threshold)


class _Judged(NamedTuple):
    """A judge's traces that have something the metric could be of. ``values`` is NaN where the judge gave none."""

    values: Floats
    n_failed: int
    n_undefined_labelled: int
    own: Floats  # traces of the window that each stands for
    labelled: Bools
    good: Bools  # of all; False where not labelled
    weights: Floats  # of the labels; 1 where not labelled

    @property
    def known(self) -> Bools:
        known: Bools = ~np.isnan(self.values)
        return known


def correct_judges(
    scores: pa.Table, labels: pa.Table, config: CorrectionConfig, weights: pa.Table | None = None
) -> list[JudgeCorrection]:
    """What people's labels say of each judge, and of the true share of good traces.

    All three shares are of the traces that have something the metric could be of: traces on which it is undefined are
    left out, labelled or not. Where the judge failed or was not tried, a label counts for the people's and the
    corrected share all the same: the judge's mean stands for its value there, and the estimate stays unbiased, for it
    is so whatever the values are. Precision, recall, kappa and calibration are of labelled traces with a value alone.

    The calibration error has no interval: chance parts probability and share, so it lies too high with few labels, and
    bootstrap intervals around it covered a perfectly calibrated judge in 0 % (percentile) and at most 68 % (basic).

    Args:
        scores: table of MetricScore, of one window; a metric with two sources gives two corrections, each of its own
            traces.
        labels: table of PersonLabel; those of other traces and metrics are ignored.
        config: what counts.
        weights: table of SampledTrace where the scored traces are a sample of the window; None: they are all.

    Returns:
        By metric and source, those with at least one label and one trace that the judge was tried on. With fewer labels
        than the minimum every estimate that rests on them is None with reason ``too_few_labels``.

    Raises:
        BadInputError: a trace scored twice by one judge, or labelled or weighted twice, or without a weight.
    """
    keys = scores.group_by(["metric", "source"], use_threads=False).aggregate([])
    pairs = sorted(zip(keys.column("metric").to_pylist(), keys.column("source").to_pylist(), strict=True))
    scores, found = scores.select(["trace_id", "metric", "source", "status", "value"]), []
    for metric, source in pairs:
        rows = scores.filter((pc.field("metric") == metric) & (pc.field("source") == source))
        judged = _judged(rows, labels.filter(pc.field("metric") == metric), weights)
        tried = judged.known.any() or judged.n_failed
        if tried and judged.labelled.any():
            found.append(_correction(metric, source, judged, config))
    return found


def _judged(rows: pa.Table, labels: pa.Table, weights: pa.Table | None) -> _Judged:
    rows = rows.sort_by("trace_id")  # sums depend on the order of their terms
    labelled = _places(rows, labels, "labels") >= 0
    status = rows.column("status").to_numpy(zero_copy_only=False)
    counts = status != "undefined"
    n_undefined = int((labelled & ~counts).sum())
    rows = rows.filter(pa.array(counts))
    at = _places(rows, labels, "labels")
    own = np.ones(len(rows))
    if weights is not None:
        places = _places(rows, weights, "weights")
        if (places < 0).any():
            raise BadInputError(f"{int((places < 0).sum())} scored traces have no weight")
        own = _floats(weights, "weight")[places]
    good = np.append(labels.column("good").to_numpy(zero_copy_only=False).astype(bool), False)
    return _Judged(
        values=_floats(rows, "value"),
        n_failed=int((status == "failed").sum()),
        n_undefined_labelled=n_undefined,
        own=own,
        labelled=at >= 0,
        good=good[at],
        weights=np.append(_floats(labels, "weight"), 1.0)[at],
    )


def _places(rows: pa.Table, others: pa.Table, name: str) -> npt.NDArray[np.intp]:
    """For each row the place of its trace in another table, -1 where it is not there."""
    for table, told in ((rows, "scores of one judge"), (others, name)):
        n_twice = len(table) - pc.count_distinct(table.column("trace_id")).as_py()
        if n_twice:
            raise BadInputError(f"{n_twice} traces are in the {told} twice", n=n_twice)
    found = pc.index_in(rows.column("trace_id"), value_set=others.column("trace_id").combine_chunks())
    return np.asarray(pc.fill_null(found, -1).to_numpy(), dtype=np.intp)


def _floats(table: pa.Table, name: str) -> Floats:
    return np.asarray(table.column(name).to_numpy(zero_copy_only=False), dtype=np.float64)


def _correction(metric: str, source: str, judged: _Judged, config: CorrectionConfig) -> JudgeCorrection:
    threshold = config.threshold_of(metric)
    chosen = _chosen(judged, config)
    enough = int(judged.labelled.sum()) >= config.min_labels
    powered = _powered(judged)
    told = _against_people(judged, threshold, config.n_bins)
    people = _share(judged.good, judged.labelled, judged.own * judged.weights)
    corrected = reported(powered.estimate)
    return JudgeCorrection(
        metric=metric,
        source=source,
        threshold=threshold,
        n_labelled=int(judged.labelled.sum()),
        n_scored=int(judged.known.sum()),
        naive=_share(judged.values >= threshold, judged.known, judged.own, n_failed=judged.n_failed),
        people=people if enough else _too_few(people),
        corrected=corrected if enough else _too_few(corrected),
        power_tuning=powered.power_tuning if enough else None,
        labels_chosen=chosen,
        caution=" ".join(_cautions(judged, chosen, powered, config)) or None,
        **{name: estimate if enough else _too_few(estimate) for name, estimate in told.items()},
    )


def _against_people(judged: _Judged, threshold: float, n_bins: int) -> dict[str, ReportedEstimate]:
    both = judged.labelled & judged.known
    n_failed = int((judged.labelled & ~judged.known).sum())
    bad_by_judge, bad_by_people = judged.values < threshold, ~judged.good
    weights = judged.own * judged.weights
    kappa = cohen_kappa(bad_by_judge[both], bad_by_people[both], weights=weights[both])
    error = expected_calibration_error(judged.values[both], judged.good[both], n_bins=n_bins, binning="equal_count")
    return {
        "precision": _share(bad_by_people, both & bad_by_judge, weights, n_failed=n_failed),
        "recall": _share(bad_by_judge, both & bad_by_people, weights, n_failed=n_failed),
        "kappa": reported(kappa, n_failed),
        "calibration_error": ReportedEstimate(
            mean=error,
            n=int(both.sum()),
            n_failed=n_failed,
            method="none",
            reason="no_items" if error is None else "biased_upwards",
        ),
    }


def _powered(judged: _Judged) -> PredictionPowered:
    values, labelled = judged.values, judged.labelled
    if judged.known.any():
        known = judged.known
        values = np.where(known, values, np.average(values[known], weights=judged.own[known]))
    else:
        values = np.zeros(len(values))  # says nothing, and the same of all
    return prediction_powered_mean(
        judged.good[labelled],
        values[labelled],
        values[~labelled],
        weights=judged.weights[labelled],
        stands_for=(judged.own[labelled], judged.own[~labelled]),
    )


def _chosen(judged: _Judged, config: CorrectionConfig) -> LabelsChosen:
    weighted = np.ptp(judged.weights[judged.labelled]) > 0
    return "at_random" if weighted else config.labels_chosen


def _cautions(
    judged: _Judged, chosen: LabelsChosen, powered: PredictionPowered, config: CorrectionConfig
) -> Iterator[str]:
    n_labelled = int(judged.labelled.sum())
    if n_labelled < config.min_labels:
        yield f"Too few labels to correct the judge: {n_labelled} of the {config.min_labels} that are needed."
        return
    if chosen == "not_at_random":
        yield (
            "The labelled traces were not drawn at random, so people's and the corrected share may lie too low or too "
            "high, beyond their intervals: labels go to suspicious traces first."
        )
    n_without = int((judged.labelled & ~judged.known).sum())
    if n_without:
        yield (
            f"Labelled traces without a value of the judge: {n_without}; they count for people's and the corrected "
            "share, not for precision, recall, kappa and calibration."
        )
    if judged.n_undefined_labelled:
        yield f"Labelled traces on which the metric is undefined, left out: {judged.n_undefined_labelled}."
    if powered.reason == "constant_predictions":
        yield "The judge says the same of every trace, so the corrected share rests on the labels alone."


def _share(hits: Bools, among: Bools, weights: Floats, *, n_failed: int = 0) -> ReportedEstimate:
    chosen, counted = hits[among], weights[among]
    if len(counted) and np.ptp(counted) > 0:
        return reported(weighted_share(chosen, counted), n_failed)
    return reported(wilson_interval(int(chosen.sum()), len(chosen)), n_failed)


def _too_few(estimate: ReportedEstimate) -> ReportedEstimate:
    return estimate.model_copy(update={"mean": None, "low": None, "high": None, "reason": "too_few_labels"})
