"""Rows of feedback: what is taken, what is set aside, and what never gets in."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.errors import BadInputError
from millrace.ingestion.feedback import FeedbackImport, FeedbackSettings, ImportedFeedback, feedback_form
from millrace.ingestion.rating_scales import RatingScale
from millrace.ingestion.readers import RawRow
from millrace.methods.redaction import RedactionRule, Redactor
from millrace.records.trace import utc
from tests.support.traces import ODD_JSON

MAIL = RedactionRule(id="mail", regex=r"\w+@\w+\.org", pii_type="EMAIL", reason="r", positive="a@b.org", negative="b")
TIME = "2026-11-09T08:00:00+00:00"


def raw(**fields: Any) -> dict[str, Any]:
    return {"trace_id": "t1", "tenant_id": "a", "time": TIME, "rating": True} | fields


def importer(scale: RatingScale | None = None, fields: Any = None, **settings: Any) -> FeedbackImport:
    form = feedback_form(scale, fields or {})
    return FeedbackImport(FeedbackSettings(form, Redactor([MAIL]), **settings), "feedback.jsonl")


def read(*rows: Any, reading: FeedbackImport | None = None) -> ImportedFeedback:
    encoded = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    lines = [RawRow(number, content) for number, content in enumerate(encoded, start=1)]
    return (reading or importer()).of(lines)


def reasons(tables: ImportedFeedback) -> list[tuple[int, str]]:
    return [(row["line"], row["reason"]) for row in tables.skips.to_pylist()]


def test_a_row_becomes_feedback_and_other_fields_are_left_out() -> None:
    (row,) = read(raw(comment=" fine ", user_id="u7", colour="blue")).feedback.to_pylist()
    assert len(row.pop("feedback_id")) == 32
    assert row == {
        "trace_id": "t1",
        "tenant_id": "a",
        "user_id": "u7",
        "time": utc(2026, 11, 9, 8),
        "rating": 1.0,
        "correction": None,
        "comment": " fine ",
    }


def test_fields_of_other_names_are_found_by_their_paths() -> None:
    paths = {"trace_id": "run.id", "rating": "score", "user_id": 'meta["user.name"]'}
    row = {"run": {"id": "t9"}, "score": 4, "time": TIME, "meta": {"user.name": "u"}, "trace_id": "no", "rating": 1}
    (found,) = read(row, reading=importer("stars", paths, tenant_id="z")).feedback.to_pylist()
    assert (found["trace_id"], found["rating"], found["user_id"], found["tenant_id"]) == ("t9", 0.75, "u", "z")


def test_a_bad_path_is_refused() -> None:
    with pytest.raises(BadInputError, match="is no path"):
        feedback_form(None, {"trace_id": "a["})


def test_time_and_tenant_of_rows_that_give_none() -> None:
    row = {"trace_id": "t1", "rating": "up", "time": "", "tenant_id": None}
    tables = read(row, raw(), reading=importer(default_time=utc(2026, 1, 1), tenant_id="home"))
    assert tables.feedback.column("tenant_id").to_pylist() == ["home", "a"]
    assert tables.feedback.column("time").to_pylist() == [utc(2026, 1, 1), utc(2026, 11, 9, 8)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"{", "not_json"),
        (b"[1]", "not_an_object"),
        (raw(trace_id=None), "missing_field"),
        (raw(tenant_id=""), "missing_field"),
        (raw(time=None), "missing_field"),
        (raw(time="2026-11-09T08:00:00"), "wrong_type"),
        (raw(time="0001-01-01T00:00:00+14:00"), "wrong_type"),
        (raw(trace_id="x" * 513), "too_long"),
        (raw(rating=3), "no_scale"),
        (raw(rating={"stars": 3}), "wrong_type"),
        (raw(rating=None), "says_nothing"),
        (raw(rating=None, comment=" ", correction=""), "says_nothing"),
        (raw(comment="\ud800"), "lone_surrogate"),
        (raw(comment=7), "wrong_type"),
    ],
)
def test_a_row_that_cannot_be_taken_is_a_skip_with_its_reason_and_hash(row: Any, reason: str) -> None:
    tables = read(raw(), row, raw(trace_id="t2"))
    assert reasons(tables) == [(2, reason)]
    assert tables.feedback.column("trace_id").to_pylist() == ["t1", "t2"]
    content = row if isinstance(row, bytes) else json.dumps(row).encode()
    assert tables.skips.column("row_hash").to_pylist() == [hashlib.sha256(content).hexdigest()]


def test_personal_data_is_replaced_and_a_user_who_is_named_by_it_stays_one_user() -> None:
    rows = [
        raw(user_id="ann@home.org", comment="Ask ann@home.org", correction="bob@home.org knows"),
        raw(user_id="ann@home.org", trace_id="t2"),
        raw(user_id="bob@home.org", trace_id="t2", feedback_id="bob@home.org/1"),
    ]
    found = read(*rows).feedback
    assert "@" not in str(found.to_pylist())
    first = found.to_pylist()[0]
    assert (first["comment"], first["correction"]) == ("Ask [EMAIL]", "[EMAIL] knows")
    ann, again, bob = found.column("user_id").to_pylist()
    assert ann == again != bob


def test_skips_say_nothing_of_what_a_row_says() -> None:
    skips = read(raw(rating="5 ann@home.org"), raw(time="ann@home.org"), raw(trace_id=["ann@home.org"])).skips
    assert skips.num_rows == 3
    assert "ann" not in str(skips.to_pylist())


def test_what_was_said_before_word_for_word_is_counted_once_and_a_change_of_mind_is_kept() -> None:
    reading = importer()
    first = read(raw(user_id="u", comment="x"), raw(user_id="u", comment="x", colour="red"), reading=reading)
    second = read(raw(user_id="u", comment="x"), raw(user_id="u", rating=False), raw(user_id="v"), reading=reading)
    assert reasons(first) == [(2, "duplicate")]
    assert reasons(second) == [(1, "duplicate")]
    assert (reading.n_duplicates, reading.n_revised) == (2, 1)
    assert (reading.n_ratings, reading.n_comments, reading.n_corrections) == (3, 1, 0)


def test_an_id_is_the_same_for_the_same_word_and_another_for_another() -> None:
    ids = read(raw(), raw(rating=False), raw(feedback_id="own"), raw(user_id="u")).feedback.column("feedback_id")
    again = read(raw(tenant_id="a")).feedback.column("feedback_id")
    assert ids.to_pylist()[0] == again.to_pylist()[0]
    assert ids.to_pylist()[2] == "own"
    assert len(set(ids.to_pylist())) == 4


def test_files_of_every_form_give_the_same(tmp_path: Path) -> None:
    rows = [raw(rating=n % 2 == 0, trace_id=f"t{n}") for n in range(5)]
    (tmp_path / "f.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "f.json").write_text(json.dumps(rows))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "f.parquet")
    found = [
        pa.concat_tables([batch.feedback for batch in importer().batches(tmp_path / name)])
        for name in ("f.jsonl", "f.json", "f.parquet")
    ]
    assert found[0].num_rows == 5
    assert found[0].equals(found[1])
    assert found[0].equals(found[2])


_ODD_ROWS = st.lists(
    st.dictionaries(
        st.sampled_from(["trace_id", "tenant_id", "user_id", "time", "rating", "comment", "feedback_id"]),
        ODD_JSON | st.sampled_from([TIME, "t1", True, 4, "up"]),
    ),
    max_size=6,
)


@given(_ODD_ROWS, st.sampled_from([None, "thumbs", "stars", "unit"]))
def test_every_row_is_taken_or_set_aside_whatever_it_holds(rows: list[Any], scale: RatingScale | None) -> None:
    lines = [RawRow(number, row) for number, row in enumerate(rows, start=1)]
    tables = importer(scale).of(lines)
    assert tables.feedback.num_rows + tables.skips.num_rows == len(rows)
