"""Scores by columns: the same as rule by rule and record by record, in whatever order and company."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.datasets.validation import checked
from millrace.distillation.scoring import SCORED_COLUMNS, score_part
from millrace.distillation.scoring_conditions import Condition, Group
from millrace.distillation.scoring_rules import ScoringRules
from millrace.records.evidence import EvidenceScore
from tasks.tables import scoring_rules
from tests.support.marked_evidence import evidence_of, record

NAMES = ("verdict", "score", "hash", "claimed")
VALUES: tuple[bool | float | str, ...] = (True, False, 0.0, 1.0, 2.5, "accepted", "Rejected ", "true", "1")


def rules_of(*rules: dict[str, Any]) -> ScoringRules:
    defaults = {"category": "accepted", "reason": "So.", "example": {}, "counterexample": {}}
    filled = [defaults | {"id": f"rule {place}"} | rule for place, rule in enumerate(rules)]
    return ScoringRules.model_validate(
        {"version": 1, "extraction_roles": [], "otherwise": "Nobody {knows}.", "rules": filled}
    )


def scored(rules: ScoringRules, *records: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = score_part(evidence_of(*records), rules).to_pylist()
    return rows


REJECTS = {"id": "rejects", "category": "rejected", "when": {"marker": "verdict", "equals": "rejected"}}
LOW = {"id": "low", "category": "partially_accepted", "when": {"marker": "score", "less_than": 3}}
HIGH = {"id": "high", "category": "accepted", "when": {"marker": "score", "at_least": 2}}


def test_the_first_rule_that_holds_decides_and_all_that_hold_have_fired() -> None:
    rows = scored(
        rules_of(REJECTS, LOW, HIGH),
        record("a", ("score", 2.5), ("verdict", "rejected")),
        record("b", ("score", 2)),
        record("c", ("score", 5)),
        record("d", ("other", 1)),
        record("e", ("score", 1)),
    )
    assert [row["evidence_id"] for row in rows] == ["a", "b", "c", "d", "e"]
    assert [row["rule_id"] for row in rows] == ["rejects", "low", "high", None, "low"]
    assert [row["category"] for row in rows] == [
        "rejected", "partially_accepted", "accepted", "needs_human_review", "partially_accepted",
    ]  # fmt: skip
    assert [row["fired"] for row in rows] == [["rejects", "low", "high"], ["low", "high"], ["high"], [], ["low"]]
    assert {row["parent_id"] for row in rows} == {None}


def test_what_no_rule_decides_waits_for_a_person_with_the_tables_own_reason() -> None:
    (row,) = scored(rules_of(REJECTS), record("a"))
    assert (row["category"], row["rule_id"], row["reason"]) == ("needs_human_review", None, "Nobody {knows}.")


def test_reasons_hold_the_records_own_values() -> None:
    told = {"when": {"field": "role", "present": True}, "reason": "{{{score}}}: {note} of {role} in {stream}, {hash}."}
    shown = rules_of({**told, "example": {"markers": {"score": 1, "note": "x", "hash": "y"}}})
    rows = scored(
        shown,
        record("a", ("score", 0.12345), ("note", "short")),
        record("b", ("score", True), ("note", "word " * 40), role="auditor", stream="audits"),
    )
    assert rows[0]["reason"] == "{0.123}: short of answerer in reviews, not given."
    assert rows[1]["reason"] == "{true}: " + ("word " * 40)[:79] + "… of auditor in audits, not given."


def test_each_reason_goes_to_its_own_row() -> None:
    rules = rules_of(REJECTS | {"reason": "Verdict {verdict}."}, HIGH | {"reason": "Score {score}."})
    rows = scored(
        rules, *(record(str(n), ("score", n), *([("verdict", "rejected")] if n % 3 else [])) for n in range(9))
    )
    expected = ["Verdict rejected." if n % 3 else "Nobody {knows}." if n < 2 else f"Score {n}." for n in range(9)]
    assert [row["reason"] for row in rows] == expected


def test_no_records_give_no_scores() -> None:
    table = score_part(evidence_of(record("a")).slice(0, 0), scoring_rules())
    assert checked(EvidenceScore, table).num_rows == 0


def test_scores_are_valid_records_and_need_no_more_than_their_columns() -> None:
    evidence = evidence_of(*(record(str(n), ("verdict", "accepted"), ("attempts", n)) for n in range(5)))
    whole = checked(EvidenceScore, score_part(evidence, scoring_rules()))
    assert score_part(evidence.select(SCORED_COLUMNS), scoring_rules()).equals(whole)


# Properties: a simple evaluation, one record and one condition at a time, says the same.

values = st.sampled_from(VALUES)
conditions = st.one_of(
    st.builds(
        lambda m, o, v: {"marker": m, o: v}, st.sampled_from(NAMES), st.sampled_from(["equals", "not_equals"]), values
    ),
    st.builds(
        lambda m, o, v: {"marker": m, o: v},
        st.sampled_from(NAMES),
        st.sampled_from(["one_of", "none_of"]),
        st.lists(values, min_size=1, max_size=3),
    ),
    st.builds(
        lambda m, o, v: {"marker": m, o: v},
        st.sampled_from(NAMES),
        st.sampled_from(["less_than", "at_most", "more_than", "at_least"]),
        st.sampled_from([0.0, 1.0, 2.5]),
    ),
    st.builds(lambda m, o: {"marker": m, o: True}, st.sampled_from(NAMES), st.sampled_from(["present", "missing"])),
    st.just({"marker": "hash", "differs_from": "claimed"}),
    st.builds(lambda v: {"field": "role", "equals": v}, st.sampled_from(["answerer", "reviewer"])),
    st.builds(lambda o: {"field": "producer", o: True}, st.sampled_from(["present", "missing"])),
)
trees = st.recursive(
    conditions,
    lambda inner: st.dictionaries(
        st.sampled_from(["all", "any", "none"]), st.lists(inner, min_size=1, max_size=3), min_size=1
    ),
    max_leaves=6,
)
tables = st.lists(
    st.fixed_dictionaries(
        {
            "when": trees,
            "category": st.sampled_from(["accepted", "partially_accepted", "rejected", "needs_human_review"]),
            "reason": st.sampled_from(["So.", "{stream}: {role}, made by {producer}."]),
        }
    ),
    min_size=1,
    max_size=4,
).map(lambda rules: rules_of(*rules))
marked = st.tuples(st.sampled_from(NAMES), values)
records = st.lists(
    st.builds(
        lambda pairs, fields: (pairs, fields),
        st.lists(marked, max_size=5),
        st.fixed_dictionaries(
            {"role": st.sampled_from(["answerer", "Reviewer"]), "producer": st.sampled_from([None, "gpt"])}
        ),
    ),
    max_size=6,
).map(lambda rows: [record(str(place), *pairs, **fields) for place, (pairs, fields) in enumerate(rows)])


def holds(node: Condition | Group, row: dict[str, Any]) -> bool:
    if isinstance(node, Group):
        return (
            all(holds(member, row) for member in node.all or ())
            and (node.any is None or any(holds(member, row) for member in node.any))
            and not any(holds(member, row) for member in node.none or ())
        )
    markers = {each["name"]: each for each in row["markers"]}
    if node.field is not None and row[node.field] is not None:
        seen = {"value": row[node.field], "number": None}
    else:
        seen = markers.get(node.marker)
    if node.missing:
        return seen is None
    return seen is not None and compared(node, seen, markers)


def compared(node: Condition, seen: dict[str, Any], markers: dict[str, dict[str, Any]]) -> bool:
    number = seen["number"]
    match node.operator:
        case "present":
            return True
        case "equals" | "one_of":
            return any(same(seen, value) for value in bounds(node))
        case "not_equals" | "none_of":
            return not any(same(seen, value) for value in bounds(node))
        case "less_than":
            return number is not None and number < node.bound
        case "at_most":
            return number is not None and number <= node.bound
        case "more_than":
            return number is not None and number > node.bound
        case "at_least":
            return number is not None and number >= node.bound
        case _:
            other = markers.get(str(node.differs_from))
            if other is None or (number is not None and number == other["number"]):
                return False
            return bool(other["value"] != seen["value"])


def bounds(node: Condition) -> tuple[Any, ...]:
    return node.bound if isinstance(node.bound, tuple) else (node.bound,)


def same(seen: dict[str, Any], value: bool | float | str) -> bool:
    if isinstance(value, float):
        return bool(seen["number"] == value)
    text = str(value).lower() if isinstance(value, bool) else value
    return bool(seen["value"].strip().lower() == text.strip().lower())


def score_of(row: dict[str, Any], rules: ScoringRules) -> dict[str, Any]:
    fired = [rule for rule in rules.rules if holds(rule.when, row)]
    shown = {name: row[name] or "not given" for name in ("stream", "role", "producer")}
    return {
        "evidence_id": row["evidence_id"],
        "category": fired[0].category if fired else "needs_human_review",
        "rule_id": fired[0].id if fired else None,
        "reason": fired[0].reason.format_map(shown) if fired else rules.otherwise,
        "fired": [rule.id for rule in fired],
        "parent_id": None,
    }


@settings(max_examples=300, deadline=None)
@given(tables, records)
def test_columns_say_what_one_record_at_a_time_says(rules: ScoringRules, rows: list[dict[str, Any]]) -> None:
    if rows:
        assert scored(rules, *rows) == [score_of(row, rules) for row in rows]


@settings(max_examples=60, deadline=None)
@given(tables, records, st.randoms(use_true_random=False))
def test_the_order_of_records_decides_nothing(rules: ScoringRules, rows: list[dict[str, Any]], random: Any) -> None:
    shuffled = random.sample(rows, len(rows))
    if rows:
        by_id = {score["evidence_id"]: score for score in scored(rules, *rows)}
        assert scored(rules, *shuffled) == [by_id[row["evidence_id"]] for row in shuffled]


@settings(max_examples=60, deadline=None)
@given(tables, records, values, st.booleans())
def test_a_marker_that_no_rule_names_changes_nothing(
    rules: ScoringRules, rows: list[dict[str, Any]], value: bool | float | str, in_front: bool
) -> None:
    more = [
        row | {"markers": [*extra, *row["markers"]] if in_front else [*row["markers"], *extra]}
        for row in rows
        for extra in [record("x", ("unrelated", value))["markers"]]
    ]
    if rows:
        assert scored(rules, *more) == scored(rules, *rows)


@pytest.mark.parametrize("name", ["verdict", "ratings_min", "grounded_fraction", "triage", "feedback"])
def test_a_later_marker_of_the_same_name_replaces_the_earlier(name: str) -> None:
    rules = scoring_rules()
    for first, last in (("rejected", "accepted"), (0.0, 1.0), (4, 1), (True, "ok")):
        twice, once = scored(rules, record("a", (name, first), (name, last)), record("a", (name, last)))
        assert twice == once
