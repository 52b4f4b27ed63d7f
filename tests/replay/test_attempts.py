"""Tasks answered again: who is asked, who is not, and which rows come of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.datasets.schema import rows_of, table_of
from millrace.methods.consistency import AnsweredCase, Consistency
from millrace.methods.redaction import RedactionRule, Redactor
from millrace.records.replay import BundleItem, Replay, ReplayTask
from millrace.records.rules import read_rules
from millrace.replay.attempts import (
    DRY_RUN,
    Answerer,
    EscalationConfig,
    ReplayContext,
    attempt_part,
    choose_escalations,
    escalate_part,
    prompt_lengths,
)
from millrace.replay.bundle import Bundled
from millrace.replay.gate import Attempt, Gate, GateConfig
from millrace.replay.prompts import PromptConfig, replay_messages
from tests.support.replays import T0

RULES = read_rules(Path(__file__).parents[2] / "configs" / "pii.yaml", RedactionRule)
CONTEXT = ReplayContext(T0, "index", "c" * 64, Redactor(RULES))
PIECE = BundleItem(evidence_id="e", purpose="accepted", text="Twice a year.", score=0.9)


class Grounded:
    identity = "always/1"

    def score(self, cases: Sequence[AnsweredCase]) -> list[Consistency]:
        return [Consistency(0.9) for _ in cases]


GATE = Gate(GateConfig(steps=[{"name": "calm", "kind": "must_not_match", "value": "!"}]), Grounded(), RULES, "index")  # type: ignore[list-item]


class Told:
    """Answers what it was told to, and keeps what it was asked."""

    def __init__(self, **said: Any) -> None:
        self.said = said
        self.asked: list[str] = []

    def __call__(self, bundles: Sequence[Bundled]) -> list[Attempt]:
        self.asked += [each.task.question_id for each in bundles]
        return [self._attempt(self.said.get(each.task.question_id, "So.")) for each in bundles]

    def _attempt(self, said: Any) -> Attempt:
        return said if isinstance(said, Attempt) else Attempt("told", said)


def retrieve(tasks: Sequence[ReplayTask]) -> list[Bundled]:
    return [Bundled(task, (PIECE,)) for task in tasks]


def task(question_id: str, **fields: Any) -> ReplayTask:
    known: dict[str, Any] = {"question_id": question_id, "tenant_id": "mill", "time": T0, "question": "How often?"}
    return ReplayTask.model_validate(known | fields)


def attempts(tasks: Sequence[ReplayTask], answer: Answerer | None) -> list[Replay]:
    table = attempt_part(
        table_of(ReplayTask, tasks), retrieve=retrieve, answer=answer, tier="local", gate=GATE, context=CONTEXT
    )
    return rows_of(Replay, table)


def escalated(
    tasks: Sequence[ReplayTask], before: Sequence[Replay], chosen: set[str], answer: Answerer
) -> list[Replay]:
    tables = (table_of(ReplayTask, tasks), table_of(Replay, before))
    return rows_of(Replay, escalate_part(*tables, chosen=chosen, answer=answer, gate=GATE, context=CONTEXT))


def test_a_row_tells_what_was_given_said_and_checked() -> None:
    (row,) = attempts([task("a", user_id="ann")], Told())
    assert (row.task_id, row.tenant_id, row.user_id, row.time) == ("a", "mill", "ann", T0)
    assert (row.answer, row.answered_by, row.tier, row.escalated, row.passed) == ("So.", "told", "local", False, True)
    assert (row.retrieval, row.knowledge, row.bundle, row.groundedness) == ("index", "c" * 64, [PIECE], 0.9)
    assert row.steps == ["Nothing in the answer matches the regular expression !"]
    assert row.checks[-1].name == "step:calm"


@pytest.mark.parametrize("blocked", [{"blocked_by": "rule"}, {"pii_blocked_by": "IBAN"}])
def test_a_blocked_question_is_shown_to_nobody(blocked: dict[str, str]) -> None:
    told = Told()
    rows = attempts([task("a", **blocked), task("b")], told)
    assert told.asked == ["b"]
    assert [(row.error or "").partition(":")[0] for row in rows] == ["blocked", ""]
    assert [(row.passed, row.answered_by) for row in rows] == [(False, "nobody"), (True, "told")]


def test_an_answerer_that_fails_leaves_a_row_with_its_error() -> None:
    rows = attempts([task("a"), task("b")], Told(a=Attempt("told", error="timeout: ask ann@mill.example")))
    assert (rows[0].error, rows[0].answer, rows[0].passed, rows[0].checks) == (
        "timeout: ask [EMAIL]",
        None,
        False,
        [],
    )
    assert rows[1].passed


def test_answers_are_redacted_before_they_are_stored_or_checked() -> None:
    (row,) = attempts([task("a")], Told(a="Write to ann@mill.example."))
    assert row.answer == "Write to [EMAIL]."
    assert [check.name for check in row.checks if not check.passed] == ["personal_data"]


def test_a_dry_run_asks_nobody() -> None:
    (row,) = attempts([task("a")], None)
    assert (row.error, row.passed, row.answer, row.bundle) == (DRY_RUN, False, None, [PIECE])


def test_prompts_are_built_from_the_attempts_bundles() -> None:
    tasks = [task("a"), task("b", question="Who?")]
    tables = (table_of(ReplayTask, tasks), table_of(Replay, attempts(tasks, None)))
    config = PromptConfig()
    wanted = [replay_messages(each, GATE.config.steps, config) for each in retrieve(tasks)]
    assert prompt_lengths(*tables, GATE.config, config) == [sum(len(m.content) for m in each) for each in wanted]


def test_only_the_chosen_are_asked_again_and_the_others_stay() -> None:
    tasks = [task(name) for name in "abcd"]
    before = attempts(tasks, Told(b="No!", c="No!"))
    told = Told(c=Attempt("big", "Yes."))
    after = escalated(tasks, before, {"c"}, told)
    assert told.asked == ["c"]
    assert [row for row in after if row.task_id != "c"] == [row for row in before if row.task_id != "c"]
    assert (after[2].tier, after[2].escalated, after[2].answer, after[2].passed) == ("stronger", True, "Yes.", True)
    assert after[2].bundle == [PIECE]
    assert after[2].replay_id != before[2].replay_id


def test_the_top_tiers_failures_are_failed_replays() -> None:
    tasks = [task("a"), task("b")]
    before = attempts(tasks, Told(a="No!", b="No!"))
    said = Told(a=Attempt("big", "Still no!"), b=Attempt("big", error="server_error: 500"))
    rows = escalated(tasks, before, {"a", "b"}, said)
    assert [(row.passed, row.escalated, row.error) for row in rows] == [
        (False, True, None),
        (False, True, "server_error: 500"),
    ]


@given(
    st.lists(st.sampled_from(["good", "bad", "failed", "blocked"]), max_size=12),
    st.booleans(),
    st.none() | st.integers(0, 4),
)
def test_escalations_are_the_first_failures_within_the_budget(
    kinds: list[str], allowed: bool, budget: int | None
) -> None:
    outcomes = {
        "good": (True, None),
        "bad": (False, None),
        "failed": (False, "timeout: x"),
        "blocked": (False, "blocked: x"),
    }
    rows = [{"task_id": str(place), "passed": outcomes[k][0], "error": outcomes[k][1]} for place, k in enumerate(kinds)]
    table = table_of(Replay, []).select(["task_id", "passed", "error"])
    table = table.from_pylist(rows, schema=table.schema)
    chosen = choose_escalations(table, EscalationConfig(allowed=allowed, max_escalations=budget))
    bad = [str(place) for place, kind in enumerate(kinds) if kind == "bad"]
    assert chosen == (bad[:budget] if allowed else [])


def test_equal_inputs_give_equal_rows_and_ids_differ_between_tasks_tenants_and_answers() -> None:
    tasks = [task("a"), task("b"), task("a", tenant_id="dam")]
    rows = attempts(tasks, Told())
    assert rows == attempts(tasks, Told())
    other = attempts(tasks[:1], Told(a="Else."))
    assert len({row.replay_id for row in [*rows, *other]}) == 4
