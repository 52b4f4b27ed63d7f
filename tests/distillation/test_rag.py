"""Evidence as knowledge to retrieve."""

import pytest

from millrace.datasets.validation import checked
from millrace.distillation.rag import rag_rows
from millrace.records.exports import RagRow
from tests.support.judged_evidence import judged, record


def test_a_row_says_where_it_comes_from() -> None:
    given = judged(record(3, user_id="ann", tenant_id="mill"))
    (row,) = checked(RagRow, rag_rows(*given)).to_pylist()
    evidence = given.evidence.to_pylist()[0]
    assert row == {
        "evidence_id": "e3",
        "tenant_id": "mill",
        "user_id": "ann",
        "task_id": "t3",
        "title": "How do I restart the mill?",
        "text": "Open gate 3 and wait.",
        "category": "accepted",
        "reason": "as the reviewer says",
        "provenance": {name: evidence[name] for name in row["provenance"]},
    }
    assert sorted(row["provenance"]) == sorted(
        ["sig_hash", "stream", "source_file", "source_offset", "row_hash", "run_id", "recorded_at"]
    )


@pytest.mark.parametrize(
    ("prompt", "subject", "title"),
    [("Why?", "gate", "Why?"), (None, "gate", "gate"), (" ", "gate", "gate"), (None, None, "t0")],
)
def test_the_title_is_the_prompt_or_the_subject_or_the_task(
    prompt: str | None, subject: str | None, title: str
) -> None:
    assert rag_rows(*judged(record(0, prompt=prompt, subject=subject))).column("title").to_pylist() == [title]


def test_no_rows_give_no_rows() -> None:
    assert checked(RagRow, rag_rows(*judged())).num_rows == 0
