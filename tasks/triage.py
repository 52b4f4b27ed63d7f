"""Scores answers, finds failures, groups them."""

from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from blocks.embedder import open_embedder
from blocks.names import EmbedderName
from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import arrow_schema
from millrace.methods.feedback import ratings_by_trace
from millrace.methods.groundedness import GroundednessModel
from millrace.methods.groundedness import score_groundedness as score_part
from millrace.methods.injection import InjectionRule
from millrace.records.base import Record
from millrace.records.trace import Trace
from millrace.records.week import EarlierGroup
from millrace.statistics.intervals import Estimate
from millrace.triage.agreement import AgreementConfig, BinaryAgreement, ProbabilityAgreement, triage_agreement
from millrace.triage.confidence import TriageCalibration
from millrace.triage.context import questions_in_context
from millrace.triage.decide import triage_part
from millrace.triage.grouping import GroupingConfig
from millrace.triage.grouping import group_failures as group
from millrace.triage.rules import TriageRules
from millrace.triage.trend import earlier_groups
from tasks.parts import map_parts, read_columns, read_dataset, write_tables
from tasks.stage import stage
from tasks.weeks import RememberedWeek, facts_of


class RatingFigure(Record):
    """One number of the agreement between triage and people's ratings."""

    name: str
    estimate: Estimate


class GroupedFailures(Record):
    """Triage with every failure in a group, and the groups."""

    triage: DatasetRef
    groups: DatasetRef


@stage
def score_groundedness(traces: DatasetRef, embedder: EmbedderName, model: GroundednessModel) -> DatasetRef:
    """How far each answer is supported by its passages; an undefined score is a row with its reason."""
    score = partial(score_part, embedder=open_embedder(embedder.name), model=model)
    return map_parts(traces, score, kind="groundedness")


@stage
def triage_traces(
    traces: DatasetRef,
    scores: DatasetRef,
    rules: TriageRules,
    injection: list[InjectionRule],
    calibration: TriageCalibration,
    feedback: DatasetRef | None = None,
) -> DatasetRef:
    """Classify every trace as ok or as one of the six failure types, with the evidence that decided."""
    said = None if feedback is None else ratings_by_trace(read_dataset(feedback).parts())
    decide = partial(triage_part, rules=rules, injection_rules=injection, calibration=calibration, feedback=said)
    return map_parts(traces, decide, kind="triage", beside=[scores])


@stage
def group_failures(
    triage: DatasetRef,
    traces: DatasetRef,
    embedder: EmbedderName,
    config: GroupingConfig,
    week: str,
    earlier: list[RememberedWeek],
) -> GroupedFailures:
    """Put each failure into one group of its type, and tell how the groups changed since the weeks before."""
    decisions = read_dataset(triage).to_arrow()
    failed = decisions.filter(pc.equal(decisions.column("verdict"), "failure")).column("trace_id").combine_chunks()
    questions = asked_questions(traces, failed)
    past = [earlier_groups(read_dataset(each.groups).to_arrow(), each.week) for each in earlier]
    grouping = group(
        decisions,
        questions,
        open_embedder(embedder.name),
        config,
        week=week,
        earlier=pa.concat_tables([arrow_schema(EarlierGroup).empty_table(), *past]),
        weeks=facts_of(earlier),
    )
    triaged, groups = write_tables(triage=grouping.rows, failure_groups=grouping.groups)
    return GroupedFailures(triage=triaged, groups=groups)


@stage
def compare_with_ratings(triage: DatasetRef, ratings: list[DatasetRef]) -> list[RatingFigure]:
    """Precision and recall of triage against people's ratings, which triage never saw; empty without ratings."""
    if not ratings:
        return []
    rated = pa.concat_tables([read_dataset(ref).to_arrow() for ref in ratings])
    agreement = triage_agreement(read_dataset(triage).to_arrow(), rated, AgreementConfig())
    decisions = [figure for each in (agreement.failure, *agreement.by_type) for figure in _figures(each)]
    return [*decisions, *_probability_figures(agreement.probability)]


def _figures(agreement: BinaryAgreement) -> list[RatingFigure]:
    against = f"{agreement.decision} against low {', '.join(agreement.dimensions)}"
    return [
        RatingFigure(name=f"precision of {against}", estimate=agreement.precision),
        RatingFigure(name=f"recall of {against}", estimate=agreement.recall),
    ]


def _probability_figures(agreement: ProbabilityAgreement) -> list[RatingFigure]:
    return [
        RatingFigure(name="AUC of the probability of failure", estimate=agreement.auc),
        RatingFigure(name="Brier score of the probability of failure, 0 is best", estimate=agreement.brier),
        RatingFigure(name="failures in excess of the probability of failure, 0 is best", estimate=agreement.surplus),
    ]


def asked_questions(traces: DatasetRef, ids: pa.Array, *more: str) -> pa.Table:
    """Id and question, as it is understood from the turns before it, of these traces; and more columns of them."""
    names = ["trace_id", "question", "history", *more]
    rows = (part.select(names).filter(pc.is_in(part.column("trace_id"), ids)) for part in read_dataset(traces).parts())
    nothing = arrow_schema(Trace).empty_table().select(names)
    return pa.concat_tables([questions_in_context(each) for each in (nothing, *rows)])


def rows_with_ids(traces: DatasetRef, ids: pa.Array) -> pa.Table:
    """The traces with these ids, in the order of the dataset; only they are held in memory."""
    return read_columns(traces, arrow_schema(Trace).names, ids)
