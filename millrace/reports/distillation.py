"""A distillation as Markdown: what came in, what left, what was kept back and why, and what changed."""

from collections.abc import Mapping, Sequence
from typing import Any

from millrace.methods.markdown import plain
from millrace.records.distillation import Determinism, DistillDrift, DistillSummary, DriftFigure
from millrace.records.evidence import Export
from millrace.records.receipt import Receipt
from millrace.reports.markdown import markdown_table
from millrace.reports.wording import NOTHING, counted, decimal, number, percent, short_hash, spoken

_EXPORTS: dict[Export, str] = {"rag": "Retrieval", "sft": "Fine-tuning", "preference": "Preference"}


def distillation_markdown(summary: DistillSummary, drift: DistillDrift, receipts: Sequence[Receipt]) -> str:
    """The newest distillation: counts, exports, quarantine, drift, and every stage with its rows and hashes.

    Args:
        receipts: of the run's steps so far.
    """
    parts = [
        f"# Distillation {plain(summary.run_id)}",
        _opening(summary, drift),
        "## What the rules say",
        _shares("Category", summary.counts.categories, summary.counts.evidence),
        _shares("Rule", summary.counts.rules, summary.counts.evidence),
        "## What left, and what was kept back",
        _exports(summary),
        _quarantine(summary),
        "## Against the runs before",
        _drift(drift),
        "## Stages",
        _stages(receipts),
        "## Files",
        _files(summary),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _opening(summary: DistillSummary, drift: DistillDrift) -> str:
    counts = summary.counts
    lines = [
        f"**{counted(counts.evidence, 'record')}** from {counted(len(counts.streams), 'stream')}: "
        + (", ".join(f"{plain(name)} {number(n)}" for name, n in counts.streams.items()) or "nothing to distil"),
        f"{counted(sum(counts.skipped.values()), 'row')} skipped{_reasons(counts.skipped)}",
        f"{counted(sum(counts.contaminated.values()), 'record')} near to an eval example"
        f"{_reasons(counts.contaminated)}: in no export",
        f"severity **{drift.severity}**",
    ]
    return "\n".join(f"- {line}" for line in lines)


def _reasons(counts: Mapping[Any, int]) -> str:
    named = ", ".join(f"{plain(spoken(name))} {number(n)}" for name, n in counts.items() if n)
    return f" ({named})" if named else ""


def _shares(title: str, counts: Mapping[Any, int], whole: int) -> str:
    if not counts:
        return ""
    largest = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    rows = [(spoken(name), number(n), percent(n / whole)) for name, n in largest]
    return markdown_table((title, "Records", "Share"), rows, first_number=1)


def _exports(summary: DistillSummary) -> str:
    counts = summary.counts
    rows = [
        (title, number(counts.exported.get(name, 0)), number(sum(counts.quarantined.get(name, {}).values())))
        for name, title in _EXPORTS.items()
    ]
    return markdown_table(("Export", "Rows", "Quarantined"), rows, first_number=1)


def _quarantine(summary: DistillSummary) -> str:
    by_export = summary.counts.quarantined
    reasons = sorted({reason for counts in by_export.values() for reason in counts})
    if not reasons:
        return "Nothing was quarantined."
    rows = [(spoken(reason), *(_cell(by_export.get(name, {}).get(reason)) for name in _EXPORTS)) for reason in reasons]
    return markdown_table(("Quarantined for", *_EXPORTS.values()), rows, first_number=1)


def _cell(n: int | None) -> str:
    return number(n) if n else NOTHING


def _drift(drift: DistillDrift) -> str:
    parts = [_determinism(drift.determinism)]
    if drift.previous_run_id is None:
        parts.append("- no earlier run over the same streams")
        return "\n".join(parts)
    fresh = ", ".join(plain(each) for each in drift.new_error_classes) or "none"
    parts.append(f"- compared with run {plain(drift.previous_run_id)}; new reasons: {fresh}")
    header = ("Figure", "Now", "Before", "Change", "Mean of the window", "Change", "")
    rows = [_figure(each) for each in drift.figures]
    return "\n".join(parts) + "\n\n" + markdown_table(header, rows, first_number=1)


def _determinism(determinism: Determinism) -> str:
    if determinism.status == "not_checked":
        return f"- determinism not checked: {plain(determinism.reason or '')}"
    if determinism.status == "same":
        again = f"; {counted(determinism.recomputed, 'stage')} computed again" if determinism.recomputed else ""
        return f"- equal inputs gave equal outputs{again}"
    found = "\n".join(f"  - {plain(each)}" for each in determinism.violations)
    return f"- **equal inputs gave unequal outputs**:\n{found}"


def _figure(figure: DriftFigure) -> tuple[str, ...]:
    return (
        spoken(figure.name),
        _value(figure.name, figure.value),
        _value(figure.name, figure.previous),
        _relative(figure.change),
        _value(figure.name, figure.window_mean) + (f" (n = {figure.window_n})" if figure.window_n else ""),
        _relative(figure.window_change),
        figure.severity if figure.reason is None else f"{figure.severity}: {plain(figure.reason)}",
    )


def _value(name: str, value: float | None) -> str:
    if value is None:
        return NOTHING
    return number(round(value)) if name == "evidence" else decimal(value, 3)


def _relative(change: float | None) -> str:
    return NOTHING if change is None else ("+" if change > 0 else "") + f"{decimal(100 * change, 0)}\N{NO-BREAK SPACE}%"


def _stages(receipts: Sequence[Receipt]) -> str:
    rows = [
        (
            each.step,
            ", ".join(short_hash(output) for output in each.outputs) or NOTHING,
            number(each.counts.rows_in),
            number(each.counts.rows_out),
            number(each.counts.rows_skipped),
            number(each.counts.rows_quarantined),
            f"{each.duration_s:.2f}",
        )
        for each in sorted(receipts, key=lambda each: (each.started_at, each.step))
    ]
    header = ("Step", "Output", "Rows in", "Rows out", "Skipped", "Quarantined", "Seconds")
    return markdown_table(header, rows, first_number=2)


def _files(summary: DistillSummary) -> str:
    rows = [(name, digest) for name, digest in sorted(summary.files.items())]
    return markdown_table(("File", "sha256"), rows, first_number=2) if rows else "None."
