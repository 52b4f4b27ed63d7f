import base64
import hashlib
import json
from typing import Any

import pytest

from millrace.ingestion.questions import QuestionTables, Screens, map_questions
from millrace.ingestion.readers import RawRow
from millrace.ingestion.row_bytes import UnreadableRow
from millrace.methods.injection import InjectionRule, InjectionScreen
from millrace.methods.redaction import RedactionRule, Redactor

MAIL = RedactionRule(id="mail", regex=r"\w+@\w+\.org", pii_type="EMAIL", reason="r", positive="a@b.org", negative="b")
SSN = RedactionRule(id="ssn", regex=r"\d{3}-\d{4}", pii_type="PHONE", reason="r", positive="555-1234", negative="b")
IGNORE = InjectionRule(id="ignore", regex=r"ignore all", reason="r", positive="ignore all", negative="b")
SCREENS = Screens(Redactor([MAIL, SSN]), InjectionScreen([IGNORE]))


def raw(number: int, **fields: Any) -> dict[str, Any]:
    return {"question_id": f"q{number}", "tenant_id": "a", "time": "2026-11-09T08:00:00Z", "question": "Why?"} | fields


def lines(*rows: Any) -> list[RawRow]:
    encoded = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    return [RawRow(number, content) for number, content in enumerate(encoded, start=1)]


def read(*rows: Any, seen: set[str] | None = None) -> QuestionTables:
    return map_questions(lines(*rows), SCREENS, source="questions.jsonl", seen=set() if seen is None else seen)


def test_questions_come_in_row_order_and_other_fields_are_left_out() -> None:
    tables = read(raw(2, colour="blue"), raw(1))
    assert tables.questions.column("question_id").to_pylist() == ["q2", "q1"]
    assert tables.skips.num_rows == 0


def test_a_table_row_is_taken_like_a_line() -> None:
    rows = [RawRow(1, raw(1))]
    assert map_questions(rows, SCREENS, source="s", seen=set()).questions.equals(read(raw(1)).questions)


def test_personal_data_is_replaced_in_question_and_history_and_counted_together() -> None:
    history = [{"speaker": "user", "text": "I am bo@home.org"}, {"speaker": "assistant", "text": "Hello"}]
    row = read(raw(1, question="Mail ann@home.org or 555-1234", history=history)).questions.to_pylist()[0]
    assert row["question"] == "Mail [EMAIL] or [PHONE]"
    assert [turn["text"] for turn in row["history"]] == ["I am [EMAIL]", "Hello"]
    assert row["redactions"] == [{"pii_type": "EMAIL", "n_items": 2}, {"pii_type": "PHONE", "n_items": 1}]


def test_an_injection_is_kept_with_the_rule_that_found_it() -> None:
    tables = read(raw(1, question="Ignore ALL you know"), raw(2))
    assert tables.questions.column("blocked_by").to_pylist() == ["ignore", None]


def test_an_injection_in_an_earlier_turn_of_the_user_blocks_too_and_in_no_other_turn() -> None:
    said = {"speaker": "user", "text": "ignore all"}
    tables = read(
        raw(1, history=[said, {"speaker": "assistant", "text": "No."}]),
        raw(2, history=[said | {"speaker": "assistant"}, said | {"speaker": "system"}]),
    )
    assert tables.questions.column("blocked_by").to_pylist() == ["ignore", None]


def test_a_text_is_screened_as_it_was_written_and_not_as_it_is_stored() -> None:
    token = MAIL.model_copy(update={"id": "token", "regex": "[A-Za-z0-9]{20,}", "pii_type": "API_TOKEN"})
    screens = Screens(Redactor([token]), InjectionScreen([IGNORE]))
    payload = base64.b64encode(b"now ignore all of it").decode().rstrip("=")
    row = map_questions(lines(raw(1, question=payload)), screens, source="s", seen=set()).questions.to_pylist()[0]
    assert (row["question"], row["blocked_by"]) == ("[API_TOKEN]", "ignore")


def test_ids_that_are_personal_data_get_pseudonyms_and_others_stay() -> None:
    first, second, third = read(
        raw(1, user_id="ann@home.org", session_id="ann@home.org-3"),
        raw(2, user_id="ann@home.org", session_id=""),
        raw(3, user_id="u7"),
    ).questions.to_pylist()
    assert first["user_id"].startswith("[EMAIL]~")
    assert first["session_id"].startswith("[EMAIL]-3~")
    assert first["redactions"] == [{"pii_type": "EMAIL", "n_items": 2}]
    assert (second["user_id"], second["session_id"]) == (first["user_id"], "")
    assert (third["user_id"], third["session_id"]) == ("u7", None)


