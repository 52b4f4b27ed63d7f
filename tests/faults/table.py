"""The table of what was disturbed how often, and whether all of it went on as though nothing had been."""

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

PROPERTY = "fault"


class FaultTable:
    """Collects the faults that tests record, from all workers, and writes them when the session ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._counts: dict[str, Counter[str]] = defaultdict(Counter)
        self._failed: Counter[tuple[str, str]] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Takes what a finished test recorded as ``(flow, kind, recovered)``."""
        if report.when != "call":
            return
        for name, recorded in report.user_properties:
            if name == PROPERTY:
                self._count(recorded)

    def _count(self, recorded: Any) -> None:
        flow, kind, recovered = recorded
        self._counts[flow][kind] += 1
        self._failed[flow, kind] += not recovered

    def pytest_sessionfinish(self) -> None:
        """Writes the table, Markdown."""
        self._path.write_text(self.markdown(), encoding="utf-8")

    def markdown(self) -> str:
        """A row for each flow, a column for each kind; `n` faults, or `n (m not recovered)`."""
        kinds = list(dict.fromkeys(kind for counts in self._counts.values() for kind in counts))
        rows = [["flow", *kinds, "all"]]
        for flow, counts in self._counts.items():
            rows.append([flow, *(self._cell(counts[kind], self._failed[flow, kind]) for kind in kinds)])
            rows[-1].append(self._cell(counts.total(), sum(self._failed[flow, kind] for kind in kinds)))
        total = sum(counts.total() for counts in self._counts.values())
        rows.append(["all"])
        for kind in kinds:
            failed = sum(self._failed[flow, kind] for flow in self._counts)
            rows[-1].append(self._cell(sum(counts[kind] for counts in self._counts.values()), failed))
        rows[-1].append(self._cell(total, self._failed.total()))
        lines = [f"| {' | '.join(row)} |" for row in rows]
        return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]]) + "\n"

    @staticmethod
    def _cell(n_faults: int, n_failed: int) -> str:
        return f"{n_faults} ({n_failed} not recovered)" if n_failed else str(n_faults or "")
