"""``millrace explain``: how a record was scored, by which rules, and what became of it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from apps.cli.command import command
from apps.cli.terminal import Terminal, lines, table

if TYPE_CHECKING:
    from apps.cli.distilled import ExportOutcome, ScoredRecord
    from millrace.distillation.explanation import Explanation, SeenCondition, SeenRule
    from millrace.records.evidence import Evidence

_SHOWN = ("stream", "source_file", "source_offset", "task_id", "subject", "role", "producer", "prompt", "text")


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app)(explain)


def explain(
    terminal: Terminal,
    record: Annotated[str, typer.Argument(help="Evidence id, or the beginning of one.")],
    run: Annotated[
        str | None, typer.Option(help="Run of distill: its id, the beginning of one, or `latest`; default the newest.")
    ] = None,
    all_rules: Annotated[bool, typer.Option("--all-rules", help="Show the rules that do not hold as well.")] = False,
) -> None:
    """Show how a record was scored: what the rules saw, and what each export made of it."""
    from apps.cli.distilled import EXPORTS, distilled
    from millrace.distillation.explanation import explain as explained

    home = terminal.existing_home()
    with terminal.working("looking for the record"):
        found = distilled(home, run)
        records = found.records(record)
        rules = found.rules
        explanations = [explained(each.evidence, rules) for each in records]
        evidence_id = records[0].evidence.evidence_id
        contamination = found.contamination(evidence_id)
        outcomes = {export: found.outcome(export, evidence_id) for export in EXPORTS}
    document = {
        "run_id": found.run_id,
        "records": [
            {"evidence": each.evidence, "score": each.score, "explanation": explanation}
            for each, explanation in zip(records, explanations, strict=True)
        ],
        "contamination": contamination,
        "exports": outcomes,
    }
    shown = [part for each in zip(records, explanations, strict=True) for part in _record(*each, all_rules=all_rules)]
    terminal.show(document, lines(f"run {found.run_id}"), *shown, _outcomes(contamination, outcomes))


def _record(record: "ScoredRecord", explanation: "Explanation", *, all_rules: bool) -> list[Any]:
    evidence, score = record.evidence, record.score
    shown = [rule for rule in explanation.rules if all_rules or rule.fired]
    parent = (
        [f"shares the verdict of {score.parent_id}: `millrace explain {score.parent_id}`"] if score.parent_id else []
    )
    return [
        table(["", ""], _fields(evidence), title=f"record {evidence.evidence_id}"),
        table(["marker", "value"], [(each.name, _short(each.value)) for each in evidence.markers]),
        lines(f"{score.category} ({score.rule_id or 'no rule'}): {_short(score.reason)}", *parent),
        table(["rule", "category", "holds", "what it saw"], [_rule(each) for each in shown]),
    ]


def _fields(evidence: "Evidence") -> list[tuple[str, str]]:
    given = {name: getattr(evidence, name) for name in _SHOWN}
    return [(name, _short(str(value))) for name, value in given.items() if value is not None]


def _rule(rule: "SeenRule") -> tuple[str, str, str, str]:
    holds = "decides" if rule.decides else "yes" if rule.fired else "no"
    return rule.id, rule.category, holds, "\n".join(_condition(each) for each in rule.conditions)


def _condition(seen: "SeenCondition") -> str:
    compared = " ".join(each for each in (seen.name, seen.operator, seen.bound) if each)
    return _short(f"{seen.under}: {compared}; it is {seen.seen}: {'yes' if seen.holds else 'no'}")


def _outcomes(contamination: list[dict[str, Any]], outcomes: "dict[str, ExportOutcome | None]") -> Any:
    rows: list[tuple[str, str, str]] = [
        ("contamination", each["match"], f"{each['eval_id']}, similarity {each['similarity']:.2f}: {each['matched']}")
        for each in contamination
    ]
    for export, outcome in outcomes.items():
        rows += [(export, *each) for each in _outcome(outcome)]
    return table(["export", "outcome", "why"], [tuple(_short(cell) for cell in row) for row in rows])


def _outcome(outcome: "ExportOutcome | None") -> list[tuple[str, str]]:
    if outcome is None:
        return [("not run", "the run did not come to this export")]
    exported = [("exported", _pair(row) if "pair_id" in row else "") for row in outcome.rows]
    refused = [(f"quarantined: {row['reason']}", f"{row['rule']}: {row['evidence']}") for row in outcome.quarantined]
    return [*exported, *refused] or [("left out", "neither exported nor quarantined")]


def _pair(row: dict[str, Any]) -> str:
    return f"pair {row['pair_id']}: {row['chosen_id']} preferred to {row['rejected_id']}"


def _short(text: str) -> str:
    from millrace.reports.wording import excerpt

    return excerpt(text)
