"""``millrace gate``: whether a candidate's evaluation is no worse than the baseline's."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from apps.cli.command import command
from apps.cli.exits import FINDING, OK
from apps.cli.terminal import Terminal, lines, table

if TYPE_CHECKING:
    from millrace.monitoring.gate_result import GateResult, MetricVerdict

_RESULT = "run id (or the beginning of one, or `latest`), report.json of a daily-eval run, or promptfoo results (JSON)"

BaselineOption = Annotated[
    list[str], typer.Option("--baseline", help=f"What is compared with: {_RESULT}. Several are put together.")
]
CandidateOption = Annotated[
    list[str] | None,
    typer.Option("--candidate", help="What is to pass: of the same kinds; may be given several times."),
]
PromptfooOption = Annotated[
    Path | None,
    typer.Option(
        "--promptfoo",
        help="promptfoo results of the candidate, beside --candidate or instead of it; they are held against promptfoo "
        "results among the baselines, and without any they are only listed.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app)(gate)


def gate(
    terminal: Terminal,
    baseline: BaselineOption,
    candidate: CandidateOption = None,
    promptfoo: PromptfooOption = None,
    metric: Annotated[list[str] | None, typer.Option("--metric", help="Only this metric; repeatable.")] = None,
    max_drop: Annotated[
        float,
        typer.Option("--max-drop", min=0, max=0.99, help="Largest drop allowed, relative to the baseline's mean."),
    ] = 0.02,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 1 also for what is inconclusive.")] = False,
    junit: Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML there, for CI servers.")] = None,
) -> int:
    """Fail (exit code 1) when a metric of the candidate is worse than the baseline's, beyond chance.

    Questions asked in both are compared in pairs. A metric fails when it dropped by more than --max-drop and a
    one-sided test at 95 %, for all metrics together, shows that it dropped at all; or when the candidate has no value
    of it. A larger drop that is not proven is inconclusive. Where only means are known, a larger drop fails.
    """
    from apps.cli.gate_inputs import candidate_of, named_result
    from millrace.datasets.files import write_atomic
    from millrace.monitoring.eval_results import together
    from millrace.monitoring.gate import compare
    from millrace.monitoring.gate_junit import junit_xml
    from millrace.monitoring.gate_result import GateConfig

    config = GateConfig(max_drop=max_drop, metrics=metric or [])
    with terminal.working("comparing"):
        before = together([named_result(terminal, name) for name in baseline])
        after = candidate_of(terminal, candidate or [], promptfoo)
        result = compare(before, after, config)
    if junit is not None:
        junit.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(junit, junit_xml(result, strict=strict))
    passed = result.passes(strict=strict)
    document = result.model_dump(mode="json") | {"passed": passed, "strict": strict}
    terminal.show(document, *_human(result, passed=passed, strict=strict))
    return OK if passed else FINDING


def _human(result: "GateResult", *, passed: bool, strict: bool) -> list[Any]:
    from millrace.monitoring.gate_wording import percent

    head = [
        f"baseline:  {result.baseline}, {result.baseline_kind}",
        f"candidate: {result.candidate}, {result.candidate_kind}",
    ]
    rows = [_row(each) for each in result.metrics]
    columns = ["metric", "pairs#", "baseline#", "candidate#", "drop#", "interval", "verdict", "reason"]
    n_undecided = sum(each.verdict == "inconclusive" for each in result.metrics)
    failed = [each.metric for each in result.metrics if each.verdict == "fail"]
    told = [
        "passed" if passed else f"failed: {', '.join(failed)}" if failed else "failed: inconclusive, and --strict",
        f"limit {percent(result.config.max_drop)}; intervals from one-sided bounds, "
        f"{percent(result.config.confidence)} for all metrics together",
    ]
    if n_undecided and not strict:
        told.insert(1, f"{n_undecided} inconclusive: --strict fails on these")
    return [lines(*head), table(columns, rows), lines(*told)]


def _row(found: "MetricVerdict") -> tuple[object, ...]:
    from millrace.monitoring.gate_wording import percent

    means = ["" if value is None else f"{value:.3f}" for value in (found.baseline, found.candidate)]
    drop = "" if found.drop is None else percent(found.drop)
    verdict = found.verdict.replace("_", " ")
    return (
        found.metric,
        found.n_pairs,
        *means,
        drop,
        _interval(found),
        verdict,
        "; ".join([found.message, *found.notes]),
    )


def _interval(found: "MetricVerdict") -> str:
    from millrace.monitoring.gate_wording import percent

    if found.confidence is None:
        return ""
    low, high = ("?" if end is None else percent(end) for end in (found.low, found.high))
    return f"{low} to {high}"
