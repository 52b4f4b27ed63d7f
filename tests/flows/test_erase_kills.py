"""An erasure that dies anywhere and is entered again ends like an undisturbed one."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine.default import DefaultDialect

import blocks.embedder
import tasks.erasure
from millrace.ledger import audit_log, catalogue, pointers
from tasks.home import Home
from tests.support import wheel
from tests.support.embedder import stand_in
from tests.support.erasures import (
    ERASE,
    HANDLE,
    OTHER,
    THEM,
    entered,
    places_of,
    planted_traces,
    requested,
    words_of,
)
from tests.support.inputs import synthetic_traces, write_lines

pytestmark = pytest.mark.faults


class DiedError(BaseException):
    """The process ends here: nothing may catch it."""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which everything is approved and nothing erased."""
    root = tmp_path_factory.mktemp("template")
    home = root / "home"
    home.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MILLRACE_HOME", str(home))
        patch.chdir(home)
        patch.setattr(blocks.embedder, "_block", stand_in)
        traces = [*synthetic_traces(3), *planted_traces(THEM, 2), *planted_traces(OTHER, 2)]
        wheel.import_file(write_lines(root / "traces.jsonl", traces))
        wheel.week(refits_scorer=False)
        wheel.answer_tasks()
        wheel.approve()
        wheel.week(refits_scorer=False)
        requested(Home(home))
        assert entered() is None
        wheel.approve(ERASE)
    return home


@contextmanager
def deadly(home: Path, fatal: int) -> Iterator[list[str]]:
    """Numbers commits, renames and removals under the home from 1, and dies before the one with that number."""
    events: list[str] = []

    def watched(name: str, real: Any, path_of: Any) -> Any:
        def call(*args: Any, **named: Any) -> Any:
            path = str(path_of(*args))
            if path.startswith(str(home)):
                events.append(f"{name} {path.removeprefix(str(home))}")
                if len(events) == fatal:
                    raise DiedError
            return real(*args, **named)

        return call

    def ledger(_dialect: Any, connection: Any) -> str:
        writes = not connection.execute("PRAGMA query_only").fetchone()[0]
        return str(connection.execute("PRAGMA database_list").fetchone()[2]) if writes else ""

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", watched("replace", os.replace, lambda _old, new: new))
        patch.setattr(os, "rename", watched("rename", os.rename, lambda _old, new: new))
        patch.setattr(shutil, "rmtree", watched("rmtree", shutil.rmtree, lambda path, *_: path))
        patch.setattr(DefaultDialect, "do_commit", watched("commit", DefaultDialect.do_commit, ledger))
        yield events


def played(template: Path, home: Path, fatal: int, patch: pytest.MonkeyPatch) -> list[str]:
    """The erasure in a copy of the template, dead at an operation or, with 0, whole."""
    if not home.exists():
        shutil.copytree(template, home)
    patch.setenv("MILLRACE_HOME", str(home))
    patch.chdir(home)
    tasks.erasure._memory.clear()
    with deadly(home, fatal) as events:
        if fatal:
            with pytest.raises(DiedError):
                entered()
        else:
            result = entered()
            assert result is not None
            assert (result.outcome, result.remaining) == ("completed", [])
    return events


def state(home: Path) -> dict[str, Any]:
    ledger = Home(home).ledger
    entries = [each for digit in "0123456789abcdef" for each in catalogue.find(ledger, digit)]
    told = [each for each in audit_log.entries(ledger) if each.subject == HANDLE]
    return {
        "datasets": [ref.name for ref in Home(home).datasets.refs()],
        "catalogue": sorted((each.ref.name, each.run_id, each.buried_reason or "") for each in entries),
        "golden": [each.value for each in pointers.pointer_history_of(ledger, "golden/main")],
        "golden files": sorted(str(path.relative_to(home)) for path in (home / "golden").rglob("*.json*")),
        "audit": [(each.action, each.details.get("step"), each.details.get("counts")) for each in told],
        "exports and reports": sorted(str(p.relative_to(home)) for p in (home / "eval_reports").rglob("*")),
    }


def without_counts(found: dict[str, Any]) -> dict[str, Any]:
    """Steps that went half way count less the second time."""
    return found | {"audit": [line[:2] for line in found["audit"]]}


def test_an_erasure_that_died_anywhere_ends_like_an_undisturbed_one(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setattr(blocks.embedder, "_block", stand_in)
    events = played(template, tmp_path / "whole", 0, monkeypatch)
    expected = without_counts(state(tmp_path / "whole"))
    words = [THEM, *words_of(THEM).values()]
    assert places_of(tmp_path / "whole", words) == []
    n_points = len(events) if request.config.getoption("--torture") else 3
    for fatal in sorted({max(1, len(events) * each // n_points) for each in range(n_points)} | {len(events)}):
        home = tmp_path / f"died-{fatal}"
        played(template, home, fatal, monkeypatch)
        for ref in Home(home).datasets.refs():
            Home(home).datasets.open(ref).verify()
        played(template, home, 0, monkeypatch)
        assert places_of(home, words) == [], events[fatal - 1]
        assert without_counts(state(home)) == expected, events[fatal - 1]
        shutil.rmtree(home)