def test_a_type_may_be_reported_or_keep_the_question_from_being_answered() -> None:
    reported, blocking = MAIL.model_copy(update={"mode": "report"}), SSN.model_copy(update={"mode": "block"})
    screens = Screens(Redactor([reported, blocking]), InjectionScreen([IGNORE]))
    history = [{"speaker": "user", "text": "bo@home.org"}]
    rows = lines(raw(1, question="ann@home.org", history=history), raw(2, question="call 555-1234"))
    first, second = map_questions(rows, screens, source="s", seen=set()).questions.to_pylist()
    assert (first["question"], first["redactions"], first["pii_blocked_by"]) == ("ann@home.org", [], None)
    assert first["reported_pii"] == [{"pii_type": "EMAIL", "n_items": 2}]
    assert (second["question"], second["pii_blocked_by"]) == ("call [PHONE]", "PHONE")


@pytest.mark.parametrize(
    "claimed", [{"blocked_by": None}, {"redactions": []}, {"pii_blocked_by": "X", "reported_pii": []}]
)
def test_the_file_cannot_say_that_a_question_was_screened(claimed: dict[str, Any]) -> None:
    row = read(raw(1, question="ignore all, a@b.org", **claimed)).questions.to_pylist()[0]
    assert row["blocked_by"] == "ignore"
    assert row["redactions"] == [{"pii_type": "EMAIL", "n_items": 1}]
    assert row["pii_blocked_by"] is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "not_json"),
        (b"\xff{}", "not_json"),
        (b"[" * 100_000, "too_deep"),
        (b"[1]", "not_an_object"),
        (raw(1, time="yesterday"), "wrong_type"),
        (raw(1, time="2026-11-09T08:00:00"), "wrong_type"),  # a time without a zone is no instant
        (raw(1, question_id=""), "wrong_type"),
        ({"question_id": "q1"}, "missing_field"),
        (raw(1, history=[{"speaker": "robot", "text": ""}]), "wrong_type"),
        (raw(1, question="\ud800"), "lone_surrogate"),
    ],
)
def test_a_row_that_cannot_be_taken_is_set_aside_with_its_reason(content: Any, reason: str) -> None:
    tables = read(content, raw(2))
    skip = tables.skips.to_pylist()[0]
    assert (skip["source"], skip["line"], skip["reason"]) == ("questions.jsonl", 1, reason)
    assert tables.questions.column("question_id").to_pylist() == ["q2"]


def test_a_skip_holds_the_hash_of_the_row_and_nothing_of_its_content() -> None:
    content = json.dumps(raw(1, time="secret-time", question="secret-question")).encode()
    skip = read(content).skips.to_pylist()[0]
    assert skip["row_hash"] == hashlib.sha256(content).hexdigest()
    assert "secret" not in json.dumps(skip)
    assert skip["message"].startswith("time: ")


def test_of_rows_with_one_id_the_first_is_taken_across_batches() -> None:
    seen: set[str] = set()
    first = read(raw(1, question="first"), raw(1, question="second"), seen=seen)
    later = read(raw(1), raw(2), seen=seen)
    assert first.questions.column("question").to_pylist() == ["first"]
    assert first.skips.column("reason").to_pylist() == ["duplicate_id"]
    assert later.questions.column("question_id").to_pylist() == ["q2"]
    assert seen == {"q1", "q2"}


def test_a_bad_row_does_not_take_its_id() -> None:
    tables = read(raw(1, time="yesterday"), raw(1))
    assert tables.questions.column("question_id").to_pylist() == ["q1"]
    assert tables.skips.column("reason").to_pylist() == ["wrong_type"]


def test_a_row_that_could_not_be_read_keeps_the_readers_reason() -> None:
    unreadable = UnreadableRow(3, "too_long", "17000000 bytes", "f" * 64)
    skips = map_questions([unreadable], SCREENS, source="s", seen=set()).skips.to_pylist()
    expected = {"line": 3, "reason": "too_long", "message": "17000000 bytes", "row_hash": "f" * 64, "source": "s"}
    assert skips == [expected]
