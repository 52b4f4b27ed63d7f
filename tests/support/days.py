"""Days of a synthetic application, and the daily evaluation of them without Prefect's engine."""

import os
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flows.daily_eval import DailyEvalConfig, DailyEvalResult, daily_eval
from tests.support import wheel
from tests.support.inputs import write_lines

FIRST_DAY = datetime(2026, 11, 9, tzinfo=UTC)
_SUBJECTS = ("pump", "valve", "turbine", "sluice", "gauge", "bearing", "filter", "motor")
_PROPERTIES = ("pressure", "warranty", "weight", "colour", "price", "lifetime", "torque", "noise")


def day_name(number: int) -> str:
    """The day, so many days after the first."""
    return f"{FIRST_DAY + timedelta(days=number):%Y-%m-%d}"


def day_traces(number: int, n: int = 60, *, shuffled: bool = False) -> list[dict[str, Any]]:
    """A day's traces: answers taken from the passages, or passages shuffled between the questions."""
    numbers = random.Random(number)
    rows = [_trace(number, place, numbers) for place in range(n)]
    if shuffled:
        contexts = [row["contexts"] for row in rows]
        for place, row in enumerate(rows):
            row["contexts"] = contexts[(place + n // 2) % n]
    return rows


def bring(folder: Path, number: int, rows: list[dict[str, Any]]) -> None:
    """Import a day's traces."""
    wheel.import_file(write_lines(folder / f"day-{number}.jsonl", rows), run_id=f"import-{number}")


def evaluate(number: int, run_id: str | None = None, **settings: Any) -> DailyEvalResult:
    """Evaluate a day on the morning after it."""
    as_of = FIRST_DAY + timedelta(days=number + 1, hours=6)
    config = DailyEvalConfig.model_validate({"day": day_name(number), "as_of": as_of} | settings)
    return daily_eval.fn(config, run_id=run_id or f"day-{number}")


def a_bad_day(inputs: Path, home: Path) -> None:
    """Import a day of shuffled passages and evaluate it, which raises alerts."""
    os.chdir(home)
    bring(inputs, 0, day_traces(0, 40, shuffled=True))
    evaluate(0)


def _trace(number: int, place: int, numbers: random.Random) -> dict[str, Any]:
    subject, aspect = numbers.choice(_SUBJECTS), numbers.choice(_PROPERTIES)
    fact = f"The {aspect} of the {subject} is {numbers.randint(10, 99)} units, as measured in the mill."
    return {
        "trace_id": f"trace-{number}-{place}",
        "time": (FIRST_DAY + timedelta(days=number, minutes=place)).isoformat(),
        "tenant_id": "mill",
        "user_id": f"user-{place % 7}",
        "question": f"What is the {aspect} of the {subject}?",
        "contexts": [{"context_id": f"{subject}-{aspect}", "text": fact, "score": 0.6 + numbers.random() / 4}],
        "answer": fact,
        "citations": [{"start": 0, "end": len(fact), "context_id": f"{subject}-{aspect}"}],
        "timings": [{"name": "answer", "duration_ms": 100 + numbers.random() * 100}],
    }
