"""Explanations: what every condition saw, in agreement with the scores."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.datasets.schema import rows_of
from millrace.distillation.explanation import Explanation, explain
from millrace.distillation.scoring import score_part
from millrace.distillation.scoring_rules import ScoringRules
from millrace.records.evidence import Evidence
from tasks.tables import scoring_rules
from tests.support.marked_evidence import evidence_of, record

RULES = scoring_rules()
TREE = ScoringRules.model_validate(
    {
        "version": 1,
        "extraction_roles": [],
        "otherwise": "None.",
        "rules": [
            {
                "id": "tree",
                "category": "accepted",
                "reason": "Score {score}.",
                "when": {
                    "all": [
                        {"marker": "score", "at_least": 3},
                        {
                            "any": [
                                {"marker": "verdict", "one_of": ["ok", True, 1]},
                                {"marker": "golden", "present": True},
                            ]
                        },
                    ],
                    "none": [{"marker": "hash", "differs_from": "claimed"}, {"field": "split", "equals": "eval"}],
                },
                "example": {},
                "counterexample": {},
            },
            {
                "id": "single",
                "category": "rejected",
                "reason": "No score.",
                "when": {"marker": "score", "missing": True},
                "example": {},
                "counterexample": {},
            },
        ],
    }
)


def explained(rules: ScoringRules, *pairs: tuple[str, object], **fields: object) -> Explanation:
    (given_,) = rows_of(Evidence, evidence_of(record("a", *pairs, **fields)))
    return explain(given_, rules)


def seen(explanation: Explanation, rule_id: str) -> list[tuple[Any, ...]]:
    (rule,) = [each for each in explanation.rules if each.id == rule_id]
    return [(each.under, each.name, each.operator, each.bound, each.seen, each.holds) for each in rule.conditions]


def test_each_condition_shows_its_place_the_value_seen_and_the_bound() -> None:
    found = explained(TREE, ("score", 2.5), ("verdict", "ok"), ("hash", "9f"), ("claimed", "1b"))
    assert seen(found, "tree") == [
        ("all", "score", ">=", "3", "2.5", False),
        ("all > any", "verdict", "is one of", "ok, true, 1", "ok", True),
        ("all > any", "golden", "is given", "", "not given", False),
        ("none", "hash", "differs from", "claimed (1b)", "9f", True),
        ("none", "split", "=", "eval", "not given", False),
    ]
    assert seen(found, "single") == [("all", "score", "is not given", "", "2.5", False)]
    assert [(rule.fired, rule.decides) for rule in found.rules] == [(False, False), (False, False)]
    assert (found.category, found.rule_id, found.reason) == ("needs_human_review", None, "None.")


def test_the_rule_that_decides_is_named() -> None:
    found = explained(TREE, ("score", 4), ("golden", "main"))
    assert [(rule.id, rule.fired, rule.decides) for rule in found.rules] == [
        ("tree", True, True),
        ("single", False, False),
    ]
    assert (found.evidence_id, found.category, found.reason) == ("a", "accepted", "Score 4.")


def test_of_rules_that_hold_one_decides() -> None:
    found = explained(RULES, ("verdict", "accepted"), ("severity", "medium"))
    assert [rule.id for rule in found.rules if rule.fired] == ["severity-medium", "verdict-accepted", "verdict-unknown"]
    assert [rule.id for rule in found.rules if rule.decides] == ["severity-medium"]
    assert len(found.rules) == len(RULES.rules)


words = st.sampled_from(["accepted", "rejected", "ok", "failure", "red", "high", "yes", True, False, 0.0, 1.0, 3.0])
names = st.sampled_from(sorted(RULES.markers))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(names, words), max_size=6))
def test_an_explanation_agrees_with_the_score(pairs: list[tuple[str, object]]) -> None:
    found = explained(RULES, *pairs)
    (score,) = score_part(evidence_of(record("a", *pairs)), RULES).to_pylist()
    assert (found.category, found.rule_id, found.reason) == (score["category"], score["rule_id"], score["reason"])
    assert [rule.id for rule in found.rules if rule.fired] == score["fired"]
    assert [rule.id for rule in found.rules if rule.decides] == score["fired"][:1]
