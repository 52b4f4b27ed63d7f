"""What users say reaches triage: a rated-bad answer that nothing else catches becomes a failure of the week."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from flows.import_feedback import ImportFeedbackConfig, import_feedback
from millrace.datasets.manifest import DatasetRef
from millrace.ledger.tasks import tasks
from tasks.home import Home
from tasks.receipts import read_receipts
from tests.support import wheel
from tests.support.inputs import MONDAY, write_lines


def trace(number: int) -> dict[str, Any]:
    fact = f"The weight of pump {number} is {number + 20} kilograms."
    return {
        "trace_id": f"t{number}",
        "time": (MONDAY + timedelta(hours=number)).isoformat(),
        "tenant_id": "mill",
        "question": f"What is the weight of pump {number}?",
        "contexts": [{"context_id": f"c{number}", "text": fact}],
        "answer": fact,
    }


def triaged(home: Home) -> list[dict[str, Any]]:
    (receipt,) = [each for each in read_receipts(home.run_folder("week")) if each.step == "triage-traces"]
    rows: list[dict[str, Any]] = home.datasets.open(DatasetRef.model_validate(receipt.output)).to_arrow().to_pylist()
    return rows


def test_a_rated_bad_answer_is_a_failure_and_asked_about(home: Home, tmp_path: Path) -> None:
    wheel.import_file(write_lines(tmp_path / "traces.jsonl", [trace(1), trace(2), trace(3)]))
    later = (MONDAY + timedelta(days=20)).isoformat()  # after the week has ended, before it is run
    said = [{"trace_id": "t2", "tenant_id": "mill", "time": later, "rating": "down"}]
    path = write_lines(tmp_path / "feedback.jsonl", [*said, {"trace_id": "t3", "tenant_id": "mill", "time": later}])
    assert import_feedback.fn(ImportFeedbackConfig(file=str(path)), run_id="feedback").skips.rows == 1

    wheel.week()
    rows = triaged(home)
    assert [(row["verdict"], row["rule_id"]) for row in rows] == [("ok", None), ("failure", "rated-bad"), ("ok", None)]
    assert (rows[1]["failure_type"], rows[1]["confidence_basis"]) == ("irrelevant_answer", "not_calibrated")
    asked = [task.payload["trace_id"] for task in tasks(home.ledger)]
    assert "t2" in asked
