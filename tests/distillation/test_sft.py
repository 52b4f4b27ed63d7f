"""Evidence as conversations to learn from."""

from millrace.datasets.validation import checked
from millrace.distillation.config import SftConfig
from millrace.distillation.sft import sft_rows
from millrace.records.exports import SftRow
from tests.support.judged_evidence import judged, record, turn

HISTORY = [turn("system", "Be brief."), turn("user", "Hello"), turn("assistant", "Good day.")]
ASKED = {"role": "user", "content": "How do I restart the mill?"}


def test_passages_turns_prompt_and_text_become_messages() -> None:
    rows = [record(0, contexts=["Gates.", "Wheels."], history=HISTORY), record(1), record(2, contexts=["Gates."])]
    found = checked(SftRow, sft_rows(*judged(*rows), SftConfig(instructions="Read."))).to_pylist()
    assert found[0]["messages"] == [
        {"role": "system", "content": "Be brief.\n\nRead.\n\n[1] Gates.\n\n[2] Wheels."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Good day."},
        ASKED,
        {"role": "assistant", "content": "Open gate 0 and wait."},
    ]
    assert found[1]["messages"] == [ASKED, {"role": "assistant", "content": "Open gate 1 and wait."}]
    assert [turn["role"] for turn in found[2]["messages"]] == ["system", "user", "assistant"]
    assert [row["evidence_id"] for row in found] == ["e0", "e1", "e2"]
    assert found[2]["provenance"]["source_offset"] == 200


def test_passages_can_be_left_out() -> None:
    given = judged(record(0, contexts=["Gates."], history=HISTORY))
    (row,) = sft_rows(*given, SftConfig(contexts_in_prompt=False)).to_pylist()
    assert row["messages"][0] == {"role": "system", "content": "Be brief."}


def test_no_rows_give_no_rows() -> None:
    assert checked(SftRow, sft_rows(*judged(), SftConfig())).num_rows == 0
