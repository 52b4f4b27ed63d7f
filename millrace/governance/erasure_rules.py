"""How the rows of a person are found in every kind of dataset, and what becomes of them (A15).

A row belongs to the person when a column names them, or when it is about something of theirs: a trace they asked, a
task or annotation about it, a golden row or evidence made of it. Rows that belong to them are left out of the
successor. Rows of others stay, without what quotes the person.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Family = Literal["trace", "task", "annotation", "golden", "question", "evidence", "chunk", "asked", "place"]


@dataclass(frozen=True)
class RowRule:
    """How a kind's rows are looked at.

    Attributes:
        found: the rule in words, for the guide and for people who ask.
        persons: columns with the id of a user.
        joins: columns whose value, or last word where it is ``golden <name> <id>``, is one of the family's.
        gives: columns whose values, in a row that is erased, join the family.
        names: further columns whose values name something of the person's, and are looked for in texts.
        texts: columns with prose, however deep: in a row that stays they lose what is the person's alone.
        says: those of them that, in a row that is erased, are the words of the person or to them; the others are
            Millrace's own sentences about them.
        lists: columns with lists of ids, out of which those of the family are taken.
        speaks_for_others: in rows that stay, what ``says`` names is not the person's alone.
    """

    found: str
    persons: tuple[str, ...] = ()
    joins: Mapping[str, Family | tuple[Family, ...]] = field(default_factory=dict)
    gives: Mapping[str, Family] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    lists: Mapping[str, Family] = field(default_factory=dict)
    speaks_for_others: bool = False

    @property
    def drops_rows(self) -> bool:
        """Whether a row of this kind can be a person's."""
        return bool(self.persons or self.joins)


_TRACE = RowRule(
    found="asked by the user",
    persons=("user_id",),
    gives={"trace_id": "trace"},
    names=("session_id",),
    texts=("question", "history", "contexts", "answer", "error", "output", "spans"),
    says=("question", "history", "contexts", "answer", "error", "output", "spans"),
    speaks_for_others=True,
)
_FEEDBACK = RowRule(
    found="said by the user, or about a trace of theirs",
    persons=("user_id",),
    joins={"trace_id": "trace"},
    names=("feedback_id",),
    texts=("correction", "comment"),
    says=("correction", "comment"),
    speaks_for_others=True,
)
_QUESTION = RowRule(
    found="asked by the user",
    persons=("user_id",),
    gives={"question_id": "question"},
    names=("session_id",),
    texts=("question", "history"),
    says=("question", "history"),
    speaks_for_others=True,
)
_REPLAY = RowRule(
    found="of a task of the user; what was retrieved from their evidence is taken out of others' replays as text",
    persons=("user_id",),
    joins={"task_id": "question"},
    names=("replay_id",),
    texts=("question", "bundle", "answer", "checks", "error"),
    says=("question", "answer"),
)


def _of_trace(*texts: str, column: str = "trace_id") -> RowRule:
    return RowRule(found="about a trace of the user", joins={column: "trace"}, texts=texts)


