"""The folder of suites."""

from millrace.evaluation.promptfoo import PromptfooConfig
from millrace.evaluation.suites import EvalsConfig, suite_files
from tests.evaluation.conftest import golden_row


def test_deepeval_gets_every_row_and_promptfoo_a_choice() -> None:
    rows = [golden_row(str(place)) for place in range(30)]
    files = suite_files(rows, EvalsConfig(), "golden dataset main 1.0.0")
    assert files["deepeval/cases.json"].count(b'"golden_id"') == 30
    assert files["promptfoo/promptfooconfig.yaml"].count(b"golden_id:") == 20
    assert "| `promptfoo/` | 20 |" in files["README.md"].decode()
    few = suite_files(rows, EvalsConfig(promptfoo=PromptfooConfig(n_cases=3)), "x")
    assert few["promptfoo/promptfooconfig.yaml"].count(b"golden_id:") == 3


def test_a_golden_dataset_without_eval_rows_gives_empty_suites() -> None:
    files = suite_files([], EvalsConfig(), "golden dataset main 1.0.0")
    assert files["deepeval/cases.json"] == b"[]\n"
    assert b"tests: []" in files["promptfoo/promptfooconfig.yaml"]
