"""The last word of each user, and what users say of a trace together."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.datasets.schema import arrow_schema, table_of
from millrace.methods.feedback import last_words, ratings_by_trace
from millrace.records.feedback import Feedback
from millrace.records.trace import utc


def said(*rows: dict[str, Any]) -> pa.Table:
    known = {"trace_id": "t", "tenant_id": "a", "user_id": "ann", "time": utc(2026, 11, 9)}
    return table_of(Feedback, [Feedback(**{"feedback_id": f"f{i}"} | known | row) for i, row in enumerate(rows)])


def test_the_latest_rating_wins_whatever_the_order_of_the_rows() -> None:
    table = said({"rating": 0.0, "time": utc(2026, 11, 10)}, {"rating": 1.0, "time": utc(2026, 11, 9)})
    (word,) = last_words(table).to_pylist()
    assert (word["rating"], word["feedback_id"], word["time"]) == (0.0, "f0", utc(2026, 11, 10))


def test_of_two_at_the_same_time_the_one_that_came_later_wins() -> None:
    assert last_words(said({"rating": 0.0}, {"rating": 1.0})).column("rating").to_pylist() == [1.0]


def test_a_later_comment_keeps_the_rating_and_the_correction() -> None:
    table = said({"rating": 0.0, "correction": "Two."}, {"comment": "Wrong!", "time": utc(2026, 11, 10)})
    (word,) = last_words(table).to_pylist()
    assert (word["rating"], word["correction"], word["comment"]) == (0.0, "Two.", "Wrong!")


def test_users_traces_and_tenants_are_kept_apart_and_nobody_is_one_user() -> None:
    table = said(
        {"rating": 1.0, "trace_id": "u"},
        {"rating": 0.0, "user_id": None},
        {"rating": 0.25, "user_id": None},
        {"rating": 0.5, "tenant_id": "b"},
        {"rating": 0.75},
    )
    found = last_words(table).select(["trace_id", "tenant_id", "user_id", "rating"]).to_pylist()
    assert [tuple(row.values()) for row in found] == [
        ("t", "a", "ann", 0.75),
        ("t", "a", None, 0.25),
        ("t", "b", "ann", 0.5),
        ("u", "a", "ann", 1.0),
    ]


def test_nothing_said_is_nothing() -> None:
    assert last_words(said()).equals(arrow_schema(Feedback).empty_table())
    assert ratings_by_trace([]).num_rows == ratings_by_trace([said()]).num_rows == 0


_ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "trace_id": st.sampled_from(["t", "u"]),
            "user_id": st.sampled_from([None, "ann", "bob"]),
            "time": st.integers(1, 3).map(lambda day: utc(2026, 11, day)),
            "rating": st.none() | st.sampled_from([0.0, 0.5, 1.0]),
            "comment": st.none() | st.sampled_from(["x", "y"]),
        }
    ),
    max_size=12,
)


@given(_ROWS)
def test_last_words_agree_with_going_through_the_rows_one_by_one(rows: list[dict[str, Any]]) -> None:
    known: dict[tuple[str, str], dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: row["time"]):
        word = known.setdefault((row["trace_id"], row["user_id"] or "~"), {})
        word |= {name: value for name, value in row.items() if value is not None}
    found = last_words(said(*rows)).to_pylist()
    names = ("rating", "comment", "time")
    assert [tuple(row[name] for name in names) for row in found] == [
        tuple(known[key].get(name) for name in names) for key in sorted(known)
    ]


@given(_ROWS)
def test_last_words_of_last_words_are_they_themselves(rows: list[dict[str, Any]]) -> None:
    once = last_words(said(*rows))
    assert last_words(once).equals(once)


def test_a_trace_has_the_mean_of_its_users_over_all_parts() -> None:
    first = said({"rating": 0.0, "correction": "Two."}, {"rating": None, "comment": "hm", "trace_id": "u"})
    second = said({"rating": 0.75, "user_id": "bob"}, {"rating": None, "user_id": "eve", "comment": "?"})
    assert ratings_by_trace([first, second]).to_pylist() == [
        {"trace_id": "t", "rating": pytest.approx(0.375), "n_ratings": 2, "corrected": True, "n_comments": 1},
        {"trace_id": "u", "rating": None, "n_ratings": 0, "corrected": False, "n_comments": 1},
    ]
