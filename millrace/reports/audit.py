"""An audit as Markdown: every check by phase, and the figures beside the baseline."""

from collections.abc import Sequence

from millrace.methods.markdown import plain
from millrace.records.acceptance import AuditCheck, BaselineFigure
from millrace.reports.markdown import markdown_table
from millrace.reports.wording import NOTHING, decimal, spoken


def audit_markdown(run_id: str, audited: str, checks: Sequence[AuditCheck], figures: Sequence[BaselineFigure]) -> str:
    """What failed first, then everything."""
    required = [check for check in checks if check.required]
    n_passed = sum(check.passed for check in required)
    failed = [
        f"- **{plain(each.phase)}: {plain(each.name)}** {plain(each.detail)}" for each in required if not each.passed
    ]
    rows = [
        (each.phase, each.name, "passed" if each.passed else "FAILED", "yes" if each.required else "no", each.detail)
        for each in checks
    ]
    parts = [
        f"# Audit {n_passed}/{len(required)}",
        f"Run {plain(run_id)}, over distillation {plain(audited)}.",
        *(["## What failed", "\n".join(failed)] if failed else []),
        "## Checks",
        markdown_table(("Phase", "Check", "", "Required", "Found"), rows, first_number=5),
        "## Against earlier audits",
        markdown_table(
            ("Figure", "Now", "Baseline", "Audits", "Change"), [_row(each) for each in figures], first_number=1
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _row(figure: BaselineFigure) -> tuple[str, ...]:
    moved = NOTHING if figure.change is None else f"{decimal(100 * figure.change, 0)}\N{NO-BREAK SPACE}%"
    change = figure.reason or moved
    return (
        spoken(figure.name),
        NOTHING if figure.value is None else decimal(figure.value, 3),
        NOTHING if figure.baseline is None else decimal(figure.baseline, 3),
        str(figure.n),
        f"**{change}**" if figure.moved else change,
    )
