"""How people's annotations and ratings become labels: each rule by an example, and the order of rows."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from millrace.datasets.schema import rows_of, table_of
from millrace.errors import BadInputError
from millrace.evaluation.people import LabelCount, LabelRules, MetricLabelRule, label_traces, person_labels
from millrace.records.annotation import Annotation
from millrace.records.evaluation import PersonLabel
from millrace.records.rules import read_record
from millrace.records.trace import HumanRating, utc

YAML = """
version: 1
metrics:
  groundedness:
    dimension: faithfulness
    good_from: 3
    good_support: [all]
    bad_verdicts: [hallucination]
    good_verdicts: [ok, irrelevant_answer]
  answer_relevance:
    dimension: appropriateness
    good_from: 3
    bad_verdicts: [irrelevant_answer]
    good_verdicts: [ok]
  ratings_only:
    dimension: faithfulness
    good_from: 3
"""


@pytest.fixture
def rules(tmp_path: Path) -> LabelRules:
    path = tmp_path / "label_rules.yaml"
    path.write_text(YAML)
    return read_record(path, LabelRules)


def annotation(trace_id: str, annotator: str = "anna", *, minute: int = 0, **fields: Any) -> Annotation:
    known = {
        "annotation_id": f"{trace_id}-{annotator}-{minute}",
        "task_id": f"task-{trace_id}",
        "trace_id": trace_id,
        "annotator": annotator,
        "verdict": "ok",
        "expected_behaviour": "abstain",
        "submitted_at": utc(2026, 11, 20) + timedelta(minutes=minute),
    }
    return Annotation.model_validate(known | fields)


def rating(trace_id: str, value: float, annotator: str = "anna", dimension: str = "faithfulness") -> HumanRating:
    return HumanRating(trace_id=trace_id, dimension=dimension, annotator=annotator, value=value)


def labelled(
    rules: LabelRules, annotations: Sequence[Annotation] = (), ratings: Sequence[HumanRating] = ()
) -> dict[tuple[str, str], bool]:
    found = person_labels(table_of(Annotation, annotations), table_of(HumanRating, ratings), rules)
    return {(row.metric, row.trace_id): row.good for row in rows_of(PersonLabel, found)}


@pytest.mark.parametrize(("value", "good"), [(1.0, False), (2.9, False), (3.0, True), (4.0, True)])
def test_a_rating_is_good_from_the_bound_on(rules: LabelRules, value: float, good: bool) -> None:
    assert labelled(rules, ratings=[rating("t", value)]) == {("groundedness", "t"): good, ("ratings_only", "t"): good}


def test_a_rating_of_another_dimension_is_not_read(rules: LabelRules) -> None:
    assert labelled(rules, ratings=[rating("t", 4.0, dimension="naturalness")]) == {}


@pytest.mark.parametrize(
    ("fields", "grounded", "relevant"),
    [
        ({"verdict": "ok", "support": "all"}, True, True),
        ({"verdict": "ok", "support": "part"}, False, True),
        ({"verdict": "retrieval_failure", "support": "none"}, False, None),
        ({"verdict": "retrieval_failure"}, None, None),  # what comes after it in the guidelines was not asked
        ({"verdict": "hallucination"}, False, None),
        ({"verdict": "hallucination", "support": "all"}, True, None),  # support is the direct word
        ({"verdict": "irrelevant_answer"}, True, False),  # it is not one, or it would be a hallucination
        ({"verdict": "system_error"}, None, None),
    ],
)
def test_an_annotation_says(
    rules: LabelRules, fields: dict[str, Any], grounded: bool | None, relevant: bool | None
) -> None:
    expected = {("groundedness", "t"): grounded, ("answer_relevance", "t"): relevant}
    assert labelled(rules, [annotation("t", **fields)]) == {
        key: good for key, good in expected.items() if good is not None
    }


def test_the_majority_decides_and_a_tie_is_counted_and_left_out(rules: LabelRules) -> None:
    ratings = [rating("two of three", value, str(value)) for value in (1.0, 3.0, 4.0)]
    ratings += [rating("tie", value, str(value)) for value in (1.0, 4.0)]
    found = label_traces(
        table_of(Annotation, [annotation("silent", verdict="system_error")]), table_of(HumanRating, ratings), rules
    )
    rows = [row for row in rows_of(PersonLabel, found.labels) if row.metric == "groundedness"]
    assert rows == [PersonLabel(trace_id="two of three", metric="groundedness", good=True, n_people=3)]
    assert found.counts == [
        LabelCount(metric="answer_relevance", n_labels=0, n_ties=0, n_silent=1),
        LabelCount(metric="groundedness", n_labels=1, n_ties=1, n_silent=1),
        LabelCount(metric="ratings_only", n_labels=1, n_ties=1, n_silent=0),
    ]


def test_each_person_has_one_vote(rules: LabelRules) -> None:
    answers = [
        annotation("t", "anna", minute=0, support="all"),
        annotation("t", "anna", minute=5, support="none"),  # the last word
        annotation("t", "ben", minute=1, support="none"),
    ]
    # cara's two ratings are one vote, of their mean; ben's annotation goes before his rating
    ratings = [rating("t", 4.0, "ben"), rating("t", 1.0, "cara"), rating("t", 4.0, "cara")]
    found = person_labels(table_of(Annotation, answers), table_of(HumanRating, ratings), rules)
    rows = {row.metric: (row.good, row.n_people) for row in rows_of(PersonLabel, found)}
    assert rows["groundedness"] == (False, 3)


def test_an_adjudication_counts_alone(rules: LabelRules) -> None:
    answers = [
        annotation("t", "anna", support="none", verdict="irrelevant_answer"),
        annotation("t", "ben", support="none", verdict="irrelevant_answer"),
        annotation("t", "cara", minute=1, support="part", adjudicates=True),
        annotation("t", "cara", minute=2, support="all", adjudicates=True),
        annotation("t", "ben", minute=3, support="none"),
    ]
    found = labelled(rules, answers, [rating("t", 1.0, "dora"), rating("t", 1.0, "dora", "appropriateness")])
    # a rule that reads no annotations takes no notice of it
    assert found == {("groundedness", "t"): True, ("answer_relevance", "t"): True, ("ratings_only", "t"): False}


def test_an_adjudication_that_says_nothing_of_a_metric_leaves_it_unlabelled(rules: LabelRules) -> None:
    answers = [annotation("t", "anna"), annotation("t", "ben", minute=1, verdict="system_error", adjudicates=True)]
    assert labelled(rules, answers, [rating("t", 4.0)]) == {("ratings_only", "t"): True}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.booleans(), st.booleans()), max_size=8),
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.sampled_from([1.0, 2.5, 4.0])), max_size=8),
    st.integers(0, 9),
)
def test_the_order_of_rows_does_not_matter(
    told: list[tuple[str, str, bool, bool]], rated: list[tuple[str, str, float]], seed: int
) -> None:
    rules = LabelRules(metrics={"m": MetricLabelRule(dimension="faithfulness", good_from=3, good_support=["all"])})
    answers = [
        annotation(trace, name, minute=minute, support="all" if good else "none", adjudicates=settles)
        for minute, (trace, name, good, settles) in enumerate(told)
    ]
    ratings = [rating(trace, value, name) for trace, name, value in rated]
    before = _table(rules, answers, ratings)
    Random(seed).shuffle(answers)
    Random(seed).shuffle(ratings)
    assert _table(rules, answers, ratings) == before


def _table(rules: LabelRules, answers: list[Annotation], ratings: list[HumanRating]) -> pa.Table:
    return person_labels(table_of(Annotation, answers), table_of(HumanRating, ratings), rules)


def test_the_default_rules_follow_the_order_of_faults_in_the_guidelines() -> None:
    order = ["system_error", "safety_violation", "format_violation", "retrieval_failure", "hallucination"]
    order += ["irrelevant_answer", "ok"]
    rules = LabelRules()
    assert sorted(rules.metrics) == [
        "context_precision",
        "deepeval_faithfulness",
        "groundedness",
        "ragas_answer_relevancy",
        "ragas_context_precision",
        "ragas_faithfulness",
    ]
    for rule in rules.metrics.values():
        (bad,) = rule.bad_verdicts
        assert sorted(rule.good_verdicts, key=order.index) == order[order.index(bad) + 1 :]


@pytest.mark.parametrize(
    "fields",
    [
        {"dimension": "faithfulness"},
        {"good_from": 3},
        {"bad_verdicts": ["hallucination"]},
        {"bad_verdicts": ["hallucination"], "good_verdicts": ["ok", "hallucination"]},
        {},
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MetricLabelRule.model_validate(fields)


def test_a_file_that_is_no_table_of_rules_names_the_field(tmp_path: Path) -> None:
    path = tmp_path / "label_rules.yaml"
    path.write_text("metrics: {groundedness: {good_support: [most]}}")
    with pytest.raises(BadInputError, match=r"label_rules.yaml: field 'metrics.groundedness.good_support"):
        read_record(path, LabelRules)
