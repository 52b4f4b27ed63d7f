"""Results read from files and from a run's datasets."""

import json
from pathlib import Path
from typing import Any

import pytest

from millrace.datasets.schema import table_of
from millrace.errors import BadInputError, NotFoundError
from millrace.monitoring.eval_results import EvalResult, read_result_file, result_of_scores, together
from millrace.records.daily_report import MetricSummary
from millrace.records.evaluation import MetricScore
from millrace.records.report import Count, ReportedEstimate
from tests.support.promptfoo import promptfoo_document, promptfoo_result


def score(metric: str, value: float, question: str = "a") -> MetricScore:
    return MetricScore(
        trace_id=f"t-{question}",
        question_key=question * 64,
        metric=metric,
        tier="model_free",
        status="scored",
        value=value,
        source="scorer 1",
    )


def summary(metric: str, mean: float | None) -> dict[str, Any]:
    ends = None if mean is None else mean
    estimate = ReportedEstimate(
        mean=mean, low=ends, high=ends, n=9, method="student_t", reason="no_items" if mean is None else None
    )
    statuses = [Count(name="scored", n=9), Count(name="failed", n=1)]
    made = MetricSummary(
        metric=metric, tier="ragas", title=metric, meaning="-", source="j", mean=estimate, statuses=statuses, edges=[]
    )
    return made.model_dump(mode="json")


def written(path: Path, document: object) -> Path:
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_a_daily_report_has_means_only(tmp_path: Path) -> None:
    document = {"format": 1, "sampling": {}, "metrics": [summary("faithfulness", 0.8), summary("relevance", None)]}
    found = read_result_file(written(tmp_path / "report.json", document))
    assert found.kind == "daily report (means only)"
    assert found.metrics == ["faithfulness", "relevance"]
    assert (found.means["faithfulness"].mean, found.means["relevance"].mean) == (0.8, None)
    assert found.means["faithfulness"].statuses == {"scored": 9, "failed": 1}
    assert found.rows.num_rows == 0


def test_a_promptfoo_file_has_rows(tmp_path: Path) -> None:
    document = promptfoo_document([promptfoo_result("a", {"golden": 0.5}), promptfoo_result("b", {"golden": 1})])
    found = read_result_file(written(tmp_path / "results.json", document))
    assert found.kind.startswith("promptfoo results (layout 3")
    assert found.metrics == ["promptfoo/golden", "promptfoo/pass"]
    assert found.of("promptfoo/golden").column("value").to_pylist() == [0.5, 1.0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is no JSON"),
        ('{"a": NaN}', "NaN is no number"),
        ([1], "holds no JSON object; expected the report.json of a daily-eval run, or what `promptfoo"),
        ({"week": 1, "format": 2}, "holds an object with format, week; expected"),
        ({"format": 1, "sampling": {}, "metrics": []}, "without metrics"),
        ({"format": 1, "sampling": {}, "metrics": [{"metric": "m"}]}, "not those of a daily report: tier"),
    ],
)
def test_other_files_are_refused_by_name_with_what_was_expected(tmp_path: Path, content: object, said: str) -> None:
    path = written(tmp_path / "file.json", content)
    with pytest.raises(BadInputError, match=said) as error:
        read_result_file(path)
    assert str(path) in str(error.value)


def test_a_file_that_is_not_there_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="is a folder"):
        read_result_file(tmp_path)
    with pytest.raises(NotFoundError, match=r"none\.json is not there"):
        read_result_file(tmp_path / "none.json")


def test_a_metric_is_taken_from_the_last_step_that_has_it() -> None:
    first = [table_of(MetricScore, [score("a", 0.1), score("b", 0.2)])]
    second = [table_of(MetricScore, [score("b", 0.3)]), table_of(MetricScore, [score("b", 0.4, "b")])]
    found = result_of_scores("run-1", "run of daily-eval", [first, second])
    assert found.metrics == ["a", "b"]
    assert found.of("a").column("value").to_pylist() == [0.1]
    assert found.of("b").column("value").to_pylist() == [0.3, 0.4]
    assert found.of("c").num_rows == 0


def test_a_run_without_scores_has_no_metric() -> None:
    assert result_of_scores("run-1", "run", [[table_of(MetricScore, [])]]).metrics == []


def test_results_of_one_side_are_put_together_unless_they_share_a_metric() -> None:
    first = result_of_scores("r1", "run", [[table_of(MetricScore, [score("a", 0.1)])]])
    second = result_of_scores("r2", "run", [[table_of(MetricScore, [score("b", 0.1)])]])
    both = together([first, second])
    assert (both.name, both.kind, both.metrics) == ("r1 + r2", "run + run", ["a", "b"])
    with pytest.raises(BadInputError, match="a is in r1 and in r3"):
        together([first, EvalResult("r3", "run", first.rows)])
