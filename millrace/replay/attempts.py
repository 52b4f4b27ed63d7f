"""Tasks answered again with what was distilled (D12): first by the local answerer, then, where the gate says no and it
is allowed, by a stronger model."""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
from pydantic import Field

from millrace.datasets.canonical import sha256_json
from millrace.datasets.schema import rows_of, table_of
from millrace.methods.redaction import Redactor
from millrace.records.base import Record
from millrace.records.replay import BundleItem, Replay, ReplayRetrieval, ReplayTask, ReplayTier
from millrace.replay.bundle import Bundled
from millrace.replay.gate import Attempt, Gate, GateConfig, GateVerdict
from millrace.replay.prompts import PromptConfig, replay_messages
from millrace.replay.steps import told_steps

Answerer = Callable[[Sequence[Bundled]], list[Attempt]]
"""One attempt for each task with its context, in order; a task that fails is an attempt with its error."""
Retriever = Callable[[Sequence[ReplayTask]], list[Bundled]]

NOBODY = "nobody"
DRY_RUN = "dry_run: no model was asked"


class EscalationConfig(Record):
    """Whether, and how often, a stronger model is asked."""

    allowed: bool = Field(False, description="Ask the stronger model where a local answer fails the gate")
    max_escalations: int | None = Field(None, ge=0, description="Most calls of a run; None: as many as fail")


@dataclass(frozen=True)
class ReplayContext:
    """What every row of a run shares."""

    time: datetime
    retrieval: ReplayRetrieval
    knowledge: str | None  # content hash
    redactor: Redactor


def attempt_part(
    tasks: pa.Table,
    *,
    retrieve: Retriever,
    answer: Answerer | None,
    tier: ReplayTier,
    gate: Gate,
    context: ReplayContext,
) -> pa.Table:
    """Rows of ``Replay`` for rows of ``ReplayTask``, in order: what the local answerer made of them.

    A question that its screen blocked is never shown to an answerer: it is a row with its error, as is one whose
    answerer failed.

    Args:
        answer: None for a dry run, in which every row is an error.
    """
    bundles = retrieve(rows_of(ReplayTask, tasks))
    return table_of(Replay, _replays(bundles, answer, tier, gate, context))


def escalate_part(
    tasks: pa.Table,
    attempts: pa.Table,
    *,
    chosen: AbstractSet[str],
    answer: Answerer,
    gate: Gate,
    context: ReplayContext,
) -> pa.Table:
    """The attempts, with those that were chosen answered anew by the stronger model; other rows stay as they are.

    Args:
        tasks, attempts: the same tasks in the same order.
        chosen: ids of tasks, from :func:`choose_escalations`.
    """
    pairs = list(zip(rows_of(ReplayTask, tasks), rows_of(Replay, attempts), strict=True))
    bundles = [Bundled(task, tuple(before.bundle)) for task, before in pairs if before.task_id in chosen]
    anew = {row.task_id: row for row in _replays(bundles, answer, "stronger", gate, context)}
    return table_of(Replay, [anew.get(before.task_id, before) for _, before in pairs])


def choose_escalations(attempts: pa.Table, config: EscalationConfig) -> list[str]:
    """Ids of the tasks that the stronger model is asked: the first, in order, whose local answer failed the gate.

    Never one without an answer: a service that failed, or a blocked question, is no matter of the model's strength.

    Args:
        attempts: columns task_id, passed and error, of all tasks of the run.
    """
    if not config.allowed:
        return []
    rows = attempts.select(["task_id", "passed", "error"]).to_pylist()
    failed = [row["task_id"] for row in rows if not row["passed"] and row["error"] is None]
    return failed[: config.max_escalations]


def prompt_lengths(tasks: pa.Table, attempts: pa.Table, gate: GateConfig, config: PromptConfig) -> list[int]:
    """Characters of the prompt that a model would be sent for each task, as built from the attempts' bundles.

    Args:
        tasks, attempts: the same tasks in the same order; of the attempts the column ``bundle`` is read.
    """
    lengths = []
    for task, row in zip(rows_of(ReplayTask, tasks), attempts.column("bundle").to_pylist(), strict=True):
        bundled = Bundled(task, tuple(BundleItem.model_validate(item) for item in row))
        messages = replay_messages(bundled, gate.steps_of(bundled), config)
        lengths.append(sum(len(message.content) for message in messages))
    return lengths


def _replays(
    bundles: Sequence[Bundled], answer: Answerer | None, tier: ReplayTier, gate: Gate, context: ReplayContext
) -> list[Replay]:
    open_ones = [each for each in bundles if _blocked(each.task) is None]
    if answer is None:
        attempts = [Attempt(NOBODY, error=DRY_RUN) for _ in open_ones]
    else:
        attempts = [_redacted(each, context.redactor) for each in answer(open_ones)] if open_ones else []
    judged = zip(attempts, gate.judge(open_ones, attempts), strict=True)
    found = {id(each): pair for each, pair in zip(open_ones, judged, strict=True)}
    return [_replay(each, *found.get(id(each), _not_asked(each)), tier, gate, context) for each in bundles]


def _blocked(task: ReplayTask) -> str | None:
    if task.blocked_by is not None:
        return f"blocked: injection rule {task.blocked_by}"
    return None if task.pii_blocked_by is None else f"blocked: personal data of type {task.pii_blocked_by}"


def _not_asked(bundled: Bundled) -> tuple[Attempt, GateVerdict]:
    return Attempt(NOBODY, error=_blocked(bundled.task)), GateVerdict((), None, "no_answer")


def _redacted(attempt: Attempt, redactor: Redactor) -> Attempt:
    text, error = (None if each is None else redactor.redact(each).text for each in (attempt.text, attempt.error))
    return Attempt(attempt.answered_by, text, attempt.cited, attempt.n_invalid_citations, error)


def _replay(
    bundled: Bundled, attempt: Attempt, verdict: GateVerdict, tier: ReplayTier, gate: Gate, context: ReplayContext
) -> Replay:
    task = bundled.task
    given = [
        task.tenant_id,
        task.question_id,
        task.question,
        context.retrieval,
        context.knowledge,
        context.time.isoformat(),
    ]
    return Replay(
        replay_id=sha256_json([*given, tier, attempt.answered_by, attempt.text, attempt.error])[:24],
        task_id=task.question_id,
        time=context.time,
        tenant_id=task.tenant_id,
        user_id=task.user_id,
        question=task.question,
        retrieval=context.retrieval,
        knowledge=context.knowledge,
        bundle=list(bundled.items),
        steps=told_steps(gate.config.steps_of(bundled)),
        answer=attempt.text,
        answered_by=attempt.answered_by,
        tier=tier,
        escalated=tier == "stronger",
        checks=list(verdict.checks),
        passed=verdict.passed,
        groundedness=verdict.groundedness,
        groundedness_reason=verdict.reason,
        error=attempt.error,
    )
