"""What annotations say of how far passages support answers: the labels that the groundedness scorer learns from."""

from collections.abc import Iterable, Mapping

import pyarrow as pa
from pydantic import Field

from millrace.datasets.canonical import sha256_json
from millrace.datasets.schema import rows_of
from millrace.methods.text import normalise_question
from millrace.records.annotation import Annotation, AnswerSupport
from millrace.records.base import Identifier, Record, Sha256

SHARE_OF_SUPPORT: Mapping[AnswerSupport, float] = {"all": 1.0, "part": 0.5, "none": 0.0}


class SupportLabel(Record):
    """What people say of one answer."""

    task_id: Identifier
    group: Sha256 = Field(description="Equal for equal tenant and question: such answers are never parted")
    support: float = Field(ge=0, le=1, description="How much of what the answer claims the passages support")

    @property
    def unsupported(self) -> bool:
        """Whether at most a part is supported."""
        return self.support <= SHARE_OF_SUPPORT["part"]


def support_labels(tasks: pa.Table, annotations: pa.Table) -> list[SupportLabel]:
    """One label for each task on which somebody gave one, by task id.

    An explicit ``support`` counts: all, part or none as 1, .5 or 0. Without one, the verdict ``hallucination`` counts
    as none, and ``ok`` as all where the application was expected to answer; any other verdict says nothing of support.
    Of one annotator the last answer counts. An adjudication counts instead of the others' answers; otherwise several
    people's labels are averaged. Annotations of unknown tasks are passed over.

    Args:
        tasks: table of AnnotationTask.
        annotations: table of Annotation, in any order.
    """
    questions = tasks.select(["task_id", "tenant_id", "question"]).to_pylist()
    groups = {row["task_id"]: _group(row["tenant_id"], row["question"]) for row in questions}
    said: dict[str, list[Annotation]] = {}
    for annotation in rows_of(Annotation, annotations):
        said.setdefault(annotation.task_id, []).append(annotation)
    known = {task_id: _agreed(said[task_id]) for task_id in sorted(said) if task_id in groups}
    return [
        SupportLabel(task_id=task_id, group=groups[task_id], support=support)
        for task_id, support in known.items()
        if support is not None
    ]


def said_support(annotation: Annotation) -> float | None:
    """The share of support that an annotation states or implies; None when it says nothing of it."""
    if annotation.support is not None:
        return SHARE_OF_SUPPORT[annotation.support]
    if annotation.verdict == "hallucination":
        return SHARE_OF_SUPPORT["none"]
    if annotation.verdict == "ok" and annotation.expected_behaviour == "answer":
        return SHARE_OF_SUPPORT["all"]
    return None


def _agreed(annotations: Iterable[Annotation]) -> float | None:
    in_order = sorted(annotations, key=lambda each: (each.submitted_at, each.annotation_id))
    settled = [each for each in in_order if each.adjudicates]
    last = {each.annotator: each for each in settled[-1:] or in_order}
    shares = sorted(share for share in map(said_support, last.values()) if share is not None)
    return sum(shares) / len(shares) if shares else None


def _group(tenant_id: str, question: str) -> str:
    return sha256_json([tenant_id, normalise_question(question)])
