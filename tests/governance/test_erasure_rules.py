"""Every kind of dataset says how a person's rows are found in it."""

import pytest

from millrace.governance.erasure_rules import RULES
from millrace.records.kinds import KINDS

# A column by this name is always about a trace, evidence or task of somebody: a rule that overlooks it misses rows.
ALWAYS = {"trace_id": "trace", "evidence_id": "evidence", "source_trace_id": "trace", "annotation_id": "annotation"}


def test_every_kind_has_a_rule_and_no_rule_is_of_another() -> None:
    assert set(RULES) == set(KINDS)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_rule_names_columns_that_are_there_and_overlooks_none(name: str) -> None:
    rule, model = RULES[name], KINDS[name].model
    columns = set(model.model_fields)
    named = {*rule.persons, *rule.joins, *rule.gives, *rule.names, *rule.texts, *rule.says, *rule.lists}
    assert named - {"place"} <= columns
    assert {column for column in columns if column.endswith("user_id")} == set(rule.persons)
    assert set(rule.says) <= set(rule.texts)
    for column in columns & ALWAYS.keys():
        assert ALWAYS[column] in (rule.joins.get(column), rule.gives.get(column)), column
    assert rule.found


def test_what_a_kind_is_joined_by_some_kind_gives() -> None:
    given = {family for rule in RULES.values() for family in rule.gives.values()} | {"place"}
    joined = {
        family
        for rule in RULES.values()
        for families in rule.joins.values()
        for family in ((families,) if isinstance(families, str) else families)
    }
    assert joined <= given


def test_kinds_that_keep_every_row_say_why() -> None:
    kept = {name for name, rule in RULES.items() if not rule.drops_rows}
    assert kept == {"skips", "failure_groups", "week_facts", "day_figures"}
    assert all(RULES[name].found.startswith("none: ") for name in kept)


@pytest.mark.parametrize("name", sorted(set(KINDS) - {"week_facts", "day_figures", "asked_questions"}))
def test_prose_is_no_bare_id(name: str) -> None:
    """Redacting a column that must be an id, or one of some words, would make its rows invalid."""
    for column in RULES[name].texts:
        assert not column.endswith("_id")
