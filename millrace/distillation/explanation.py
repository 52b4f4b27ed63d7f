"""Explaining a score: every rule, whether it holds, and what each of its conditions saw."""

from collections.abc import Iterator

import numpy as np
from pydantic import Field

from millrace.datasets.schema import table_of
from millrace.distillation.marker_columns import EvidenceColumns, columns_of
from millrace.distillation.scoring import score_part
from millrace.distillation.scoring_conditions import SYMBOLS, Condition, Group, rows_where
from millrace.distillation.scoring_rules import ScoringRule, ScoringRules
from millrace.records.base import Identifier, Record
from millrace.records.evidence import Category, Evidence

_ONLY_ROW = np.zeros(1, dtype=np.int64)
_GROUPS = ("all", "any", "none")


class SeenCondition(Record):
    """One condition of a rule, and what it saw in the record."""

    under: str = Field(description="The groups it stands under, as 'all > any'; 'all' for a single condition")
    name: Identifier = Field(description="The marker or field")
    operator: str = Field(description="In words or as a sign: '>=', 'is one of'")
    bound: str = Field(description="What it is compared with; empty for given and not given")
    seen: str = Field(description="The record's value, shortened; 'not given' where it has none")
    holds: bool


class SeenRule(Record):
    """One rule, and whether it holds for the record."""

    id: Identifier
    category: Category
    fired: bool
    decides: bool = Field(description="The first one that holds")
    conditions: list[SeenCondition]


class Explanation(Record):
    """What the rules make of one record by itself, and why; ``rules`` are in the table's order."""

    evidence_id: Identifier
    category: Category
    rule_id: Identifier | None
    reason: str
    rules: list[SeenRule]


def explain(record: Evidence, rules: ScoringRules) -> Explanation:
    """Every rule with what its conditions saw; it agrees with ``score_part``, whose functions it calls.

    A verdict that an extraction shares with its parent is not in it: that takes the other records of the task.
    """
    table = table_of(Evidence, [record])
    columns = columns_of(table, rules.markers)
    (score,) = score_part(table, rules).to_pylist()
    return Explanation(
        evidence_id=record.evidence_id,
        category=score["category"],
        rule_id=score["rule_id"],
        reason=score["reason"],
        rules=[_seen_rule(columns, rule, score["rule_id"]) for rule in rules.rules],
    )


def _seen_rule(columns: EvidenceColumns, rule: ScoringRule, deciding: str | None) -> SeenRule:
    return SeenRule(
        id=rule.id,
        category=rule.category,
        fired=bool(rows_where(columns, rule.when)[0]),
        decides=rule.id == deciding,
        conditions=[_seen(columns, condition, under) for under, condition in _places(rule.when, ())],
    )


def _seen(columns: EvidenceColumns, condition: Condition, under: str) -> SeenCondition:
    column = columns.marker(condition.marker) if condition.marker else columns.fields[condition.subject]
    return SeenCondition(
        under=under,
        name=condition.subject,
        operator=SYMBOLS[condition.operator],
        bound=_bound(columns, condition),
        seen=column.shown(_ONLY_ROW)[0].as_py(),
        holds=bool(rows_where(columns, condition)[0]),
    )


def _bound(columns: EvidenceColumns, condition: Condition) -> str:
    if condition.operator in ("present", "missing"):
        return ""
    if condition.differs_from is not None:
        other = columns.marker(condition.differs_from).shown(_ONLY_ROW)[0].as_py()
        return f"{condition.differs_from} ({other})"
    bounds = condition.bound if isinstance(condition.bound, tuple) else (condition.bound,)
    return ", ".join(_text(value) for value in bounds)


def _text(value: bool | float | str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else value


def _places(node: Condition | Group, above: tuple[str, ...]) -> Iterator[tuple[str, Condition]]:
    if isinstance(node, Condition):
        yield " > ".join(above or ("all",)), node
        return
    for group in _GROUPS:
        for member in getattr(node, group) or ():
            yield from _places(member, (*above, group))
