"""promptfoo's results file: which metrics it has, what failed, and which tests are the same in two files."""

from typing import Any

import pytest

from millrace.errors import BadInputError
from millrace.monitoring.promptfoo_results import Row, is_promptfoo, promptfoo_layout, promptfoo_rows
from tests.support.promptfoo import promptfoo_document, promptfoo_result


def read(*results: dict[str, Any], layout: int = 3) -> list[Row]:
    return promptfoo_rows(promptfoo_document(results, layout=layout), "results.json")


def values(rows: list[Row]) -> dict[str | float | None, str | float | None]:
    return {row["metric"]: row["reason"] if row["value"] is None else row["value"] for row in rows}


def keys(*results: dict[str, Any]) -> list[str | float | None]:
    return [row["question_key"] for row in read(*results) if row["metric"] == "promptfoo/pass"]


@pytest.mark.parametrize("layout", [2, 3, 4])
def test_named_scores_and_whether_the_test_passed_are_metrics_in_every_layout(layout: int) -> None:
    rows = read(promptfoo_result("Why?", {"golden": 0.75, "tone": 1}, passed=False), layout=layout)
    assert values(rows) == {"promptfoo/pass": 0.0, "promptfoo/golden": 0.75, "promptfoo/tone": 1.0}
    assert {row["status"] for row in rows} == {"scored"}


def test_a_test_whose_assertions_name_no_metric_has_the_score() -> None:
    assert values(read(promptfoo_result("Why?", score=0.6))) == {"promptfoo/pass": 1.0, "promptfoo/score": 0.6}


@pytest.mark.parametrize("layout", [2, 3, 4])
def test_where_the_provider_broke_no_metric_of_the_test_has_a_value(layout: int) -> None:
    rows = read(promptfoo_result("Why?", error="timeout", asserted=["golden"]), layout=layout)
    assert values(rows) == {"promptfoo/pass": "provider_error", "promptfoo/golden": "provider_error"}
    assert {row["status"] for row in rows} == {"failed"}


def test_an_assertion_that_fails_is_a_value_though_promptfoo_calls_its_reason_an_error() -> None:
    result = promptfoo_result("Why?", {"golden": 0.0}, passed=False) | {"error": "Expected output to contain x"}
    for layout in (2, 3):
        assert values(read(result, layout=layout)) == {"promptfoo/pass": 0.0, "promptfoo/golden": 0.0}


def test_a_grader_that_broke_is_no_score_of_nought() -> None:
    result = promptfoo_result("Why?", {"rubric": 0.0, "length": 1.0}, passed=False, broken=["rubric"])
    assert values(read(result)) == {
        "promptfoo/pass": "grader_error",
        "promptfoo/rubric": "grader_error",
        "promptfoo/length": 1.0,
    }


def test_a_metric_without_its_score_has_failed() -> None:
    assert values(read(promptfoo_result("Why?", {}, asserted=["golden"])))["promptfoo/golden"] == "no_score"
    templated = promptfoo_result("Why?", {"tone": 1}, asserted=["{{ kind }}"])
    assert values(read(templated)) == {"promptfoo/pass": 1.0, "promptfoo/tone": 1.0}


def test_metrics_of_assertion_sets_are_known_too() -> None:
    result = promptfoo_result("Why?", error="timeout")
    result["testCase"]["assert"] = [{"type": "assert-set", "assert": [{"type": "contains", "metric": "inner"}]}]
    assert set(values(read(result))) == {"promptfoo/pass", "promptfoo/inner"}


def test_equal_variables_have_equal_keys_whatever_the_run_adds() -> None:
    first, again, other = keys(promptfoo_result("a", n=1), promptfoo_result("a", n=1), promptfoo_result("a", n=2))
    assert first == again != other
    assert keys(promptfoo_result("a", sessionId="s1", _conversation=[1])) == keys(promptfoo_result("a", sessionId="s2"))


def test_a_single_prompt_or_provider_may_change_between_two_files() -> None:
    assert keys(promptfoo_result("a", prompt="p1", provider="x")) == keys(
        promptfoo_result("a", prompt="p2", provider="y")
    )


def test_of_several_prompts_or_providers_each_is_a_test_of_its_own() -> None:
    by_prompt = keys(promptfoo_result("a", prompt="p1"), promptfoo_result("a", prompt="p2"))
    by_provider = keys(promptfoo_result("a", provider="x"), promptfoo_result("a", provider="y"))
    assert len({*by_prompt, *by_provider}) == 4


def test_a_provider_is_known_by_its_label_else_its_id() -> None:
    labelled, plain = promptfoo_result("a", provider="x"), promptfoo_result("a", provider="y")
    plain["provider"] = {"id": "openai:y", "label": ""}
    named = promptfoo_result("a") | {"provider": "openai:y"}
    assert keys(labelled, plain)[1] == keys(promptfoo_result("a", provider="x"), named)[1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"success": None}, "result 2 has no `success`"),
        ({"vars": None, "testCase": {}}, "result 2 lacks `vars` or `prompt`"),
        ({"prompt": "text"}, "result 2 lacks `vars` or `prompt`"),
        ({"namedScores": {"golden": "high"}}, "result 2: named score golden is 'high', not a number"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInputError, match=f"results.json: {said}"):
        read(promptfoo_result("a"), promptfoo_result("b") | change)


def test_no_results_are_refused() -> None:
    with pytest.raises(BadInputError, match="without results"):
        read()


def test_what_the_file_is_is_said() -> None:
    assert promptfoo_layout(promptfoo_document([])) == "promptfoo results (layout 3, promptfoo 0.121.20)"
    assert promptfoo_layout(promptfoo_document([], layout=4)) == "promptfoo results (layout 4, promptfoo 0.121.20)"
    assert promptfoo_layout(promptfoo_document([], layout=2)) == "promptfoo results (layout 2)"
    assert not any(is_promptfoo(each) for each in ([], {"results": []}, {"results": {"results": {}}}, None))
