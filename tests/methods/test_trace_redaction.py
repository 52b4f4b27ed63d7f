"""Every free text of a trace is redacted, and citations keep pointing at the same words."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.methods.redaction import RedactionRule, Redactor
from millrace.methods.trace_redaction import redact_trace
from millrace.records.rules import read_rules
from millrace.records.trace import Citation, RedactionCount, Trace, utc

REDACTOR = Redactor(read_rules(Path(__file__).parents[2] / "configs" / "pii.yaml", RedactionRule))
MAIL = "mary@example.org"


def _trace(**fields: object) -> Trace:
    base = {"trace_id": "t1", "time": utc(2026, 11, 16), "tenant_id": "a", "question": "?"}
    return Trace.model_validate(base | fields)


def test_every_free_text_is_redacted_and_counted() -> None:
    trace = _trace(
        question=MAIL,
        history=[{"speaker": "user", "text": MAIL}],
        contexts=[{"context_id": "c", "text": MAIL, "title": MAIL}, {"context_id": "d", "text": "fine"}],
        answer=MAIL,
        error=MAIL,
        spans=[{"name": "s", "attributes": [{"name": "n", "value": MAIL}]}],
        scores=[{"name": "s", "value": None, "reason": MAIL, "source": "app"}],
    )

    redacted = redact_trace(trace, REDACTOR)

    assert MAIL not in redacted.model_dump_json()
    assert redacted.redactions == [RedactionCount(pii_type="EMAIL", n_items=8)]
    assert redacted.contexts[1] == trace.contexts[1]
    assert redact_trace(redacted, REDACTOR) == redacted


def test_user_and_session_ids_that_are_personal_data_get_pseudonyms() -> None:
    redacted = redact_trace(_trace(user_id=MAIL, session_id=f"{MAIL}/1"), REDACTOR)

    assert (redacted.user_id or "").startswith("[EMAIL]~")
    assert (redacted.session_id or "").startswith("[EMAIL]/1~")
    assert redacted.redactions == [RedactionCount(pii_type="EMAIL", n_items=2)]
    assert redact_trace(_trace(user_id="u1"), REDACTOR).user_id == "u1"
    assert redact_trace(redacted, REDACTOR) == redacted


def test_counts_are_added_to_those_of_an_earlier_pass() -> None:
    earlier = [RedactionCount(pii_type="SSN", n_items=1), RedactionCount(pii_type="EMAIL", n_items=2)]

    redacted = redact_trace(_trace(question=MAIL, redactions=earlier), REDACTOR)

    assert [(count.pii_type, count.n_items) for count in redacted.redactions] == [("EMAIL", 3), ("SSN", 1)]


def test_a_clean_trace_is_returned_as_it_is() -> None:
    trace = _trace(redactions=[RedactionCount(pii_type="SSN", n_items=1), RedactionCount(pii_type="EMAIL", n_items=1)])

    assert redact_trace(trace, REDACTOR) is trace


@settings(deadline=None)
@given(st.lists(st.sampled_from(["The first. ", f"{MAIL} ", "call +1 202-555-0143 now ", "ß "]), max_size=6), st.data())
def test_citations_move_with_the_answer_or_are_dropped(pieces: list[str], data: st.DataObject) -> None:
    answer = "".join(pieces)
    start = data.draw(st.integers(0, len(answer)))
    end = data.draw(st.integers(start, len(answer)))
    citation = Citation(start=start, end=end, context_id="c")

    redacted = redact_trace(_trace(answer=answer, citations=[citation]), REDACTOR)

    touched = any(edit.start < end and start < edit.end for edit in REDACTOR.redact(answer).edits)
    assert len(redacted.citations) == (not touched)
    for moved in redacted.citations:
        assert (redacted.answer or "")[moved.start : moved.end] == answer[start:end]
