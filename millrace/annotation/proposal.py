"""Chooses what people are asked: each group of failures first, then what is least certain (A30)."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from millrace.datasets.canonical import sha256_json
from millrace.datasets.schema import table_of
from millrace.methods.text import normalise_question
from millrace.records.annotation import AnnotationTask
from millrace.records.base import Record

_TRACE_COLUMNS = ("trace_id", "tenant_id", "user_id", "question", "history", "contexts", "answer")


class ProposalConfig(Record):
    """How much people are asked, and how long a task is taken to last."""

    budget_minutes: float = Field(30.0, ge=0, description="Estimated minutes of all proposed tasks together, at most")
    uncertain_groundedness: float = Field(
        0.55, ge=0, le=1, description="Where triage parts failures from the rest; the nearer, the less certain"
    )
    reading_words_per_minute: float = Field(
        238.0, gt=0, description="Silent reading of English non-fiction (Brysbaert 2019, J. Mem. Lang. 109, 104047)"
    )
    decision_minutes: float = Field(1.0, ge=0, description="Judging and writing, on top of reading")


class _Candidate(NamedTuple):
    trace_id: str
    why: str


def propose(
    triage: pa.Table,
    groups: pa.Table,
    traces: pa.Table,
    scores: pa.Table,
    *,
    asked_keys: Set[str],
    config: ProposalConfig,
) -> pa.Table:
    """The tasks to ask people, most useful first, within the budget.

    One trace of each group comes first, the largest group first; then all that have a groundedness score, the nearest
    to ``uncertain_groundedness`` first; then the failures that have none. A task that no longer fits the budget is
    passed over for the next that does. The result does not depend on the order of rows.

    Args:
        triage: table of TriageRow with ``group_id`` filled in.
        groups: table of FailureGroup.
        traces: table of Trace that holds every trace of ``triage``.
        scores: table of GroundednessScore.
        asked_keys: ``question_key`` of everything ever asked, skipped tasks included; none is asked again.

    Returns:
        Table of AnnotationTask in order of ``position``; empty when all was asked or nothing fits.
    """
    facts = {row["trace_id"]: row for row in triage.select(["trace_id", "failure_type", "group_id"]).to_pylist()}
    known = traces.filter(pc.is_in(traces.column("trace_id"), triage.column("trace_id").combine_chunks()))
    choice = _Choice(
        traces=known,
        rows={trace_id: index for index, trace_id in enumerate(known.column("trace_id").to_pylist())},
        facts=facts,
        config=config,
        taken=set(asked_keys),
        tasks=[],
    )
    for candidates in _by_group(facts, groups):
        choice.take_first(candidates)
    for candidate in _by_uncertainty(facts, scores, config.uncertain_groundedness):
        choice.take_first([candidate])
    return table_of(AnnotationTask, choice.tasks)


def question_key(trace: Mapping[str, Any]) -> str:
    """sha256 that is equal for traces that would be the same question to a person.

    Args:
        trace: ``tenant_id``, ``question``, ``history`` (turns with ``text``) and ``answer``; case, punctuation and
            white space don't count.
    """
    history = [normalise_question(turn["text"]) for turn in trace["history"]]
    answer = normalise_question(trace["answer"] or "")
    return sha256_json([trace["tenant_id"], normalise_question(trace["question"]), history, answer])


def estimated_minutes(trace: Mapping[str, Any], config: ProposalConfig) -> float:
    """Reading the history, question, passages and answer, then deciding."""
    parts = [*trace["history"], *trace["contexts"]]
    n_words = sum(len(text.split()) for text in [trace["question"], trace["answer"] or "", *(p["text"] for p in parts)])
    return round(n_words / config.reading_words_per_minute + config.decision_minutes, 2)


@dataclass
class _Choice:
    """The tasks chosen so far, and what may no longer be asked."""

    traces: pa.Table
    rows: Mapping[str, int]
    facts: Mapping[str, Mapping[str, Any]]
    config: ProposalConfig
    taken: set[str]
    tasks: list[AnnotationTask]
    minutes: float = 0.0

    def take_first(self, candidates: list[_Candidate]) -> None:
        """Add the first candidate that was not asked yet and fits the budget."""
        for candidate in candidates:
            if self.minutes + self.config.decision_minutes > self.config.budget_minutes:
                return
            row = self.traces.slice(self.rows[candidate.trace_id], 1).select(list(_TRACE_COLUMNS)).to_pylist()[0]
            key = question_key(row)
            minutes = estimated_minutes(row, self.config)
            if key not in self.taken and self.minutes + minutes <= self.config.budget_minutes:
                self._take(row, key, minutes, candidate.why)
                return

    def _take(self, row: dict[str, Any], key: str, minutes: float, why: str) -> None:
        self.taken.add(key)
        self.minutes += minutes
        facts = self.facts[row["trace_id"]]
        task = AnnotationTask(
            task_id=f"task-{sha256_json([key])[:24]}",
            question_key=key,
            **row,
            failure_type=facts["failure_type"],
            group_id=facts["group_id"],
            why=why,
            position=len(self.tasks) + 1,
            estimated_minutes=minutes,
        )
        self.tasks.append(task)


def _by_group(facts: Mapping[str, Mapping[str, Any]], groups: pa.Table) -> Iterator[list[_Candidate]]:
    members: dict[str, list[str]] = {}
    for trace_id in sorted(facts):
        members.setdefault(facts[trace_id]["group_id"], []).append(trace_id)
    for group in sorted(groups.to_pylist(), key=lambda group: (-group["size"], group["group_id"])):
        kind = group["failure_type"].replace("_", " ")
        why = f"stands for a group of {group['size']} ({kind}): {group['label']}"
        in_order = dict.fromkeys([*group["example_trace_ids"], *members.get(group["group_id"], [])])
        yield [_Candidate(trace_id, why) for trace_id in in_order]


def _by_uncertainty(facts: Mapping[str, Mapping[str, Any]], scores: pa.Table, threshold: float) -> Iterator[_Candidate]:
    pairs = zip(scores.column("trace_id").to_pylist(), scores.column("score").to_pylist(), strict=True)
    known = {trace_id: score for trace_id, score in pairs if score is not None and trace_id in facts}
    for trace_id in sorted(known, key=lambda each: (abs(known[each] - threshold), each)):
        yield _Candidate(trace_id, f"uncertain: groundedness {known[trace_id]:.2f}, threshold {threshold:.2f}")
    for trace_id in sorted(facts):
        kind = facts[trace_id]["failure_type"]
        if kind is not None and trace_id not in known:
            yield _Candidate(trace_id, f"another failure ({kind.replace('_', ' ')}) that has no groundedness score")
