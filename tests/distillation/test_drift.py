"""Drift of a distillation: figures against the run before and a window, new reasons, broken promises."""

import pytest

from millrace.distillation.drift import DriftConfig, broken_promises, error_classes, figures_of, measure_drift
from millrace.records.distillation import Determinism, DistillCounts, RememberedDistillation, StageOutput

SAME = Determinism(status="same", recomputed=0)


def counts(evidence=100, **more) -> DistillCounts:
    given = {
        "evidence": evidence,
        "streams": {"reviews": evidence},
        "skipped": {},
        "categories": {"accepted": evidence // 2, "rejected": evidence - evidence // 2},
        "rules": {"verdict": evidence},
        "contaminated": {},
        "exported": {"rag": evidence // 2, "sft": evidence // 2, "preference": 5},
        "quarantined": {"sft": {"unsafe_for_sft": evidence - evidence // 2}},
    }
    return DistillCounts.model_validate(given | more)


def run(run_id: str, of: DistillCounts, stages=()) -> RememberedDistillation:
    return RememberedDistillation(run_id=run_id, counts=of, stages=list(stages))


def drift(now, *earlier, determinism=SAME, **config):
    return measure_drift("now", now, list(earlier), determinism, DriftConfig(**config))


def figure(found, name):
    return next(each for each in found.figures if each.name == name)


def test_there_are_ten_figures_and_shares_are_of_all_records():
    figures = figures_of(counts(100, skipped={"broken_json": 25}, contaminated={"exact": 3}))
    assert len(figures) == 10
    assert figures["evidence"] == 100
    assert figures["skipped"] == pytest.approx(25 / 125)
    assert figures["accepted"] == 0.5
    assert figures["preference_exported"] == 0.05
    assert figures["contaminated"] == 0.03


def test_a_share_of_nothing_is_undefined_and_never_warns():
    found = drift(counts(0), run("r1", counts(0)))
    assert figure(found, "accepted").value is None
    assert figure(found, "accepted").reason == "nothing to compare with"
    assert found.severity == "ok"


def test_the_first_run_is_compared_with_nothing():
    found = drift(counts(quarantined={"rag": {"empty_content": 2}}))
    assert found.previous_run_id is None
    assert found.new_error_classes == []
    assert found.severity == "ok"
    assert figure(found, "evidence").reason == "nothing to compare with"


@pytest.mark.parametrize(("now", "severity"), [(120, "ok"), (121, "warn"), (80, "ok"), (79, "warn")])
def test_a_figure_warns_beyond_the_threshold_not_at_it(now, severity):
    found = drift(counts(now), run("r1", counts(100)), threshold=0.2)
    assert figure(found, "evidence").severity == severity
    assert figure(found, "evidence").change == pytest.approx((now - 100) / 100)


def test_a_slow_slide_warns_against_the_window_though_each_step_is_small():
    earlier = [run(f"r{n}", counts(n)) for n in (200, 190, 170, 150)]
    found = drift(counts(130), *earlier, threshold=0.2)
    slid = figure(found, "evidence")
    assert slid.change == pytest.approx(-20 / 150)
    assert slid.window_mean == pytest.approx(177.5)
    assert slid.severity == "warn"


def test_only_the_windows_runs_count():
    earlier = [run(f"r{n}", counts(n)) for n in (1000, 100, 100)]
    found = figure(drift(counts(100), *earlier, window=2), "evidence")
    assert (found.window_n, found.window_mean) == (2, 100)


def test_few_records_never_warn_and_say_why():
    found = drift(counts(10), run("r1", counts(4)), minimum_rows=20)
    assert found.severity == "ok"
    assert figure(found, "evidence").reason == "fewer than 20 records"


def test_what_was_never_there_and_appears_warns():
    found = drift(counts(contaminated={"exact": 4}), run("r1", counts()))
    assert figure(found, "contaminated").severity == "warn"
    assert figure(found, "contaminated").change is None
    assert figure(found, "contaminated").reason == "the previous run had none"


def test_a_reason_the_previous_run_had_not_warns_and_is_named():
    now = counts(skipped={"broken_json": 1}, quarantined={"sft": {"unsafe_for_sft": 50, "empty_content": 1}})
    found = drift(now, run("r1", counts()))
    assert found.new_error_classes == ["sft: empty_content", "skip: broken_json"]
    assert found.severity == "warn"
    assert error_classes(counts()) == {"sft: unsafe_for_sft"}


def test_equal_inputs_with_unequal_outputs_are_an_alert():
    violation = Determinism(status="deterministic_violation", recomputed=1, violations=["score-evidence: a, then b"])
    assert drift(counts(), run("r1", counts()), determinism=violation).severity == "alert"


def test_a_stage_that_gave_out_something_else_under_its_key_is_named():
    kept = StageOutput(step="collect-evidence", key="k1", outputs=["evidence:a"])
    broken = StageOutput(step="score-evidence", key="k2", outputs=["evidence_scores:a"])
    other_key = StageOutput(step="export-sft", key="k3", outputs=["sft_rows:a"])
    now = [
        kept,
        StageOutput(step="score-evidence", key="k2", outputs=["evidence_scores:b"]),
        StageOutput(step="export-sft", key="k4", outputs=["sft_rows:b"]),
    ]
    found = broken_promises(now, [run("r1", counts(), [kept, broken, other_key])])
    assert found == ["score-evidence: evidence_scores:a in run r1, evidence_scores:b now"]
