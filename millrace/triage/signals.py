"""What triage looks at: one column per signal, computed from traces and their groundedness scores."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from millrace.errors import BadInputError
from millrace.methods.abstention import is_abstention
from millrace.methods.answer_form import asks_for_json, holds_json, is_unfinished
from millrace.methods.injection import InjectionRule, InjectionScreen
from millrace.methods.text import content_words
from millrace.triage.asking_back import asks_back

SignalType = Literal["text", "number", "flag"]

_PLACEHOLDER = re.compile(r"\[[A-Z][A-Z0-9_]*\]")
_TEXT_COLUMNS = ("question", "history", "contexts", "answer", "citations", "status")


class Signal(NamedTuple):
    """A signal's type and what it says; null means that the trace does not give it."""

    type: SignalType
    meaning: str


SIGNALS: Mapping[str, Signal] = MappingProxyType(
    {
        "status": Signal("text", "how it ended, by the application: answered, abstained, blocked, escalated or failed"),
        "error": Signal("text", "why it failed or was blocked"),
        "answered_by": Signal("text", "model or answerer that wrote the answer"),
        "n_turns": Signal("number", "turns of the conversation before the question"),
        "n_contexts": Signal("number", "passages shown to the answerer"),
        "best_context_score": Signal("number", "highest retrieval score; null when none was recorded"),
        "n_question_words": Signal("number", "different content words of the question"),
        "context_overlap": Signal("number", "share of the question's content words found in the passages, 0 to 1"),
        "question_overlap": Signal("number", "share of the question's content words found in the answer, 0 to 1"),
        "answer_overlap": Signal("number", "share of the answer's content words found in the passages, 0 to 1"),
        "answer_length": Signal("number", "characters of the answer without surrounding white space"),
        "abstains": Signal("flag", "the status or the answer itself says that there is no answer"),
        "asks_back": Signal("flag", "the answer ends by asking what the user means"),
        "groundedness": Signal("number", "support of the answer by its passages, 0 to 1"),
        "groundedness_reason": Signal("text", "why there is no groundedness; no_score when it was never scored"),
        "groundedness_source": Signal("text", "scorer and version of the groundedness; null when it was never scored"),
        "lowest_support": Signal("number", "support of the answer's least supported sentence, 0 to 1"),
        "injection": Signal("text", "the injection rule that the question runs into; null when none"),
        "n_answer_pii": Signal("number", "redacted pieces in the answer of a type that stands nowhere before it"),
        "n_bad_citations": Signal("number", "citations with offsets outside the answer or an unknown passage"),
        "unfinished": Signal("flag", "the last line is prose that breaks off"),
        "json_invalid": Signal("flag", "JSON was asked for and the answer holds none; null when not asked"),
        "feedback_rating": Signal("number", "mean rating by users, 0 bad to 1 good; null when nobody rated it"),
        "feedback_correction": Signal("flag", "a user wrote a better answer; null when no user said anything"),
    }
)


def signals_of(
    traces: pa.Table,
    scores: pa.Table,
    injection_rules: Sequence[InjectionRule] = (),
    feedback: pa.Table | None = None,
) -> pa.Table:
    """One row per trace, one column per entry of ``SIGNALS``, in the order of ``traces``.

    Args:
        traces: table of Trace.
        scores: table of GroundednessScore, joined by ``trace_id``; scores of other traces are ignored.
        injection_rules: what the questions are screened with.
        feedback: columns trace_id, rating and corrected of ``methods.feedback.ratings_by_trace``; None: there is none.

    Raises:
        BadInputError: two scores for one trace.
    """
    screen = InjectionScreen(injection_rules)
    questions = traces.column("question").to_pylist()
    columns = {
        "status": traces.column("status"),
        "error": traces.column("error"),
        "answered_by": traces.column("answered_by"),
        "n_turns": pc.list_value_length(traces.column("history")).cast(pa.float64()),
        "n_contexts": pc.list_value_length(traces.column("contexts")).cast(pa.float64()),
        "best_context_score": _extreme(traces.column("contexts"), "score", "max"),
        **_groundedness(traces.column("trace_id"), scores),
        "injection": pa.array([screen.match(question) for question in questions], pa.string()),
        **_text_signals(traces),
        **_feedback(traces.column("trace_id"), feedback),
    }
    return pa.table({name: columns[name] for name in SIGNALS})


def _extreme(lists: pa.ChunkedArray, field: str, which: Literal["max", "min"]) -> pa.Array:
    """The largest or smallest value of a field in each row's list of structs; null when the list has none."""
    whole = lists.combine_chunks()
    found = pa.table({"row": pc.list_parent_indices(whole), "value": pc.struct_field(whole.flatten(), field)})
    extremes = found.group_by("row").aggregate([("value", which)])
    rows = pa.array(range(len(whole)), pa.int64())
    positions = pc.index_in(rows, extremes.column("row").combine_chunks())
    return extremes.column(f"value_{which}").combine_chunks().take(positions)


