"""How far annotators agree with each other on the tasks that several of them answered (A30)."""

from collections.abc import Sequence

import pyarrow as pa
from pydantic import Field

from millrace.annotation.disagreement import JUDGED_FIELDS, JudgedField, TaskOpinions, opinions
from millrace.datasets.schema import rows_of
from millrace.records.annotation import Annotation
from millrace.records.base import Record
from millrace.statistics.intervals import Estimate
from millrace.statistics.krippendorff import Metric, Value, alpha_interval

# Support is a scale: "all" against "none" is a greater difference than "all" against "part".
_METRICS: dict[JudgedField, Metric] = {"verdict": "nominal", "expected_behaviour": "nominal", "support": "ordinal"}
_SUPPORT_SCALE = {"none": 0, "part": 1, "all": 2}


class FieldAgreement(Record):
    """Krippendorff's alpha of one field, at most 1; its ``n`` counts the tasks that two annotators judged in it."""

    name: JudgedField
    metric: Metric
    estimate: Estimate


class AnnotatorAgreement(Record):
    """Agreement of annotators, each judging without seeing the others' answers."""

    fields: list[FieldAgreement] = Field(description="Verdict, expected behaviour, support, in this order")
    n_tasks: int = Field(ge=0, description="Tasks with the answers of at least two annotators")
    n_disagreements: int = Field(ge=0, description="Of those, tasks in which they differ in any field")
    n_adjudicated: int = Field(ge=0, description="Of the disagreements, those that are settled")


def annotator_agreement(annotations: pa.Table, *, seed: int = 0, n_resamples: int = 2000) -> AnnotatorAgreement:
    """Agreement on what several annotators answered; each one's last answer counts, adjudications do not.

    The result does not depend on the order of rows.

    Args:
        annotations: table of Annotation.
        seed, n_resamples: of the intervals, percentile bootstrap over tasks at 95 %.

    Returns:
        An estimate without a mean has reason ``no_items`` where no task has two judgements, and ``undefined`` where
        only one value was ever given: chance cannot be told from agreement then.

    Source:
        Krippendorff (2011), Computing Krippendorff's Alpha-Reliability.
    """
    shared = [each for each in opinions(rows_of(Annotation, annotations)) if len(each.answers) > 1]
    differing = [each for each in shared if each.differs_in]
    return AnnotatorAgreement(
        fields=[_field_agreement(shared, name, seed, n_resamples) for name in JUDGED_FIELDS],
        n_tasks=len(shared),
        n_disagreements=len(differing),
        n_adjudicated=sum(each.settled for each in differing),
    )


def _field_agreement(tasks: Sequence[TaskOpinions], name: JudgedField, seed: int, n_resamples: int) -> FieldAgreement:
    units = [_values(task, name) for task in tasks]
    estimate = alpha_interval(units, seed=seed, metric=_METRICS[name], n_resamples=n_resamples)
    return FieldAgreement(name=name, metric=_METRICS[name], estimate=estimate)


def _values(task: TaskOpinions, name: JudgedField) -> list[Value]:
    if name == "support":
        return [_SUPPORT_SCALE[answer.support] for answer in task.answers if answer.support is not None]
    return [getattr(answer, name) for answer in task.answers]
