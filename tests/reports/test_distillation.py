"""The distillation's report, line by line where it matters."""

from datetime import UTC, datetime

from millrace.distillation.drift import DriftConfig, measure_drift
from millrace.records.distillation import Determinism, DistillCounts, DistillSummary, RememberedDistillation
from millrace.reports.distillation import distillation_markdown

COUNTS = DistillCounts(
    evidence=40,
    streams={"reviews": 30, "audits": 10},
    skipped={"missing_provenance": 2},
    categories={"accepted": 30, "rejected": 10},
    rules={"verdict-accepted": 30, "verdict-rejected": 10},
    contaminated={"exact": 1},
    exported={"rag": 29, "sft": 28, "preference": 3},
    quarantined={"rag": {"unsafe_for_rag": 10, "eval_contamination": 1}, "sft": {"unsafe_for_sft": 12}},
)
SUMMARY = DistillSummary(
    run_id="run-2", counts=COUNTS, datasets={}, files={"exports/run-2/sft/train.jsonl": "a" * 64}, severity="warn"
)
NOW = datetime(2026, 10, 1, tzinfo=UTC)


def lines(drift_of: list[RememberedDistillation], determinism: Determinism) -> list[str]:
    drift = measure_drift("run-2", COUNTS, drift_of, determinism, DriftConfig())
    return distillation_markdown(SUMMARY, drift, []).splitlines()


UNCHECKED = Determinism(status="not_checked", recomputed=0, reason="nothing | to compare")


def test_what_came_in_and_what_was_kept_out_is_said_first() -> None:
    found = lines([], UNCHECKED)
    assert found[2] == "- **40 records** from 2 streams: reviews 30, audits 10"
    assert found[3] == "- 2 rows skipped (missing provenance 2)"
    assert found[4] == "- 1 record near to an eval example (exact 1): in no export"


def test_every_reason_of_quarantine_has_a_row_with_each_export() -> None:
    found = lines([], UNCHECKED)
    assert "| eval contamination | 1 | – | – |" in found  # noqa: RUF001
    assert "| unsafe for sft | – | 12 | – |" in found  # noqa: RUF001
    assert "| Fine-tuning | 28 | 12 |" in found


def test_the_most_frequent_category_comes_first_with_its_share() -> None:
    found = [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines([], UNCHECKED)]
    assert found.index("| accepted | 30 | 75 % |") < found.index("| rejected | 10 | 25 % |")


def test_a_first_run_says_that_there_is_nothing_to_compare_with() -> None:
    found = lines([], UNCHECKED)
    assert "- no earlier run over the same streams" in found
    assert "- determinism not checked: nothing \\| to compare" in found


def test_a_changed_figure_is_shown_with_both_comparisons() -> None:
    earlier = [
        RememberedDistillation(run_id=f"run-{n}", counts=COUNTS.model_copy(update={"evidence": n}), stages=[])
        for n in (60, 80)
    ]
    told = lines(earlier, Determinism(status="same", recomputed=9))
    found = [line.replace("\N{NO-BREAK SPACE}", " ") for line in told]
    assert "- equal inputs gave equal outputs; 9 stages computed again" in found
    assert "- compared with run run-80; new reasons: none" in found
    assert "| evidence | 40 | 80 | −50 % | 70 (n = 2) | −43 % | warn |" in found  # noqa: RUF001


def test_a_violation_names_every_stage() -> None:
    found = lines([], Determinism(status="deterministic_violation", recomputed=1, violations=["score-evidence: a, b"]))
    assert "- **equal inputs gave unequal outputs**:" in found
    assert "  - score-evidence: a, b" in found


def test_published_files_are_named_with_their_hash() -> None:
    assert f"| exports/run-2/sft/train.jsonl | {'a' * 64} |" in lines([], UNCHECKED)
