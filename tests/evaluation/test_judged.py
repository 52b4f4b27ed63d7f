"""Rows of judged metrics: one per trace and metric, whatever became of the judgement."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pytest

from millrace.datasets.schema import arrow_schema, rows_of, table_of
from millrace.datasets.validation import checked
from millrace.errors import BadInputError, UnavailableError
from millrace.evaluation.judged import judge_part, skipped_part
from millrace.methods.question_identity import question_key
from millrace.ports import JudgeCase, JudgeOutcome
from millrace.records.evaluation import MetricScore, Reference
from millrace.records.trace import Trace, utc

NO_REFERENCES = table_of(Reference, [])


class RuleJudge:
    """Implements ``Judge``; remembers what it was shown."""

    def __init__(self, rule: Callable[[JudgeCase], JudgeOutcome], identity: str = "rule/1") -> None:
        self.identity = identity
        self._rule = rule
        self.seen: list[JudgeCase] = []

    def judge(self, cases: Sequence[JudgeCase]) -> list[JudgeOutcome]:
        self.seen.extend(cases)
        return [self._rule(case) for case in cases]


def scored(case: JudgeCase) -> JudgeOutcome:
    return JudgeOutcome(len(case.answer) / 100, n_calls=2, input_tokens=10, output_tokens=4, cost_usd=0.5)


def traces(*rows: dict[str, Any]) -> pa.Table:
    plain = {"time": utc(2026, 1, 5), "tenant_id": "a", "question": "How long does it last?", "answer": "Two years."}
    return table_of(Trace, [Trace(**plain | {"trace_id": f"t{n}"} | row) for n, row in enumerate(rows)])


def judge_all(table: pa.Table, references: pa.Table = NO_REFERENCES, **judges: Any) -> list[MetricScore]:
    scores = judge_part(table, judges=judges, tier="ragas", references=references)
    assert checked(MetricScore, scores).schema == arrow_schema(MetricScore)
    return rows_of(MetricScore, scores)


def test_rows_are_traces_in_order_and_metrics_in_order() -> None:
    rows = judge_all(traces({}, {"answer": "Three."}), b=RuleJudge(scored, "b/1"), a=RuleJudge(scored, "a/1"))
    assert [(row.trace_id, row.metric, row.source) for row in rows] == [
        ("t0", "b", "b/1"),
        ("t0", "a", "a/1"),
        ("t1", "b", "b/1"),
        ("t1", "a", "a/1"),
    ]
    assert [row.value for row in rows] == [0.1, 0.1, 0.06, 0.06]
    assert {(row.tier, row.status, row.n_calls, row.input_tokens, row.output_tokens, row.cost_usd) for row in rows} == {
        ("ragas", "scored", 2, 10, 4, 0.5)
    }


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"status": "failed", "answer": None, "error": "broke"}, "no_answer"),
        ({"status": "blocked"}, "no_answer"),
        ({"status": "escalated"}, "no_answer"),
        ({"answer": None}, "no_answer"),
        ({"answer": " \n"}, "no_answer"),
        ({"status": "abstained"}, "abstained"),
        ({"answer": "I don't know."}, "abstained"),
    ],
)
def test_what_has_no_answer_is_undefined_and_shown_to_no_judge(fields: dict[str, Any], reason: str) -> None:
    judge = RuleJudge(scored)
    rows = judge_all(traces(fields, {}), metric=judge)
    assert [(row.status, row.value, row.reason, row.n_calls) for row in rows] == [
        ("undefined", None, reason, 0),
        ("scored", 0.1, None, 2),
    ]
    assert len(judge.seen) == 1


def test_a_part_in_which_nothing_can_be_judged_wakes_no_judge() -> None:
    judge = RuleJudge(scored)
    assert [row.reason for row in judge_all(traces({"answer": None}), metric=judge)] == ["no_answer"]
    assert judge_all(traces(), metric=judge) == []
    assert judge.seen == []


def test_trouble_is_told_from_what_has_no_value() -> None:
    outcomes = iter(
        [
            JudgeOutcome(None, "timeout", "no reply within 60 s", failed=True, n_calls=4),
            JudgeOutcome(None, "no_statements"),
            JudgeOutcome(0.5, message="clipped", variant="with_reference"),
        ]
    )
    rows = judge_all(traces({}, {}, {}), metric=RuleJudge(lambda case: next(outcomes)))
    assert [(row.status, row.reason, row.message, row.n_calls) for row in rows] == [
        ("failed", "timeout", "no reply within 60 s", 4),
        ("undefined", "no_statements", None, 0),
        ("scored", None, "clipped", 0),
    ]
    assert rows[2].source == "rule/1 with_reference"


def test_a_judge_is_shown_contexts_in_order_and_the_question_with_what_it_leans_on() -> None:
    judge = RuleJudge(scored)
    table = traces(
        {
            "question": "And in Docker?",
            "history": [
                {"speaker": "user", "text": "How do I set retries?"},
                {"speaker": "assistant", "text": "Use retries=3."},
            ],
            "contexts": [{"context_id": name, "text": f"text {name}"} for name in ("z", "a")],
        }
    )
    judge_all(table, metric=judge)
    assert judge.seen == [JudgeCase("How do I set retries? And in Docker?", "Two years.", ("text z", "text a"))]


def test_the_first_reference_with_an_answer_counts_for_its_own_tenant() -> None:
    def reference(tenant: str, answer: str | None) -> Reference:
        key = question_key(tenant, "how long does it last", [])
        return Reference(question_key=key, tenant_id=tenant, reference_answer=answer, source="golden")

    judge = RuleJudge(scored)
    references = table_of(
        Reference, [reference("a", None), reference("a", "Two."), reference("a", "Three."), reference("b", "Four.")]
    )
    judge_all(traces({}, {"tenant_id": "b"}, {"tenant_id": "c"}), references, metric=judge)
    assert [case.reference for case in judge.seen] == ["Two.", "Four.", None]


def test_a_long_identity_fits_and_still_tells_judges_apart() -> None:
    names = [f"judge/1 {'x' * 600} {end}" for end in "ab"]
    judges = {name[-1]: RuleJudge(lambda case: JudgeOutcome(0.5, variant="v" * 30), name) for name in names}
    rows = judge_all(traces({}), **judges)
    assert len({row.source for row in rows}) == 2
    assert all(len(row.source) <= 512 and row.source.startswith("judge/1 x") for row in rows)


def test_judges_work_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=20)

    def wait_for_the_other(case: JudgeCase) -> JudgeOutcome:
        both.wait()
        return scored(case)

    rows = judge_all(traces({}), one=RuleJudge(wait_for_the_other), other=RuleJudge(wait_for_the_other))
    assert [row.value for row in rows] == [0.1, 0.1]


def test_when_one_judge_cannot_go_on_the_others_begin_no_further_case() -> None:
    begun, failed = threading.Event(), threading.Event()

    class Failing(RuleJudge):
        def judge(self, cases: Sequence[JudgeCase]) -> list[JudgeOutcome]:
            begun.wait(20)
            failed.set()
            raise UnavailableError("the disk is full")

    class Slow(RuleJudge):
        def judge(self, cases: Sequence[JudgeCase]) -> list[JudgeOutcome]:
            for number, case in enumerate(cases):
                self.seen.append(case)
                begun.set()
                if number:
                    failed.wait(20)
                    threading.Event().wait(0.001)
            return [scored(case) for case in self.seen]

    slow = Slow(scored)
    with pytest.raises(UnavailableError, match="disk is full"):
        judge_all(traces(*[{}] * 5000), slow=slow, failing=Failing(scored))
    assert len(slow.seen) < 5000


def test_a_judge_that_loses_a_case_is_refused() -> None:
    class Losing(RuleJudge):
        def judge(self, cases: Sequence[JudgeCase]) -> list[JudgeOutcome]:
            return super().judge(cases)[:-1]

    with pytest.raises(BadInputError, match="1 outcomes for 2 cases"):
        judge_all(traces({}, {}), metric=Losing(scored))


def test_equal_questions_have_equal_keys() -> None:
    rows = judge_all(traces({}, {"question": "how long does it last"}, {"tenant_id": "b"}), metric=RuleJudge(scored))
    assert rows[0].question_key == rows[1].question_key == question_key("a", "How long does it last?", [])
    assert rows[2].question_key != rows[0].question_key


def test_skipped_metrics_have_a_row_each_and_never_a_value() -> None:
    table = traces({}, {"answer": None})
    scores = skipped_part(table, metrics=["x", "y"], tier="deepeval", reason="no_gateway", source="none")
    assert scores.schema == arrow_schema(MetricScore)
    assert [(row.trace_id, row.metric, row.status, row.value, row.reason) for row in rows_of(MetricScore, scores)] == [
        (trace, metric, "skipped", None, "no_gateway") for trace in ("t0", "t1") for metric in ("x", "y")
    ]
