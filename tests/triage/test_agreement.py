"""Counts against people's ratings, worked by hand; and the shipped rules on real rated answers."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from millrace.datasets.schema import table_of
from millrace.errors import BadInputError
from millrace.records.trace import HumanRating, utc
from millrace.records.triage import TriageRow
from millrace.triage.agreement import AgreementConfig, triage_agreement
from millrace.triage.decide import triage_part

MTRAG = Path(__file__).parents[2].parent / "shared" / "data" / "mtrag" / "responses_human.jsonl"


def triaged(*types: str | None) -> pa.Table:
    rows: list[dict[str, Any]] = [
        {"trace_id": f"t{i}", "verdict": "failure" if each else "ok", "failure_type": each}
        for i, each in enumerate(types)
    ]
    known = {"time": utc(2026, 11, 9), "tenant_id": "a", "reason": "because"}
    return table_of(TriageRow, [TriageRow(**known, **row) for row in rows])


def with_probabilities(*probabilities: float | None) -> pa.Table:
    table = triaged(*(None for _ in probabilities))
    index = table.schema.get_field_index("failure_probability")
    return table.set_column(index, table.schema.field(index), pa.array(probabilities, pa.float64()))


def ratings(*rows: tuple[str, str, float]) -> pa.Table:
    return table_of(
        HumanRating,
        [
            HumanRating(trace_id=trace_id, dimension=dimension, annotator=f"a{i}", value=value)
            for i, (trace_id, dimension, value) in enumerate(rows)
        ],
    )


def test_counts_match_a_table_worked_by_hand() -> None:
    # t0 flagged and low (2 is low); t1 flagged and fine; t2 not flagged and low; t3 neither; t4 nobody rated
    table = triaged("hallucination", "retrieval_failure", None, None, "system_error")
    people = ratings(
        ("t0", "faithfulness", 1.0),
        ("t0", "faithfulness", 3.0),  # mean 2.0
        ("t1", "faithfulness", 4.0),
        ("t2", "completeness", 1.0),
        ("t3", "appropriateness", 3.0),
        ("t3", "naturalness", 1.0),  # no dimension of ours
        ("elsewhere", "faithfulness", 1.0),
    )
    found = triage_agreement(table, people, AgreementConfig())
    assert (found.n_traces, found.n_rated) == (5, 4)
    overall = found.failure
    counts = (overall.true_positives, overall.false_positives, overall.false_negatives, overall.true_negatives)
    assert counts == (1, 1, 1, 1)
    assert (overall.precision.mean, overall.precision.n) == (0.5, 2)
    assert (overall.recall.mean, overall.recall.n) == (0.5, 2)


def test_each_type_is_held_against_its_own_rating() -> None:
    table = triaged("hallucination", "retrieval_failure", "irrelevant_answer")
    people = ratings(
        ("t0", "faithfulness", 1.0),
        ("t0", "completeness", 4.0),
        ("t1", "faithfulness", 1.0),
        ("t1", "completeness", 4.0),
        ("t2", "appropriateness", 2.0),
    )
    by_type = {each.decision: each for each in triage_agreement(table, people, AgreementConfig()).by_type}
    hallucination, retrieval = by_type["hallucination"], by_type["retrieval_failure"]
    # faithfulness is low on t0 and t1, of which t0 is called a hallucination
    assert (hallucination.true_positives, hallucination.false_positives, hallucination.false_negatives) == (1, 0, 1)
    # completeness is low nowhere, so there is nothing to recall
    assert (retrieval.true_positives, retrieval.false_positives, retrieval.true_negatives) == (0, 1, 1)
    assert (retrieval.recall.mean, retrieval.recall.reason) == (None, "no_items")
    assert by_type["irrelevant_answer"].true_positives == 1


def test_types_whose_rating_is_not_configured_are_left_out() -> None:
    found = triage_agreement(triaged(None), ratings(), AgreementConfig(dimensions=["faithfulness"]))
    assert [each.decision for each in found.by_type] == ["hallucination"]


def test_nothing_rated_leaves_shares_undefined_with_a_reason() -> None:
    found = triage_agreement(triaged("hallucination"), ratings(), AgreementConfig())
    assert found.n_rated == 0
    assert (found.failure.precision.mean, found.failure.precision.reason) == (None, "no_items")


def test_a_trace_triaged_twice_is_refused() -> None:
    with pytest.raises(BadInputError, match="twice"):
        triage_agreement(pa.concat_tables([triaged(None)] * 2), ratings(), AgreementConfig())


def test_probabilities_match_figures_worked_by_hand() -> None:
    # rated low: t0, t2; fine: t1, t3, t5; t4 has no probability, t6 is not rated
    table = with_probabilities(0.9, 0.2, 0.4, 0.4, None, 0.1, 0.7)
    people = ratings(*((f"t{i}", "faithfulness", 1.0 if i in (0, 2, 4) else 4.0) for i in range(6)))
    found = triage_agreement(table, people, AgreementConfig()).probability
    assert (found.n, found.n_low, found.auc.n) == (5, 2, 5)
    # pairs won: t0 over three, t2 over two and half of one: 5.5 of 6
    assert found.auc.mean == pytest.approx(5.5 / 6)
    # (0.1^2 + 0.2^2 + 0.6^2 + 0.4^2 + 0.1^2) / 5 = (0.01 + 0.04 + 0.36 + 0.16 + 0.01) / 5
    assert found.brier.mean == pytest.approx(0.116)
    # 2 of 5 less (0.9 + 0.2 + 0.4 + 0.4 + 0.1) / 5
    assert found.surplus.mean == pytest.approx(0.0)
    assert found.surplus.low is not None


def test_the_order_of_rows_changes_no_figure() -> None:
    table = with_probabilities(0.9, 0.2, 0.4, 0.35, 0.1, 0.8)
    people = ratings(*((f"t{i}", "faithfulness", 1.0 if i in (0, 2) else 4.0) for i in range(6)))
    turned = table.take([5, 3, 1, 0, 2, 4])
    assert triage_agreement(turned, people, AgreementConfig()) == triage_agreement(table, people, AgreementConfig())


def test_undefined_figures_of_probabilities_have_a_reason() -> None:
    nobody = triage_agreement(with_probabilities(0.5), ratings(), AgreementConfig()).probability
    assert (nobody.auc.reason, nobody.brier.reason, nobody.surplus.reason) == ("no_items",) * 3
    people = ratings(("t0", "faithfulness", 4.0), ("t1", "faithfulness", 4.0))
    all_fine = triage_agreement(with_probabilities(0.5, 0.1), people, AgreementConfig()).probability
    assert (all_fine.auc.mean, all_fine.auc.reason) == (None, "undefined")
    assert all_fine.brier.mean == pytest.approx((0.25 + 0.01) / 2)


@pytest.mark.shared_data
@pytest.mark.skipif(not MTRAG.exists(), reason="needs the rated answers of MTRAG beside the checkout")
def test_shipped_rules_find_what_people_rate_low(traces: Any, scores: Any, shipped_rules: Any) -> None:
    """Groundedness is stood in for by the data's own automatic faithfulness, so that the rules alone are tested."""
    rows = [json.loads(line) for line in MTRAG.read_text(encoding="utf-8").splitlines()]
    table = traces(
        *(
            {
                "question": row["conversation"][-1]["text"],
                "contexts": [{"context_id": each["id"], "text": each["text"]} for each in row["contexts"]],
                "answer": row["response"],
            }
            for row in rows
        )
    )
    known = {f"t{i}": row["auto"]["rl_f"] for i, row in enumerate(rows) if row["contexts"]}
    people = ratings(
        *(
            (f"t{i}", dimension, float(value))
            for i, row in enumerate(rows)
            for dimension, by_annotator in row["human"].items()
            for value in by_annotator.values()
        )
    )
    found = triage_agreement(triage_part(table, scores(**known), shipped_rules), people, AgreementConfig())
    # 39 of 276 have a mean of at most 2 on one of the three; flagging at random would be right on 14 %
    assert found.failure.true_positives + found.failure.false_negatives == 39
    assert (found.failure.recall.mean or 0) >= 0.7
    assert (found.failure.precision.mean or 0) >= 0.45
    by_type = {each.decision: each for each in found.by_type}
    assert (by_type["retrieval_failure"].precision.mean or 0) >= 0.6  # random: 9 %
    assert (by_type["hallucination"].precision.mean or 0) >= 0.4  # random: 12 %