RULES: dict[str, RowRule] = {
    "documents": RowRule(
        found="owned by the user",
        persons=("user_id",),
        names=("doc_id", "source"),
        texts=("title", "text", "metadata"),
        says=("title", "text", "metadata"),
        speaks_for_others=True,
    ),
    "chunks": RowRule(
        found="of a document of the user, or a passage cut from their evidence",
        persons=("user_id",),
        joins={"chunk_id": "evidence"},
        gives={"chunk_id": "chunk"},
        texts=("title", "headings", "text", "metadata"),
    ),
    "chunk_vectors": RowRule(found="of a passage of the user", joins={"chunk_id": "chunk"}),
    "traces": _TRACE,
    "selected_traces": _TRACE,
    "questions": _QUESTION,
    "replay_tasks": _QUESTION,
    "human_ratings": _of_trace(),
    "skips": RowRule(found="none: a skip says where a row was and its hash, never what it held", texts=("message",)),
    "groundedness": _of_trace(),
    "triage": _of_trace("reason", "evidence"),
    "failure_groups": RowRule(
        found="none: a group counts; ids of the user's traces and words that only they used are taken out",
        texts=("label",),
        lists={"example_trace_ids": "trace"},
    ),
    "week_facts": RowRule(found="none: numbers of a week, with no row of anybody"),
    "annotation_tasks": RowRule(
        found="about a trace of the user, or asked by them",
        persons=("user_id",),
        joins={"trace_id": "trace", "task_id": "task"},
        gives={"task_id": "task", "question_key": "asked"},
        texts=("question", "history", "contexts", "answer", "why", "triage_reason", "group_label"),
        says=("question", "history", "contexts", "answer"),
    ),
    "feedback": _FEEDBACK,
    "selected_feedback": _FEEDBACK,
    "annotations": RowRule(
        found="an answer to a task about a trace of the user",
        joins={"trace_id": "trace", "task_id": "task"},
        gives={"annotation_id": "annotation"},
        texts=("expected_answer", "note"),
        says=("expected_answer", "note"),
        speaks_for_others=True,
    ),
    "asked_questions": RowRule(found="the key of a question asked about the user", joins={"question_key": "asked"}),
    "golden": RowRule(
        found="grown from a trace of the user or from an annotation of it",
        joins={"source_trace_id": "trace", "annotation_id": "annotation"},
        gives={"golden_id": "golden"},
        texts=("question", "history", "contexts", "expected_answer", "group_label"),
        says=("question", "history", "contexts", "expected_answer"),
        speaks_for_others=True,
    ),
    "references": RowRule(
        found="the question of a golden row of the user",
        joins={"question_key": "asked"},
        texts=("reference_answer",),
    ),
    "sampled_traces": _of_trace(),
    "metric_scores": _of_trace("message"),
    "person_labels": _of_trace(),
    "retrieval_samples": _of_trace(),
    "embedding_samples": RowRule(
        found="the vector of a question or passage of the user", joins={"item_id": ("trace", "chunk")}
    ),
    "day_figures": RowRule(found="none: numbers of a day, with no row of anybody"),
    "replay_attempts": _REPLAY,
    "replays": _REPLAY,
    "evidence": RowRule(
        found="made from a row that is erased, whoever wrote it, or of the user by its own column",
        persons=("user_id",),
        joins={"subject": "trace", "task_id": "question", "place": "place"},
        gives={"evidence_id": "evidence"},
        names=("task_id",),
        texts=("prompt", "history", "contexts", "text", "claimed_files", "markers"),
        says=("prompt", "history", "text"),
        speaks_for_others=True,
    ),
    "evidence_scores": RowRule(found="of evidence of the user", joins={"evidence_id": "evidence"}, texts=("reason",)),
    "eval_examples": RowRule(
        found="a golden row of the user",
        joins={"eval_id": "golden"},
        texts=("question", "history", "expected_answer"),
    ),
    "contamination": RowRule(
        found="evidence of the user, or near to a golden row of theirs",
        joins={"evidence_id": "evidence", "eval_id": "golden"},
        texts=("matched",),
    ),
    "quarantine": RowRule(
        found="evidence of the user that an export refused",
        joins={"evidence_id": "evidence", "other_id": "evidence"},
        texts=("evidence",),
    ),
    "rag_rows": RowRule(
        found="made from evidence of the user",
        persons=("user_id",),
        joins={"evidence_id": "evidence"},
        texts=("title", "text", "reason"),
    ),
    "sft_rows": RowRule(
        found="made from evidence of the user",
        persons=("user_id",),
        joins={"evidence_id": "evidence"},
        texts=("messages",),
    ),
    "preference_pairs": RowRule(
        found="a pair with evidence of the user on either side",
        persons=("user_id", "rejected_user_id"),
        joins={"chosen_id": "evidence", "rejected_id": "evidence"},
        names=("pair_id",),
        texts=("prompt", "chosen", "rejected"),
    ),
}
