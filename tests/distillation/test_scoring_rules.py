"""The scoring table: what is read, what is refused with file and rule, and what the bundled one decides."""

from pathlib import Path
from typing import get_args

import pytest

from millrace.distillation.marker_columns import FIELDS
from millrace.distillation.scoring import score_part
from millrace.distillation.scoring_rules import Example, ScoringRules, example_table, read_scoring_rules
from millrace.errors import BadInputError
from millrace.records.evidence import Category
from tasks.tables import scoring_rules
from tests.support.marked_evidence import evidence_of, record

FIRST = """
  - id: first
    category: rejected
    reason: 'It is {verdict}.'
    when: {marker: verdict, equals: rejected}
    example: {markers: {verdict: rejected}}
    counterexample: {markers: {verdict: accepted}}
"""
SECOND = """
  - id: second
    category: accepted
    reason: 'It scores {score} in {stream}, {note}.'
    when: {all: [{marker: score, at_least: 3}, {field: stream, equals: audits}]}
    example: {stream: audits, markers: {score: 3, note: well}}
    counterexample: {stream: reviews, markers: {score: 3}}
"""
HEAD = """
version: 2
otherwise: 'Nothing is {known}.'
extraction_roles: [extraction]
rules:"""
TABLE = HEAD + FIRST + SECOND
RULES = scoring_rules()


def read(tmp_path: Path, text: str) -> ScoringRules:
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    return read_scoring_rules(path)


def test_a_good_table_is_read(tmp_path: Path) -> None:
    rules = read(tmp_path, TABLE)
    assert (rules.version, rules.extraction_roles, rules.otherwise) == (2, ["extraction"], "Nothing is {known}.")
    assert [(rule.id, rule.category) for rule in rules.rules] == [("first", "rejected"), ("second", "accepted")]
    assert rules.markers == {"verdict", "score", "note", "stream"}


def test_a_table_is_the_same_after_json(tmp_path: Path) -> None:
    rules = read(tmp_path, TABLE)
    assert ScoringRules.model_validate_json(rules.model_dump_json()) == rules


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("equals: rejected", "is: rejected", "'when.condition.is': Extra inputs"),
        ("equals: rejected", "at_least: many", "'when.condition.at_least': Input should be a valid number"),
        ("equals: rejected", "at_least: yes", "'when.condition.at_least': Input should be a valid number"),
        ("{marker: verdict, equals: rejected}", "{}", "give conditions under"),
        ("category: rejected", "category: refused", "'category'"),
        ("reason: 'It", "weight: 3\n    reason: 'It", "'weight': Extra inputs"),
        ("It is {verdict}", "It is {verdikt}", "the reason names 'verdikt', which neither"),
        ("It is {verdict}", "It is {verdict:9999}", "the reason names 'verdict' with a format"),
        ("It is {verdict}", "It is {verdict!r}", "the reason names 'verdict' with a format"),
        ("It is {verdict}", "It is {}", "the reason names '' with a format"),
        ("It is {verdict}", "It is {", "expected '}'"),
        ("markers: {verdict: rejected}", "markers: {verdict: fine}", "does not hold for its example"),
        ("markers: {verdict: accepted}", "markers: {verdict: rejected}", "holds for its counterexample"),
        ("markers: {verdict: accepted}", "marker: {verdict: accepted}", "'counterexample.marker': Extra inputs"),
        ("    counterexample: {markers: {verdict: accepted}}\n", "", "'counterexample': Field required"),
    ],
)
def test_a_bad_rule_is_refused_with_file_and_rule(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in TABLE
    with pytest.raises(BadInputError, match=r"^own\.yaml: rule 'first': ") as caught:
        read(tmp_path, TABLE.replace(old, new, 1))
    assert message in str(caught.value)
    assert caught.value.details == {"file": "own.yaml", "rule": "first"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("version: 2", "version: 0", "field 'version'"),
        ("version: 2\n", "", "field 'version': Field required"),
        ("otherwise:", "else:", "field"),
        (FIRST + SECOND, " []", "field 'rules'"),
        (FIRST + SECOND, " [first]", "field 'rules.0'"),
        ("rules:", "rules: [", "cannot be read as YAML"),
    ],
)
def test_a_bad_table_is_refused_with_file_and_field(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in TABLE
    with pytest.raises(BadInputError, match=r"^own\.yaml: ") as caught:
        read(tmp_path, TABLE.replace(old, new, 1))
    assert message in str(caught.value)


def test_an_id_used_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="rule 'first': its id is used twice"):
        read(tmp_path, TABLE + FIRST)


