"""The stage that scores: row for row, across parts, with the verdicts of parents, and the same however it runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from millrace.datasets.manifest import DatasetRef
from millrace.distillation.scoring import score_part
from millrace.errors import BadInputError, NotFoundError
from millrace.records.receipt import Receipt
from tasks import scoring
from tasks.home import Home
from tasks.parts import write_parts
from tasks.scoring import score_evidence
from tasks.stage import stage
from tasks.tables import scoring_rules
from tests.support.marked_evidence import evidence_of, record
from tests.tasks.turns import Turn

VERDICTS = ("accepted", "rejected", "undecided")


def records_of(n_tasks: int) -> list[dict[str, Any]]:
    """Of each task an extraction first, a reviewed answer last."""
    facts = [record(f"fact-{n}", role="extraction", task_id=f"T{n}") for n in range(n_tasks)]
    answers = [record(f"answer-{n}", ("verdict", VERDICTS[n % 3]), task_id=f"T{n}") for n in range(n_tasks)]
    return [*facts, *answers]


@stage
def make_evidence(n_tasks: int, rows_per_part: int) -> DatasetRef:
    """Evidence in parts of so many rows."""
    records = records_of(n_tasks)
    parts = [records[start : start + rows_per_part] for start in range(0, len(records), rows_per_part)]
    jobs = [lambda part=part: {"evidence": evidence_of(*part)} for part in parts]
    return write_parts(jobs, ["evidence"])["evidence"]


def rows(home: Home, ref: DatasetRef) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = home.datasets.open(ref).to_arrow().to_pylist()
    return found


def test_each_record_is_scored_in_its_row_and_extractions_share_verdicts(turn: Turn, home: Home) -> None:
    ref = turn(lambda: score_evidence(make_evidence(6, 12), scoring_rules()))
    found = rows(home, ref)
    assert (ref.kind, ref.rows) == ("evidence_scores", 12)
    assert [row["evidence_id"] for row in found] == [each["evidence_id"] for each in records_of(6)]
    categories = ["accepted", "rejected", "needs_human_review"] * 2
    assert [row["category"] for row in found] == categories * 2
    assert [row["parent_id"] for row in found] == [f"answer-{n}" for n in range(6)] + [None] * 6


def test_neither_workers_nor_the_size_of_jobs_decides_a_byte(
    plain: Turn, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = plain(lambda: score_evidence(make_evidence(10, 3), scoring_rules()), "one")
    for name, at_once, workers in (("two", 1, 1), ("three", 4, 3), ("four", 7, 2)):
        monkeypatch.setattr(scoring, "_ROWS_AT_ONCE", at_once)
        again = plain(lambda: score_evidence(make_evidence(10, 3), scoring_rules()), name, workers=workers)
        assert rows(home, again) == rows(home, whole)


def test_records_without_extractions_are_scored_by_themselves(plain: Turn, home: Home) -> None:
    answers = [each for each in records_of(3) if each["role"] != "extraction"]

    @stage
    def make_answers() -> DatasetRef:
        return write_parts([lambda: {"evidence": evidence_of(*answers)}], ["evidence"])["evidence"]

    found = rows(home, plain(lambda: score_evidence(make_answers(), scoring_rules())))
    assert found == score_part(evidence_of(*answers), scoring_rules()).to_pylist()


def test_no_evidence_gives_no_scores(plain: Turn) -> None:
    ref = plain(lambda: score_evidence(make_evidence(0, 1), scoring_rules()))
    assert (ref.kind, ref.rows) == ("evidence_scores", 0)


def test_the_receipt_holds_the_rules_and_the_evidence(
    plain: Turn, home: Home, receipts: Callable[[str], dict[str, Receipt]]
) -> None:
    plain(lambda: score_evidence(make_evidence(2, 4), scoring_rules()), "run")
    receipt = receipts("run")["score-evidence"]
    assert type(scoring_rules()).model_validate(receipt.arguments["rules"]) == scoring_rules()
    assert receipt.arguments["evidence"]["kind"] == "evidence"


def test_a_table_of_ones_own_is_opened_by_its_path(tmp_path: Path) -> None:
    bundled = Path(scoring.__file__).parents[1] / "configs" / "scoring.yaml"
    own = tmp_path / "own.yaml"
    own.write_text(bundled.read_text().replace("version: 1", "version: 7"))
    assert scoring_rules(str(own)).version == 7
    own.write_text("version: 7")
    with pytest.raises(BadInputError, match=r"own\.yaml"):
        scoring_rules(str(own))
    with pytest.raises(NotFoundError, match="scoring"):
        scoring_rules("absent")
