"""Which weeks or days were run over the same traffic before this run."""

from datetime import datetime
from typing import Any

from millrace.ingestion.lateness import WeekRun
from millrace.ledger import approvals, pins, runs
from millrace.ledger.store import Ledger
from millrace.records.window import Window
from tasks.run import Run
from tasks.windows import window_of

_ALL = 1_000_000


def earlier_week_runs(run: Run, window: Window, tenants: list[str] | None) -> list[WeekRun]:
    """Runs of this flow with the same tenants and time zone that began before this one, in that order.

    Runs over a stretch of their own take nothing from anybody. One counts when it has shown what it found, whatever was
    decided on it; one that failed before, or is not so far yet, has taken nothing.
    """
    ledger = run.home.ledger
    starts = pins.pins_named(ledger, "start")
    known = [each for each in reversed(runs.list_runs(ledger, _ALL)) if each.flow == run.flow and each.run_id in starts]
    own = next((place for place, each in enumerate(known) if each.run_id == run.run_id), len(known))
    return [
        _week_run(starts[each.run_id])
        for each in known[:own]
        if _same_traffic(each.config, window, tenants) and _has_shown(ledger, each)
    ]


def _week_run(start: dict[str, Any]) -> WeekRun:
    now = datetime.fromisoformat(start["now"])
    return WeekRun(window=window_of(start["config"], now), sequence=int(start["sequence"]))


def _same_traffic(config: dict[str, Any], window: Window, tenants: list[str] | None) -> bool:
    same_zone = config["time_zone"] == window.time_zone
    return same_zone and config.get("start") is None and _named(config["tenants"]) == _named(tenants)


def _named(tenants: list[str] | None) -> list[str] | None:
    return None if tenants is None else sorted(set(tenants))


def _has_shown(ledger: Ledger, run: runs.Run) -> bool:
    return run.status in ("waiting", "completed", "rejected") or bool(approvals.approvals_of(ledger, run.run_id))
