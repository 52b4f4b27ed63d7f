"""``millrace calibration``: builds the set on which detectors of unsupported answers are checked, and checks them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from apps.cli.command import command
from apps.cli.environment import prepare
from apps.cli.exits import FINDING
from apps.cli.terminal import Terminal, lines, table

if TYPE_CHECKING:
    from millrace.evaluation.detector_check import DetectorCheck
    from millrace.statistics.intervals import Estimate


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(help="Check detectors of unsupported answers.", no_args_is_help=True, rich_markup_mode=None)
    command(group)(build)
    command(group)(check)
    app.add_typer(group, name="calibration")


def build(
    terminal: Terminal,
    out: Annotated[Path, typer.Option("--out", help="JSONL file to write; it must not exist.")],
    size: Annotated[int, typer.Option(min=2, help="Cases, half of them supported.")] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Another seed chooses other cases.")] = 0,
    index: Annotated[str, typer.Option(help="Index whose documents are used.")] = "main",
) -> None:
    """Build a calibration set from an index's documents and from people's annotations."""
    from apps.cli.calibration_files import indexed_chunks, labelled_answers, write_cases
    from millrace.evaluation.calibration_set import build_calibration_set

    home = terminal.existing_home()
    with terminal.working("building the set"):
        tasks, annotations = labelled_answers(home.ledger)
        cases = build_calibration_set(indexed_chunks(home, index), tasks, annotations, size=size, seed=seed)
        write_cases(out, cases)
    kinds = [(case.origin, case.label, case.labelled_by) for case in cases]
    counts = [(*kind, kinds.count(kind)) for kind in sorted(set(kinds))]
    names = ("origin", "label", "labelled_by", "n_cases")
    document = {
        "out": str(out),
        "n_cases": len(cases),
        "seed": seed,
        "strata": [dict(zip(names, row, strict=True)) for row in counts],
    }
    terminal.show(
        document,
        table(["origin", "label", "labelled by", "cases#"], counts),
        lines(f"{len(cases)} cases in {out}; labels by construction are easier than what models invent"),
    )


def check(
    terminal: Terminal,
    file: Annotated[Path, typer.Option("--set", help="A set that `millrace calibration build` wrote.")],
    scorer: Annotated[str, typer.Option(help="`embedded`, or slug/name of a saved block.")] = "embedded",
    threshold: Annotated[float, typer.Option(min=0, max=1, help="Scores of at least this are supported.")] = 0.5,
    goal: Annotated[float, typer.Option(min=0, max=1, help="What the interval's lower end should reach.")] = 0.92,
) -> int | None:
    """Measure a detector on a calibration set; exit code 1 when it misses the goal."""
    prepare(terminal.root)
    from apps.cli.calibration_files import open_scorer, read_cases
    from millrace.evaluation.detector_check import check_detector

    cases = read_cases(file)
    with terminal.working("scoring the cases"):
        found = check_detector(cases, open_scorer(terminal.home, scorer), threshold=threshold, goal=goal)
    terminal.show(
        found, table(["", ""], _figures(found)), table(["origin", "label", "n#", "accuracy"], _origins(found))
    )
    return None if found.reaches_goal else FINDING


def _figures(found: "DetectorCheck") -> list[tuple[str, Any]]:
    reached = "reached" if found.reaches_goal else "missed"
    best = "none" if found.best_threshold is None else f"{found.best_threshold:.3f}"
    return [
        ("detector", found.scorer),
        ("cases", f"{found.n_cases}, {found.n_unscored} of them without a score"),
        (f"accuracy at {found.threshold:g}", _shown(found.accuracy)),
        (f"goal {found.goal:g} for its lower end", reached),
        ("AUC of the scored", _shown(found.auc)),
        (f"accuracy at the best threshold ({best})", _shown(found.best_accuracy)),
    ]


def _origins(found: "DetectorCheck") -> list[tuple[object, ...]]:
    return [(each.origin, each.label, each.accuracy.n, _shown(each.accuracy)) for each in found.by_origin]


def _shown(estimate: "Estimate") -> str:
    if estimate.mean is None:
        return f"none: {estimate.reason}"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.mean:.3f}, no interval: {estimate.reason}"
    return f"{estimate.mean:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"
