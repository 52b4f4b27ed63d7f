"""The tasks chosen so far, what may no longer be asked, and what is left of the budget (A30)."""

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from millrace.datasets.canonical import sha256_json
from millrace.methods.text import normalise_question
from millrace.records.annotation import AnnotationTask
from millrace.records.base import Record

_TRACE_COLUMNS = ["trace_id", "tenant_id", "user_id", "question", "history", "contexts", "answer"]

Fetch = Callable[[pa.Array], pa.Table]


class ProposalConfig(Record):
    """How much people are asked, and how long a task is taken to last."""

    budget_minutes: float = Field(
        30.0, ge=0, description="Estimated minutes of all proposed tasks together, of all their annotators, at most"
    )
    uncertain_groundedness: float = Field(
        0.55, ge=0, le=1, description="Where triage parts failures from the rest; the nearer, the less certain"
    )
    reading_words_per_minute: float = Field(
        238.0, gt=0, description="Silent reading of English non-fiction (Brysbaert 2019, J. Mem. Lang. 109, 104047)"
    )
    decision_minutes: float = Field(1.0, ge=0, description="Judging and writing, on top of reading")
    double_share: float = Field(
        0.0, ge=0, le=1, description="Share of tasks asked to two people, so that their agreement can be measured"
    )
    shortlist: int = Field(
        1000, ge=10, description="Cases that are read and measured at once to find the most useful; bounds the memory"
    )


def question_key(trace: Mapping[str, Any]) -> str:
    """sha256 that is equal for traces that would be the same question to a person.

    Args:
        trace: ``tenant_id``, ``question``, ``history`` (turns with ``text``) and ``answer``; case, punctuation and
            white space don't count.
    """
    history = [normalise_question(turn["text"]) for turn in trace["history"]]
    answer = normalise_question(trace["answer"] or "")
    return sha256_json([trace["tenant_id"], normalise_question(trace["question"]), history, answer])


def task_id(key: str) -> str:
    """The id of the task that asks the question of this key."""
    return f"task-{sha256_json([key])[:24]}"


def estimated_minutes(trace: Mapping[str, Any], config: ProposalConfig) -> float:
    """Reading the history, question, passages and answer, then deciding."""
    parts = [*trace["history"], *trace["contexts"]]
    n_words = sum(len(text.split()) for text in [trace["question"], trace["answer"] or "", *(p["text"] for p in parts)])
    return round(n_words / config.reading_words_per_minute + config.decision_minutes, 2)


def n_annotators(key: str, config: ProposalConfig) -> int:
    """How many people are asked: 2 for ``double_share`` of all keys, always the same ones."""
    return 2 if int(key[:8], 16) < config.double_share * 16**8 else 1


class Choice:
    """Takes traces as tasks as long as the budget lasts."""

    def __init__(
        self, cases: pa.Table, groups: pa.Table, scores: pa.Table, fetch: Fetch, asked: Set[str], config: ProposalConfig
    ) -> None:
        """Begin with an empty proposal.

        Args:
            cases: from ``cases_of``.
            groups: table of FailureGroup.
            scores: table of GroundednessScore.
            fetch: gives the rows of Trace with these ids, in any order.
            asked: question keys that may not be asked again.
            config: the budget.
        """
        self.config = config
        self.tasks: list[AnnotationTask] = []
        self._cases, self._scores, self._fetch = cases, scores, fetch
        self._taken = set(asked)
        self._labels = dict(zip(groups["group_id"].to_pylist(), groups["label"].to_pylist(), strict=True))
        self._minutes = 0.0
        self._rows: Mapping[str, dict[str, Any]] = {}
        self._n_taken = self._n_too_long = 0

    def has_room(self) -> bool:
        """Whether a task without a word to read would fit the budget."""
        return self._minutes + self.config.decision_minutes <= self.config.budget_minutes

    @property
    def is_stuck(self) -> bool:
        """Whether none of the traces fetched last was taken, and one at least for want of minutes.

        Then what is left of the budget is too little for most tasks, and reading on through all traces for one that is
        short enough would cost more than it is worth.
        """
        return self._n_too_long > 0 and self._n_taken == 0

    def fetch(self, trace_ids: Sequence[str]) -> pa.Table:
        """Read these traces, so that they can be taken; those read before are let go."""
        traces = self._fetch(pa.array(trace_ids, pa.string()))
        self._n_taken = self._n_too_long = 0
        self._rows = {row["trace_id"]: row for row in traces.select(_TRACE_COLUMNS).to_pylist()}
        return traces

    def take(self, trace_id: str, why: str) -> bool:
        """Make a task of a fetched trace; False when its question was asked already or it does not fit the budget."""
        row = self._rows[trace_id]
        key = question_key(row)
        if key in self._taken:
            return False
        minutes, n_people = estimated_minutes(row, self.config), n_annotators(key, self.config)
        if self._minutes + minutes * n_people > self.config.budget_minutes:
            self._n_too_long += 1
            return False
        self._n_taken += 1
        self._taken.add(key)
        self._minutes += minutes * n_people
        self.tasks.append(self._task(row, key, minutes, n_people, why))
        return True

    def _task(self, row: dict[str, Any], key: str, minutes: float, n_people: int, why: str) -> AnnotationTask:
        case = _row_of(self._cases, row["trace_id"])
        scored = _row_of(self._scores.select(["trace_id", "sentences"]), row["trace_id"])
        return AnnotationTask(
            task_id=task_id(key),
            question_key=key,
            **row,
            failure_type=case["failure_type"],
            group_id=case["group_id"],
            why=why,
            position=len(self.tasks) + 1,
            estimated_minutes=minutes,
            triage_reason=case["reason"],
            confidence=case["confidence"],
            group_label=self._labels.get(case["group_id"]),
            sentences=scored.get("sentences", []),
            n_annotators=n_people,
        )


def _row_of(table: pa.Table, trace_id: str) -> dict[str, Any]:
    """The first row of that trace; empty without one."""
    place = pc.index(table.column("trace_id"), trace_id).as_py()
    found: list[dict[str, Any]] = table.slice(place, 1).to_pylist() if place >= 0 else []
    return found[0] if found else {}
