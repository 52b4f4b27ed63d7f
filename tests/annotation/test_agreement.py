"""Agreement of annotators: who counts, in which tasks, and how it is told."""

import random
from typing import Any

import pytest

from millrace.annotation.agreement import AnnotatorAgreement, annotator_agreement
from millrace.datasets.schema import table_of
from millrace.records.annotation import Annotation
from millrace.records.trace import utc
from millrace.statistics.intervals import Estimate


def said(task: int, annotator: str, verdict: str, *, day: int = 9, **fields: Any) -> Annotation:
    fields = {"expected_behaviour": "abstain"} | fields
    row = {"annotation_id": f"{task}-{annotator}-{day}", "task_id": f"task-{task}", "trace_id": f"t{task}"}
    row |= {"annotator": annotator, "verdict": verdict, "submitted_at": utc(2026, 11, day)}
    return Annotation.model_validate(row | fields)


def agreement(annotations: list[Annotation]) -> AnnotatorAgreement:
    return annotator_agreement(table_of(Annotation, annotations), n_resamples=200)


def estimates(found: AnnotatorAgreement) -> dict[str, Estimate]:
    return {each.name: each.estimate for each in found.fields}


# Verdicts by ada and bob of four tasks: ok ok, ok hallucination, hallucination hallucination, ok ok.
VERDICTS = [("ok", "ok"), ("ok", "hallucination"), ("hallucination", "hallucination"), ("ok", "ok")]
FOUR = [said(i, name, verdict) for i, pair in enumerate(VERDICTS) for name, verdict in zip("ab", pair, strict=True)]


def test_alpha_of_the_verdict_worked_by_hand() -> None:
    # 2 of 8 ordered pairs within tasks differ; of 5 ok and 3 other values 30 of 56 ordered pairs differ.
    found = agreement(FOUR)
    assert estimates(found)["verdict"].mean == pytest.approx(1 - (2 / 8) / (30 / 56))
    assert (found.n_tasks, found.n_disagreements, found.n_adjudicated) == (4, 1, 0)


def test_a_field_that_never_varied_or_was_never_judged_has_a_reason_instead_of_a_number() -> None:
    found = estimates(agreement(FOUR))
    assert (found["expected_behaviour"].mean, found["expected_behaviour"].reason) == (None, "undefined")
    assert (found["support"].mean, found["support"].reason, found["support"].n) == (None, "no_items", 0)


def test_support_is_a_scale_among_those_who_judged_it() -> None:
    # none-none, all-part, all-all; a fourth task was judged by one. Totals 2, 1, 3: middles of ranks 1, 2.5, 4.5.
    pairs = [("none", "none"), ("all", "part"), ("all", "all"), ("all", None)]
    rows = [
        said(i, name, "ok", support=support)
        for i, pair in enumerate(pairs)
        for name, support in zip("ab", pair, strict=True)
    ]
    found = agreement(rows)
    observed = 2 * 2.0**2 / 6
    expected = 2 * (2 * 1 * 1.5**2 + 2 * 3 * 3.5**2 + 1 * 3 * 2.0**2) / (6 * 5)
    assert estimates(found)["support"].mean == pytest.approx(1 - observed / expected)
    assert (estimates(found)["support"].n, found.n_tasks, found.n_disagreements) == (3, 4, 1)


def test_only_tasks_of_several_annotators_count_and_of_each_the_last_answer() -> None:
    more = [said(9, "a", "system_error"), said(1, "b", "ok", day=10)]
    found = agreement(FOUR + more)
    assert (found.n_tasks, found.n_disagreements) == (4, 0)
    assert estimates(found)["verdict"].mean == 1


def test_an_adjudication_is_no_answer_and_counts_as_settling() -> None:
    settled = agreement([*FOUR, said(1, "c", "ok", day=11, adjudicates=True)])
    assert settled.fields == agreement(FOUR).fields
    assert (settled.n_disagreements, settled.n_adjudicated) == (1, 1)
    alone = agreement([said(1, "a", "ok"), said(1, "c", "hallucination", day=11, adjudicates=True)])
    assert alone.n_tasks == 0


def test_no_annotations_give_no_numbers() -> None:
    found = agreement([])
    assert (found.n_tasks, found.n_disagreements, found.n_adjudicated) == (0, 0, 0)
    assert {each.reason for each in estimates(found).values()} == {"no_items"}


def test_the_order_of_rows_does_not_matter() -> None:
    rows = [said(i, name, random.Random(i).choice(["ok", "hallucination"])) for i in range(30) for name in "abc"]
    shuffled = random.Random(1).sample(rows, len(rows))
    assert agreement(rows) == agreement(shuffled)