REJECTED = "{marker: verdict, equals: rejected}"
STOPPED = "{field: role, equals: bot}"


@pytest.mark.parametrize(
    "when",
    [
        REJECTED,
        f"{{all: [{REJECTED}]}}",
        f"{{all: [{STOPPED}, {REJECTED}]}}",
        f"{{any: [{REJECTED}]}}",
        f"{{all: [{{all: [{REJECTED}, {STOPPED}]}}], none: [{{marker: x, present: true}}]}}",
    ],
)
def test_a_rule_that_an_earlier_one_always_precedes_is_refused(tmp_path: Path, when: str) -> None:
    later = FIRST.replace("id: first", "id: later").replace(REJECTED, when)
    with pytest.raises(BadInputError, match="rule 'later': it is never reached, as rule 'first' before it"):
        read(tmp_path, HEAD + FIRST + later)


def test_a_rule_whose_example_another_decides_is_refused(tmp_path: Path) -> None:
    later = FIRST.replace("id: first", "id: later").replace("equals: rejected", "present: true")
    with pytest.raises(BadInputError, match="rule 'later': its example is decided by rule 'first'"):
        read(tmp_path, HEAD + FIRST + later.replace("{verdict: accepted}", "{}"))
    mended = later.replace("{markers: {verdict: rejected}}", "{markers: {verdict: maybe}}")
    assert read(tmp_path, HEAD + FIRST + mended.replace("{verdict: accepted}", "{}"))


