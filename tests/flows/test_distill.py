"""Distillations one after another: what is compared with what, and what is never taken from a cache."""

import json
from typing import Any

import pytest

from flows.distill import DistillResult, distill
from millrace.ledger import pointers
from millrace.records.distillation import DistillDrift
from tasks.home import Home
from tests.support.acceptance import settings


def distilled(home: Home, run_id: str, **config: Any) -> DistillResult:
    result: DistillResult = distill.fn(settings(home.root / "reports", **config), run_id=run_id)
    return result


def drift_of(home: Home, run_id: str) -> DistillDrift:
    return DistillDrift.model_validate_json((home.run_folder(run_id) / "drift.json").read_bytes())


def test_a_second_run_that_was_computed_anew_shows_that_equal_inputs_give_equal_outputs(home: Home) -> None:
    distilled(home, "first")
    distilled(home, "second")
    assert drift_of(home, "first").determinism.status == "not_checked"
    second = drift_of(home, "second")
    assert (second.previous_run_id, second.determinism.status, second.severity) == ("first", "same", "ok")


def test_every_stage_is_computed_again_where_that_is_asked_for(home: Home) -> None:
    distilled(home, "only", recompute=True)
    found = drift_of(home, "only").determinism
    assert (found.status, found.recomputed, found.violations) == ("same", 8, [])


def test_another_output_under_an_earlier_key_is_an_alert_that_names_the_stage(home: Home) -> None:
    distilled(home, "first")
    (known,) = pointers.pointers_under(home.ledger, "distillations/")
    value = json.loads(json.dumps(known.value))
    (stage,) = [each for each in value["stages"] if each["step"] == "score-evidence"]
    stage["outputs"] = [f"evidence_scores:{'0' * 64}"]
    pointers.set_pointer(home.ledger, known.name, value, at=known.at, run_id="forged")

    assert distilled(home, "second").severity == "alert"
    (violation,) = drift_of(home, "second").determinism.violations
    assert violation.startswith("score-evidence: evidence_scores:0000")


def test_other_streams_are_not_compared(home: Home) -> None:
    distilled(home, "first")
    distilled(home, "second", streams=["traces"])
    assert drift_of(home, "second").previous_run_id is None


@pytest.mark.prefect
def test_what_a_cache_answered_proves_nothing(home: Home, prefect_server: None) -> None:
    for run_id in ("first", "second"):
        distill(settings(home.root / "reports"), run_id=run_id)
    receipt = json.loads((home.run_folder("second") / "receipts" / "score-evidence.json").read_bytes())
    assert receipt["cached"]
    assert drift_of(home, "second").determinism.status == "not_checked"
