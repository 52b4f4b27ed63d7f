"""Orders cases by what an answer to them teaches: uncertainty times expected effect (A30).

``docs/decisions/0009-selection-and-refit.md`` has the strategies that were compared.
"""

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import expit

from millrace.statistics.design import information_gain, observed

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

_FACTS = ("trace_id", "failure_type", "group_id", "failure_probability", "confidence", "reason")


@dataclass(frozen=True)
class ScorerView:
    """What cases look like to the groundedness scorer, and what is believed of its weights.

    Attributes:
        features: shape (n_cases, k).
        weights: shape (k,).
        covariance: of the weights, shape (k, k).
    """

    features: Floats
    weights: Floats
    covariance: Floats


class UsefulFirst:
    """Gives the most useful of a list of cases, then the most useful given that one, and so on.

    Usefulness is uncertainty x expected effect x log2(1 + traces alike). Where the scorer that is to learn is known,
    the first two are one: ``information_gain`` grows with p (1 - p) of the scorer's own probability, and with how
    uncertain the weights are that decide it. It falls for cases like those taken already, so that what is taken
    together is diverse. Where it is not known, the uncertainty is that of triage, and the effect is the same for all.
    """

    def __init__(self, uncertainty: Floats, n_alike: Floats, view: ScorerView | None = None) -> None:
        """Begin with all cases open; of equals the earlier comes first.

        Args:
            uncertainty: of what triage says, in [0, 1], shape (n_cases,).
            n_alike: traces that an answer settles, at least 1, shape (n_cases,).
            view: the scorer's, of the same cases; as ``view`` it then says what is believed after each ``take``.
        """
        self._uncertainty, self._reach = uncertainty, np.log2(1 + n_alike)
        self.view = view
        self._probabilities = expit(np.einsum("nj,j->n", view.features, view.weights)) if view else None
        self._open = np.ones(len(uncertainty), dtype=np.bool_)

    def best(self) -> int | None:
        """The most useful open case; None when none is open."""
        if not self._open.any():
            return None
        return int(np.argmax(np.where(self._open, self._usefulness(), -1.0)))

    def take(self, case: int) -> None:
        """Close a case whose answer will be known."""
        self.drop(case)
        if self.view is not None and self._probabilities is not None:
            probability = float(self._probabilities[case])
            covariance = observed(self.view.covariance, self.view.features[case], probability)
            self.view = replace(self.view, covariance=covariance)

    def drop(self, case: int) -> None:
        """Close a case that cannot be asked about."""
        self._open[case] = False

    def _usefulness(self) -> Floats:
        if self.view is None or self._probabilities is None:
            return self._uncertainty * self._reach
        return information_gain(self.view.features, self._probabilities, self.view.covariance) * self._reach


def candidate_part(traces: pa.Table) -> pa.Table:
    """What the choice needs of every trace, light enough to be held for all at once.

    Args:
        traces: a part of a dataset of Trace, of any size.

    Returns:
        Columns ``trace_id`` and ``alike`` (8 bytes, equal for traces of equal tenant, question and answer but for case
        and surrounding white space), in the order of the part.
    """
    texts = [pc.fill_null(traces.column(name), "") for name in ("tenant_id", "question", "answer")]
    joined = pc.binary_join_element_wise(*(pc.utf8_lower(pc.utf8_trim_whitespace(text)) for text in texts), "\x1f")
    alike = [hashlib.blake2b(text.encode(), digest_size=8).digest() for text in joined.to_pylist()]
    ids = traces.column("trace_id").combine_chunks()
    return pa.table({"trace_id": ids, "alike": pa.array(alike, pa.binary(8))})


def cases_of(triage: pa.Table, scores: pa.Table, candidates: pa.Table) -> pa.Table:
    """Everything light that is known of each triaged trace, sorted by trace id.

    Args:
        triage: table of TriageRow.
        scores: table of GroundednessScore; a trace without a row has no score.
        candidates: from ``candidate_part``; traces without a row are left out.

    Returns:
        Columns of TriageRow that a task shows or that decide, with ``score`` and ``alike``.
    """
    known = triage.select(list(_FACTS)).filter(
        pc.is_in(triage.column("trace_id"), candidates.column("trace_id").combine_chunks())
    )
    known = known.sort_by("trace_id")
    for name, table in (("score", scores), ("alike", candidates)):
        places = pc.index_in(known.column("trace_id"), table.column("trace_id").combine_chunks())
        known = known.append_column(name, table.column(name).take(places))
    return known


def uncertainty(cases: pa.Table, threshold: float) -> Floats:
    """How open it is whether each case is a failure, in [0, 1]: 1 at even odds, 0 where nothing is known.

    Four times p (1 - p) for the calibrated probability p of a failure. Without one, by the groundedness score: 1 at the
    threshold, falling to 0 at the farther end.
    """
    probabilities = _numbers(cases, "failure_probability")
    distance = np.abs(_numbers(cases, "score") - threshold) / max(threshold, 1 - threshold)
    found = np.where(np.isnan(probabilities), 1 - distance, 4 * probabilities * (1 - probabilities))
    return np.nan_to_num(found, nan=0.0)


def shortlist(cases: pa.Table, uncertain: Floats, n_alike: Floats, size: int) -> Indices:
    """Row numbers of at most ``size`` cases to look at more closely: half the most promising, half of every score.

    Most promising are uncertain cases with many alike; the others lie evenly along the scores, so that what the scorer
    takes for certain, and may be wrong about, is among them.
    """
    if cases.num_rows <= size:
        return np.arange(cases.num_rows)
    promising = np.argsort(-uncertain * np.log2(1 + n_alike), kind="stable")
    rest = promising[size // 2 :]
    by_score = rest[np.argsort(np.nan_to_num(_numbers(cases, "score")[rest], nan=-1.0), kind="stable")]
    evenly = np.linspace(0, len(by_score) - 1, size - size // 2).round().astype(np.intp)
    return np.sort(np.concatenate([promising[: size // 2], by_score[evenly]]))


def first_of_alike(cases: pa.Table) -> tuple[Indices, Floats]:
    """Row numbers of the first case of each kind of alike ones, ascending, and how many it stands for."""
    codes = cases.column("alike").combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
    _, first, counts = np.unique(codes, return_index=True, return_counts=True)
    order = np.argsort(first, kind="stable")
    return first[order].astype(np.intp), counts[order].astype(np.float64)


def _numbers(cases: pa.Table, name: str) -> Floats:
    """A column of numbers, NaN where there is none."""
    values: Floats = cases.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.asarray(values, dtype=np.float64)
