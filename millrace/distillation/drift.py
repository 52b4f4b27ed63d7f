"""How a distillation differs from the one before and from a window of earlier ones (D9)."""

from collections.abc import Iterator, Sequence
from typing import get_args

from pydantic import Field

from millrace.records.base import Record
from millrace.records.distillation import (
    Determinism,
    DistillCounts,
    DistillDrift,
    DriftFigure,
    RememberedDistillation,
    Severity,
    StageOutput,
)
from millrace.records.evidence import Category, Export

_SEVERITIES: tuple[Severity, ...] = ("ok", "warn", "alert")
_CATEGORIES: tuple[Category, ...] = get_args(Category)
_EXPORTS: tuple[Export, ...] = get_args(Export)


class DriftConfig(Record):
    """From when a change is worth a look."""

    threshold: float = Field(0.2, gt=0, description="Relative change of a figure that warns")
    window: int = Field(8, ge=1, le=100, description="Earlier runs whose mean a figure is compared with as well")
    minimum_rows: int = Field(20, ge=0, description="Figures over fewer records never warn: chance moves them that far")


def figures_of(counts: DistillCounts) -> dict[str, float | None]:
    """Ten figures of scoring, exports and quarantine: the number of records, and shares of it in [0, 1].

    ``skipped`` is a share of all rows read. A share of nothing is None.
    """
    rows, skipped = counts.evidence, sum(counts.skipped.values())
    shares: dict[str, int] = {name: counts.categories.get(name, 0) for name in _CATEGORIES}
    shares |= {f"{name}_exported": counts.exported.get(name, 0) for name in _EXPORTS}
    shares["contaminated"] = sum(counts.contaminated.values())
    figures: dict[str, float | None] = {"evidence": float(rows), "skipped": _share(skipped, rows + skipped)}
    return figures | {name: _share(count, rows) for name, count in shares.items()}


def error_classes(counts: DistillCounts) -> set[str]:
    """Every reason for which a row was skipped or quarantined, as ``skip: <reason>`` or ``<export>: <reason>``."""
    skipped = {f"skip: {reason}" for reason, n in counts.skipped.items() if n}
    return skipped | {f"{name}: {reason}" for name, by in counts.quarantined.items() for reason, n in by.items() if n}


def measure_drift(
    run_id: str,
    counts: DistillCounts,
    earlier: Sequence[RememberedDistillation],
    determinism: Determinism,
    config: DriftConfig,
) -> DistillDrift:
    """Compare a run with those before it.

    A figure that changed by more than the threshold against the previous run or the window's mean warns, and so does
    a reason for skips or quarantine that the previous run had not; equal inputs with unequal outputs are an alert.

    Args:
        earlier: runs before this one, oldest first; without one nothing is compared.
    """
    previous = earlier[-1] if earlier else None
    window = earlier[-config.window :]
    figures = [_figure(name, value, counts, window, config) for name, value in figures_of(counts).items()]
    known = error_classes(previous.counts) if previous else error_classes(counts)
    fresh = sorted(error_classes(counts) - known)
    severities = [each.severity for each in figures]
    severities.append("warn" if fresh else "ok")
    severities.append("alert" if determinism.status == "deterministic_violation" else "ok")
    return DistillDrift(
        run_id=run_id,
        previous_run_id=previous.run_id if previous else None,
        threshold=config.threshold,
        figures=figures,
        new_error_classes=fresh,
        determinism=determinism,
        severity=max(severities, key=_SEVERITIES.index),
    )


def broken_promises(now: Sequence[StageOutput], earlier: Sequence[RememberedDistillation]) -> list[str]:
    """Stages that once gave out something else under the same key, each with both outputs."""
    promised = {(stage.step, stage.key): (stage, run.run_id) for run in earlier for stage in run.stages}
    return list(_broken(now, promised))


def _broken(now: Sequence[StageOutput], promised: dict[tuple[str, str], tuple[StageOutput, str]]) -> Iterator[str]:
    for stage in now:
        known = promised.get((stage.step, stage.key))
        if known is not None and known[0].outputs != stage.outputs:
            then, run_id = known
            yield f"{stage.step}: {', '.join(then.outputs)} in run {run_id}, {', '.join(stage.outputs)} now"


def _figure(
    name: str,
    value: float | None,
    counts: DistillCounts,
    window: Sequence[RememberedDistillation],
    config: DriftConfig,
) -> DriftFigure:
    past = [figures_of(run.counts)[name] for run in window]
    known = [each for each in past if each is not None]
    previous, mean = (past[-1] if past else None), (sum(known) / len(known) if known else None)
    change, window_change = _change(value, previous), _change(value, mean)
    reason = _reason(value, previous, change)
    small = max(counts.evidence, window[-1].counts.evidence if window else 0) < config.minimum_rows
    moved = any(each is not None and abs(each) > config.threshold for each in (change, window_change))
    appeared = previous == 0 and bool(value)
    if small and (moved or appeared):
        reason = f"fewer than {config.minimum_rows} records"
    return DriftFigure(
        name=name,
        value=value,
        previous=previous,
        change=change,
        window_mean=mean,
        window_n=len(known),
        window_change=window_change,
        severity="warn" if (moved or appeared) and not small else "ok",
        reason=reason,
    )


def _change(value: float | None, reference: float | None) -> float | None:
    return None if value is None or not reference else (value - reference) / reference


def _reason(value: float | None, previous: float | None, change: float | None) -> str | None:
    if change is not None:
        return None
    if previous is None:
        return "nothing to compare with"
    return "no records" if value is None else "the previous run had none"


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
