"""Redacts every free text of a trace before anything is stored."""

from collections import Counter
from typing import TypeVar

from millrace.methods.pseudonyms import pseudonym
from millrace.methods.redaction import Redacted, Redactor
from millrace.records.base import Record
from millrace.records.trace import Citation, ModelCall, RedactionCount, Span, Trace

RecordT = TypeVar("RecordT", bound=Record)


def redact_trace(trace: Trace, redactor: Redactor) -> Trace:
    """The trace without the personal data that the redactor recognises.

    Covers question, history, answer, the contexts' texts and titles, error, structured output, span attributes, score
    reasons and the reasons of calls' retries; a user or session id that is personal data gets a pseudonym. Trace,
    tenant, context and document ids stay: other data is found by them. The counts are added to ``redactions``.
    Citations move with the answer; one whose text was changed is dropped. A trace with nothing to redact is returned as
    it is.
    """
    pass_ = _Pass(redactor)
    answer = None if trace.answer is None else pass_.redact(trace.answer)
    update = {
        "user_id": pass_.identifier(trace.user_id),
        "session_id": pass_.identifier(trace.session_id),
        "question": pass_.redact(trace.question).text,
        "history": [pass_.record(turn, "text") for turn in trace.history],
        "contexts": [pass_.record(context, "text", "title") for context in trace.contexts],
        "answer": None if answer is None else answer.text,
        "citations": trace.citations if answer is None else _moved(trace.citations, answer),
        "error": None if trace.error is None else pass_.redact(trace.error).text,
        "output": None if trace.output is None else pass_.redact(trace.output).text,
        "spans": [_span(span, pass_) for span in trace.spans],
        "scores": [pass_.record(score, "reason") for score in trace.scores],
        "calls": [_call(call, pass_) for call in trace.calls],
    }
    if not pass_.counts:
        return trace
    return trace.model_copy(update=update | {"redactions": _added(trace.redactions, pass_.counts)})


class _Pass:
    """Redacts the texts of one trace and counts what it replaced."""

    def __init__(self, redactor: Redactor) -> None:
        self.counts: Counter[str] = Counter()
        self._redactor = redactor

    def redact(self, text: str) -> Redacted:
        return self._counted(self._redactor.redact(text))

    def identifier(self, identifier: str | None) -> str | None:
        return identifier and self._counted(pseudonym(identifier, self._redactor)).text

    def record(self, record: RecordT, *fields: str) -> RecordT:
        before = {field: getattr(record, field) for field in fields}
        after = {field: text and self.redact(text).text for field, text in before.items()}
        return record if before == after else record.model_copy(update=after)

    def _counted(self, redacted: Redacted) -> Redacted:
        for count in redacted.counts:
            self.counts[count.pii_type] += count.n_items
        return redacted


def _span(span: Span, pass_: _Pass) -> Span:
    attributes = [pass_.record(attribute, "value") for attribute in span.attributes]
    return span.model_copy(update={"attributes": attributes})


def _call(call: ModelCall, pass_: _Pass) -> ModelCall:
    reasons = [pass_.redact(reason).text for reason in call.retried_for]
    return pass_.record(call.model_copy(update={"retried_for": reasons}), "cost_reason")


def _moved(citations: list[Citation], answer: Redacted) -> list[Citation]:
    moved = []
    for citation in citations:
        place = answer.moved(citation.start, citation.end)
        if place is not None:
            moved.append(citation.model_copy(update={"start": place[0], "end": place[1]}))
    return moved


def _added(before: list[RedactionCount], found: Counter[str]) -> list[RedactionCount]:
    total = Counter({count.pii_type: 0 for count in before})
    for count in before:
        total[count.pii_type] += count.n_items
    total += found
    return [RedactionCount(pii_type=pii_type, n_items=total[pii_type]) for pii_type in sorted(total)]
