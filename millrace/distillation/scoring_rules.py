"""Scoring rules (D3): an ordered, versioned table of conditions over markers, read from YAML."""

from collections import Counter
from functools import cached_property
from pathlib import Path
from string import Formatter
from typing import Any

import pyarrow as pa
from pydantic import Field, ValidationError, model_validator

from millrace.datasets.schema import arrow_schema
from millrace.distillation.evidence import marker
from millrace.distillation.marker_columns import FIELDS, columns_of
from millrace.distillation.scoring_conditions import Condition, Group, Node, markers_in, rows_where
from millrace.errors import BadInputError
from millrace.records.base import Identifier, Record
from millrace.records.evidence import Category, Evidence
from millrace.records.rules import read_record


class Example(Record):
    """A record as a rule sees it: its markers, and fields where the rule looks at them."""

    markers: dict[Identifier, bool | int | float | str] = Field({}, description="Value by name")
    stream: Identifier | None = None
    role: Identifier | None = None
    producer: Identifier | None = None
    split: Identifier | None = None


class ScoringRule(Record):
    """A category, and the conditions under which a record belongs to it."""

    id: Identifier
    category: Category
    reason: str = Field(min_length=1, description="Text with markers in braces: 'score {groundedness}'")
    when: Node
    example: Example = Field(description="A record that this rule decides")
    counterexample: Example = Field(description="A similar record that the rule leaves alone")

    @model_validator(mode="after")
    def _reason_can_be_filled(self) -> "ScoringRule":
        known = markers_in(self.when) | set(self.example.markers) | set(FIELDS)
        unknown = [name for name in placeholders(self.reason) if name not in known]
        if unknown:
            raise ValueError(f"the reason names {unknown[0]!r}, which neither its conditions nor its example have")
        return self


class _Header(Record):
    version: int = Field(ge=1, description="Rises with every change of meaning; named by what is exported")
    extraction_roles: list[Identifier] = Field(
        description="Roles of records made from another record of their task, whose verdict they share"
    )
    otherwise: str = Field(min_length=1, description="Reason of records that no rule decides; they wait for review")


class ScoringRules(_Header):
    """The scoring table: the first rule that holds decides; a record that none decides waits for a person's review."""

    rules: list[ScoringRule] = Field(min_length=1)

    @cached_property
    def markers(self) -> frozenset[str]:
        """Every marker that conditions and reasons look at."""
        looked_at = set().union(*(markers_in(rule.when) for rule in self.rules))
        return frozenset(looked_at.union(*(placeholders(rule.reason) for rule in self.rules)))


class _Unread(_Header):
    rules: list[dict[str, Any]] = Field(min_length=1)


def placeholders(template: str) -> list[str]:
    """The names in braces of a reason, in order.

    Raises:
        ValueError: no template, or a name with a format.
    """
    pieces = [(name, spec, conversion) for _, name, spec, conversion in Formatter().parse(template) if name is not None]
    formatted = [name for name, spec, conversion in pieces if spec or conversion or not name]
    if formatted:
        raise ValueError(f"the reason names {formatted[0]!r} with a format; only names stand in braces")
    return [name for name, _, _ in pieces]


def read_scoring_rules(path: Path) -> ScoringRules:
    """The scoring table of a YAML file.

    Raises:
        BadInputError: not YAML or not of this form; a rule id used twice; a value that cannot be compared; a rule that
            does not decide its own example, so that perhaps it never decides, or holds for its counterexample. The
            message names file and rule.
    """
    header = read_record(path, _Unread)
    rules = [_rule(path, row) for row in header.rules]
    table = ScoringRules(
        version=header.version, extraction_roles=header.extraction_roles, otherwise=header.otherwise, rules=rules
    )
    check_rules(table, path.name)
    return table


def check_rules(rules: ScoringRules, source: str) -> None:
    """Refuse a table whose ids are not unique or whose examples do not show what its rules do.

    Raises:
        BadInputError: as ``read_scoring_rules``; ``source`` is named in the message.
    """
    used = Counter(rule.id for rule in rules.rules)
    for place, rule in enumerate(rules.rules):
        problem = "its id is used twice" if used[rule.id] > 1 else _covered(rule, rules.rules[:place])
        if problem:
            raise _refused(source, rule.id, problem)
    fires = _fires_on([rule.example for rule in rules.rules], rules)
    spared = _fires_on([rule.counterexample for rule in rules.rules], rules)
    for place, rule in enumerate(rules.rules):
        if rule.id not in fires[place]:
            raise _refused(source, rule.id, "it does not hold for its example")
        if fires[place][0] != rule.id:
            raise _refused(
                source, rule.id, f"its example is decided by rule {fires[place][0]!r}, which comes before it"
            )
        if rule.id in spared[place]:
            raise _refused(source, rule.id, "it holds for its counterexample")


def example_table(examples: list[Example]) -> pa.Table:
    """What rules look at, of these examples: the columns ``markers`` and the fields, as evidence has them."""
    schema = arrow_schema(Evidence)
    rows = [
        {"markers": [marker(name, value) for name, value in each.markers.items()]}
        | {field: getattr(each, field) for field in FIELDS}
        for each in examples
    ]
    fields = [schema.field("markers"), *(schema.field(name).with_nullable(True) for name in FIELDS)]
    return pa.Table.from_pylist(rows, schema=pa.schema(fields))


def _fires_on(examples: list[Example], rules: ScoringRules) -> list[list[str]]:
    """Ids of the rules that hold for each example, in the table's order."""
    columns = columns_of(example_table(examples), rules.markers)
    held = {rule.id: rows_where(columns, rule.when) for rule in rules.rules}
    return [[name for name, mask in held.items() if mask[place]] for place in range(len(examples))]


def _covered(rule: ScoringRule, before: list[ScoringRule]) -> str | None:
    """Which rule before it holds wherever this one does, as all its conditions are among those of this one."""
    own = _demands(rule.when)
    for earlier in before:
        if _demands(earlier.when) <= own:
            return f"it is never reached, as rule {earlier.id!r} before it holds wherever it does"
    return None


def _demands(node: Condition | Group) -> frozenset[str]:
    """Parts of the tree that must all hold, as text; the tree as one part where it cannot be taken apart."""
    if isinstance(node, Condition):
        return frozenset([node.model_dump_json(exclude_none=True)])
    found = frozenset[str]().union(*(_demands(member) for member in node.all or ()))
    found |= {f"not {member.model_dump_json(exclude_none=True)}" for member in node.none or ()}
    if node.any:
        members = sorted(member.model_dump_json(exclude_none=True) for member in node.any)
        found |= _demands(node.any[0]) if len(members) == 1 else {f"any {members}"}
    return found


def _rule(path: Path, row: dict[str, Any]) -> ScoringRule:
    try:
        return ScoringRule.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        message = str(first["msg"]).removeprefix("Value error, ")
        problem = f"field {field!r}: {message}" if field else message
        raise _refused(path.name, str(row.get("id")), problem) from error


def _refused(source: str, rule_id: str, problem: str) -> BadInputError:
    return BadInputError(f"{source}: rule {rule_id!r}: {problem}", file=source, rule=rule_id)
