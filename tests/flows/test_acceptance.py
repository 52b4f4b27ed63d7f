"""The acceptance flow: 22 of 22 for the fixture, and a failed run that names what broke when a wall is down."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import millrace.distillation.firewall as firewall
import tasks.training_data
from flows.acceptance import AcceptanceConfig, acceptance
from millrace.errors import BadInputError, LeakError, NotFoundError
from tasks.home import Home
from tests.support.acceptance import BUNDLED


def accepted(home: Home, run_id: str = "acceptance", **config: Any) -> Any:
    given = {"near_match": False, "reports_folder": str(home.root / "reports")} | config
    return acceptance.fn(AcceptanceConfig.model_validate(given), run_id=run_id)


def let_everything_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second wall is down: whatever the firewall would refuse is admitted."""
    admit = firewall.admit

    def open_gate(*args: Any, **kwargs: Any) -> Any:
        admission = admit(*args, **kwargs)
        return type(admission)(np.ones_like(admission.mask), admission.quarantine.slice(0, 0))

    monkeypatch.setattr(tasks.training_data, "admit", open_gate)


def test_the_bundled_fixture_passes_22_of_22_and_says_so(home: Home) -> None:
    result = accepted(home)
    assert result.status == "completed"
    assert result.shown == [("invariants", "22/22")]
    assert "# Acceptance 22/22" in (home.root / "reports" / "acceptance" / "latest.md").read_text()
    written = json.loads((home.run_folder("acceptance") / "acceptance.json").read_bytes())
    assert len(written["results"]) == 22


def test_a_run_that_is_entered_again_begins_from_nothing(home: Home) -> None:
    accepted(home)
    stray = home.run_folder("acceptance") / "first" / "runs" / "distilled" / "receipts" / "stray.json"
    stray.write_text("{}")
    shutil.rmtree(home.run_folder("acceptance") / "second")
    assert accepted(home, run_id="acceptance").shown == [("invariants", "22/22")]


def test_with_one_wall_down_nothing_is_published_and_the_run_fails(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    let_everything_through(monkeypatch)
    with pytest.raises(BadInputError, match="are no RagRow"):  # the first wall: no such row can be written
        accepted(home)
    assert not list(home.root.glob("runs/acceptance/first/exports/distilled/*/train.jsonl"))


def test_with_a_rule_that_accepts_what_was_rejected_the_broken_invariant_is_named(home: Home, tmp_path: Path) -> None:
    fixture = shutil.copytree(BUNDLED, tmp_path / "fixture")
    rows = (fixture / "contracts.jsonl").read_text().replace('"aa07"', '"b210"')  # the claim no longer drifts
    (fixture / "contracts.jsonl").write_text(rows)
    result = accepted(home, fixture=str(fixture))
    assert result.status == "failed"
    assert result.reason == "20 drifted claims are seen: con-02 is accepted"
    assert result.shown == [("invariants", "21/22")]


def test_a_folder_without_a_fixture_is_refused_before_any_work(home: Home, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no fixture\.yaml"):
        accepted(home, fixture=str(tmp_path))
    assert not (home.run_folder("acceptance") / "first").exists()


def test_the_third_wall_alone_stops_what_the_others_let_through(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row whose own words are in order: only what the rules say of its id gives it away."""
    built: Callable[..., Any] = tasks.training_data.sft_rows

    def renamed(*args: Any, **kwargs: Any) -> Any:
        rows = built(*args, **kwargs)
        listed = rows.to_pylist()
        for row in listed[:1]:
            row["evidence_id"] = "rev-02"
        return pa.Table.from_pylist(listed, rows.schema)

    monkeypatch.setattr(tasks.training_data, "sft_rows", renamed)
    with pytest.raises(LeakError, match="rev-02"):
        accepted(home)


@pytest.mark.prefect
def test_through_prefect_it_passes_too(home: Home, prefect_server: None) -> None:
    config = AcceptanceConfig(near_match=False, reports_folder=str(home.root / "reports"))
    assert acceptance(config, run_id="through-prefect").shown == [("invariants", "22/22")]