def _groundedness(trace_ids: pa.ChunkedArray, scores: pa.Table) -> dict[str, pa.Array]:
    scored = scores.column("trace_id").combine_chunks()
    if len(pc.unique(scored)) != len(scored):
        twice = [row["values"] for row in pc.value_counts(scored).to_pylist() if row["counts"] > 1]
        raise BadInputError(f"{len(twice)} traces have two groundedness scores, first {twice[0]!r}", trace_ids=twice)
    positions = pc.index_in(trace_ids.combine_chunks(), scored)
    reasons = scores.column("reason").combine_chunks().take(positions)
    return {
        "groundedness": scores.column("score").combine_chunks().take(positions),
        "groundedness_reason": pc.if_else(pc.is_null(positions), "no_score", reasons),
        "groundedness_source": scores.column("source").combine_chunks().take(positions),
        "lowest_support": _extreme(scores.column("sentences"), "support", "min").take(positions),
    }


def _feedback(trace_ids: pa.ChunkedArray, feedback: pa.Table | None) -> dict[str, pa.Array]:
    if feedback is None:
        nothing = {"feedback_rating": pa.float64(), "feedback_correction": pa.bool_()}
        return {name: pa.nulls(len(trace_ids), kind) for name, kind in nothing.items()}
    positions = pc.index_in(trace_ids.combine_chunks(), feedback.column("trace_id").combine_chunks())
    return {
        "feedback_rating": feedback.column("rating").combine_chunks().take(positions),
        "feedback_correction": feedback.column("corrected").combine_chunks().take(positions),
    }


@dataclass(frozen=True)
class _Texts:
    """The texts of one trace."""

    question: str
    history: list[dict[str, Any]]
    contexts: list[dict[str, Any]]
    answer: str
    citations: list[dict[str, Any]]
    status: str
    words_of: Callable[[str], frozenset[str]]

    @cached_property
    def asked(self) -> frozenset[str]:
        return frozenset(content_words(self.question))

    @cached_property
    def said(self) -> frozenset[str]:
        return frozenset(content_words(self.answer))

    @cached_property
    def shown(self) -> frozenset[str]:
        return frozenset().union(*(self.words_of(context["text"]) for context in self.contexts))


def _text_signals(traces: pa.Table) -> dict[str, pa.Array]:
    known: dict[str, frozenset[str]] = {}

    def words_of(text: str) -> frozenset[str]:
        # the same passage is retrieved for many questions of a part
        if text not in known:
            known[text] = frozenset(content_words(text))
        return known[text]

    columns = [traces.column(name).to_pylist() for name in _TEXT_COLUMNS]
    texts = [
        _Texts(question, history, contexts, answer or "", citations, status, words_of)
        for question, history, contexts, answer, citations, status in zip(*columns, strict=True)
    ]
    return {
        name: pa.array([measure(row) for row in texts], pa.bool_() if SIGNALS[name].type == "flag" else pa.float64())
        for name, measure in _MEASURES.items()
    }


def _share(words: frozenset[str], found: frozenset[str]) -> float | None:
    return len(words & found) / len(words) if words else None


def _abstains(row: _Texts) -> bool:
    return row.status == "abstained" or is_abstention(row.answer)


def _n_answer_pii(row: _Texts) -> int:
    before = [row.question, *(turn["text"] for turn in row.history), *(context["text"] for context in row.contexts)]
    given = {placeholder for text in before for placeholder in _PLACEHOLDER.findall(text)}
    return sum(placeholder not in given for placeholder in _PLACEHOLDER.findall(row.answer))


def _n_bad_citations(row: _Texts) -> int:
    shown = {context["context_id"] for context in row.contexts}
    return sum(
        not (cited["start"] < cited["end"] <= len(row.answer) and cited["context_id"] in shown)
        for cited in row.citations
    )


def _json_invalid(row: _Texts) -> bool | None:
    requests = [row.question, *(turn["text"] for turn in row.history if turn["speaker"] == "system")]
    return not holds_json(row.answer) if asks_for_json(requests) else None


_MEASURES: Mapping[str, Callable[[_Texts], float | bool | None]] = MappingProxyType(
    {
        "n_question_words": lambda row: len(row.asked),
        "context_overlap": lambda row: _share(row.asked, row.shown) if row.contexts else None,
        "question_overlap": lambda row: _share(row.asked, row.said) if row.answer.strip() else None,
        "answer_overlap": lambda row: _share(row.said, row.shown) if row.contexts else None,
        "answer_length": lambda row: len(row.answer.strip()),
        "abstains": _abstains,
        "asks_back": lambda row: asks_back(row.answer),
        "n_answer_pii": _n_answer_pii,
        "n_bad_citations": _n_bad_citations,
        "unfinished": lambda row: is_unfinished(row.answer),
        "json_invalid": _json_invalid,
    }
)