def test_true_and_one_are_different_conditions(tmp_path: Path) -> None:
    one = FIRST.replace("equals: rejected", "equals: 2").replace("{verdict: rejected}", "{verdict: 2}")
    assert read(tmp_path, HEAD + one + FIRST.replace("id: first", "id: other").replace("rejected}", "true}"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"absent\.yaml"):
        read_scoring_rules(tmp_path / "absent.yaml")


# The bundled table


@pytest.mark.parametrize("place", range(len(RULES.rules)), ids=[rule.id for rule in RULES.rules])
def test_every_bundled_rule_decides_its_example_and_spares_its_counterexample(place: int) -> None:
    rule = RULES.rules[place]
    (score,) = scores_of(rule.example)
    assert (score["rule_id"], score["category"]) == (rule.id, rule.category)
    assert not {"{", "}"} & set(score["reason"])
    assert "not given" not in score["reason"]
    (other,) = scores_of(rule.counterexample)
    assert rule.id not in other["fired"]


def scores_of(*examples: Example) -> list[dict[str, object]]:
    table = example_table(list(examples))
    ids = evidence_of(*(record(f"example {place}") for place in range(len(examples)))).column("evidence_id")
    rows: list[dict[str, object]] = score_part(table.append_column("evidence_id", ids), RULES).to_pylist()
    return rows


def test_the_bundled_table_can_give_every_category() -> None:
    assert {rule.category for rule in RULES.rules} == set(get_args(Category))
    assert set(FIELDS) == set(Example.model_fields) - {"markers"}


@pytest.mark.parametrize(
    ("markers", "category"),
    [
        ({}, "needs_human_review"),
        ({"shards": 3, "metric.faithfulness": 1.0}, "needs_human_review"),
        # MTRAG's rule: all ratings at least 3; a faithfulness of 2 rejects
        ({"ratings_min": 3, "faithfulness_min": 3}, "accepted"),
        ({"ratings_min": 2, "faithfulness_min": 2}, "rejected"),
        ({"ratings_min": 2, "faithfulness_min": 3}, "partially_accepted"),
        # people before what was computed
        ({"verdict": "accepted", "grounded_fraction": 0.1, "triage": "failure"}, "accepted"),
        ({"verdict": "rejected", "grounded_fraction": 1.0, "triage": "ok", "feedback": 1.0}, "rejected"),
        ({"annotation": "ok", "triage": "failure"}, "accepted"),
        ({"annotation": "hallucination", "triage": "ok", "grounded_fraction": 1.0}, "rejected"),
        ({"ratings_min": 4, "faithfulness_min": 4, "triage": "failure"}, "accepted"),
        ({"hallucination": "yes", "triage": "ok", "grounded_fraction": 1.0}, "rejected"),
        ({"feedback": 0.0, "triage": "ok", "grounded_fraction": 1.0}, "rejected"),
        # one person's no outweighs another's yes
        ({"verdict": "accepted", "annotation": "safety_violation"}, "rejected"),
        ({"verdict": "accepted", "faithfulness_min": 1}, "rejected"),
        ({"golden": "main", "verdict": "rejected"}, "rejected"),
        # what came of it outweighs who accepted it before
        ({"verdict": "accepted", "build": "red", "reverted": True}, "rejected"),
        ({"verdict": "accepted", "severity": "high"}, "rejected"),
        ({"verdict": "accepted", "severity": "medium"}, "partially_accepted"),
        ({"verdict": "accepted", "attempts": 3}, "partially_accepted"),
        ({"build": "green", "reverted": False, "attempts": 3}, "partially_accepted"),
        ({"build": "green", "reverted": False, "attempts": 1}, "accepted"),
        # a drifted claim waits, whoever accepted it, but what was rejected stays so
        ({"verdict": "accepted", "requirement_hash": "a", "claimed_requirement_hash": "b"}, "needs_human_review"),
        ({"verdict": "rejected", "requirement_hash": "a", "claimed_requirement_hash": "b"}, "rejected"),
        ({"annotation": "hallucination", "annotation_disagreement": True}, "needs_human_review"),
        # computed signals accept only together
        ({"grounded_fraction": 0.9}, "needs_human_review"),
        ({"triage": "ok"}, "needs_human_review"),
        ({"triage": "ok", "grounded_fraction": 0.9, "status": "abstained"}, "needs_human_review"),
        ({"triage": "ok", "grounded_fraction": 0.9, "status": "answered"}, "accepted"),
        ({"grounded_fraction": 0.2}, "rejected"),
        # a replay waits for a person, however well it did
        ({"passed": True, "tier": "local", "grounded_fraction": 1.0, "triage": "ok"}, "needs_human_review"),
        ({"passed": False, "tier": "stronger", "grounded_fraction": 1.0}, "rejected"),
        ({"passed": True, "tier": "local", "verdict": "accepted"}, "accepted"),
        ({"user_correction": True, "feedback": 1.0, "triage": "ok"}, "needs_human_review"),
        # a word that nobody has foreseen is no reason to listen to the machine
        ({"verdict": "meh", "triage": "ok", "grounded_fraction": 1.0}, "needs_human_review"),
    ],
)
def test_the_bundled_table_weighs(markers: dict[str, bool | int | float | str], category: str) -> None:
    (score,) = scores_of(Example(markers=markers))
    assert score["category"] == category


def test_the_bundled_table_calls_a_drifted_claim_so() -> None:
    (score,) = scores_of(Example(markers={"requirement_hash": "b210", "claimed_requirement_hash": "aa07"}))
    assert str(score["reason"]).startswith("Claim drifted")
