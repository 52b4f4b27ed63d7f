"""Scores traces by every metric that needs no judge (A26)."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from millrace.datasets.schema import arrow_schema
from millrace.errors import BadInputError
from millrace.evaluation import abstention_correctness, citation_validity, format_validity, retrieval_quality
from millrace.evaluation.abstention_correctness import abstention_results
from millrace.evaluation.answer_states import TRACE_FAILED, answer_states
from millrace.evaluation.citation_validity import citation_results
from millrace.evaluation.format_validity import format_results
from millrace.evaluation.nearness import relevance_results, similarity_results
from millrace.evaluation.question_keys import question_keys
from millrace.evaluation.results import NOT_SCORED, MetricResults, Result, score_rows
from millrace.evaluation.retrieval_quality import retrieval_results
from millrace.ports import Embedder
from millrace.records.evaluation import MetricScore

_ROWS_AT_ONCE = 2000  # whose texts and vectors are held; bounds memory


def score_model_free(traces: pa.Table, groundedness: pa.Table, *, embedder: Embedder, references: pa.Table) -> pa.Table:
    """Score each trace by each model-free metric; a trace's rows do not depend on the others.

    A trace that failed has no value of any metric, reason ``trace_failed``. What each metric is of, and its other
    reasons, is told by the functions that this one calls.

    Args:
        traces: table of Trace.
        groundedness: table of GroundednessScore, joined by ``trace_id``; scores of other traces are ignored, and a
            trace without one is ``skipped`` with reason ``no_score``.
        embedder: embeds questions, answers and reference answers.
        references: table of Reference; where two have one key the first is taken.

    Returns:
        Table of MetricScore: one row per trace and metric, traces in order, metrics in the order of the registry.

    Raises:
        BadInputError: two groundedness scores for one trace.
    """
    scored = _by_trace(groundedness)
    known = _by_key(references)
    slices = [traces.slice(start, _ROWS_AT_ONCE) for start in range(0, traces.num_rows, _ROWS_AT_ONCE)]
    tables = [_score_some(each, scored, embedder, known) for each in slices]
    return pa.concat_tables([arrow_schema(MetricScore).empty_table(), *tables])


def _score_some(
    traces: pa.Table, groundedness: Mapping[str, tuple[Result, str]], embedder: Embedder, references: "References"
) -> pa.Table:
    trace_ids, keys, states = traces.column("trace_id").to_pylist(), question_keys(traces), answer_states(traces)
    known = [references.get(key, {}) for key in keys]
    precision, recall = retrieval_results(traces, [each.get("reference_context_ids") for each in known])
    expected = [each.get("expected_behaviour") for each in known]
    has_reference = [key in references for key in keys]
    form, faults = format_results(traces, states)
    relevance = relevance_results(traces, states, embedder)
    similarity = similarity_results(traces, states, [each.get("reference_answer") for each in known], embedder)
    measured = {
        "groundedness": _groundedness_of(trace_ids, states, groundedness),
        "context_precision": MetricResults(precision, retrieval_quality.SOURCE),
        "context_recall": MetricResults(recall, retrieval_quality.SOURCE),
        "answer_relevance": MetricResults(relevance, f"answer-relevance/1 {embedder.identity}"),
        "reference_similarity": MetricResults(similarity, f"reference-similarity/1 {embedder.identity}"),
        "citation_validity": MetricResults(citation_results(traces), citation_validity.SOURCE),
        "abstention_correctness": MetricResults(
            abstention_results(traces, states, expected, has_reference), abstention_correctness.SOURCE
        ),
        "format_validity": MetricResults(form, format_validity.SOURCE, faults),
    }
    return score_rows(trace_ids, keys, measured)


References = Mapping[str, Mapping[str, Any]]


def _by_key(references: pa.Table) -> References:
    found: dict[str, Mapping[str, Any]] = {}
    for row in references.to_pylist():
        found.setdefault(row["question_key"], row)
    return found


def _by_trace(groundedness: pa.Table) -> dict[str, tuple[Result, str]]:
    """Score or reason, and source, by trace id."""
    trace_ids = groundedness.column("trace_id").to_pylist()
    results = (
        groundedness.column("score").to_pylist(),
        groundedness.column("reason").to_pylist(),
        groundedness.column("source").to_pylist(),
    )
    found: dict[str, tuple[Result, str]] = {
        trace_id: (reason or "no_score" if score is None else score, source)
        for trace_id, score, reason, source in zip(trace_ids, *results, strict=True)
    }
    if len(found) < len(trace_ids):
        counts = pc.value_counts(groundedness.column("trace_id")).to_pylist()
        twice = [row["values"] for row in counts if row["counts"] > 1]
        raise BadInputError(f"{len(twice)} traces have two groundedness scores, first {twice[0]!r}", trace_ids=twice)
    return found


def _groundedness_of(
    trace_ids: list[str], states: list[str | None], groundedness: Mapping[str, tuple[Result, str]]
) -> MetricResults:
    none: tuple[Result, str] = (NOT_SCORED, "none")
    found = [groundedness.get(trace_id, none) for trace_id in trace_ids]
    results = [
        TRACE_FAILED if state == TRACE_FAILED else result for (result, _), state in zip(found, states, strict=True)
    ]
    return MetricResults(results, [source for _, source in found])
