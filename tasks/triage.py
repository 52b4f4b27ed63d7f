"""Scores answers, finds failures, groups them."""

from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from blocks.embedder import open_embedder
from blocks.names import EmbedderName
from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import arrow_schema
from millrace.methods.groundedness import GroundednessModel
from millrace.methods.groundedness import score_groundedness as score_part
from millrace.methods.injection import InjectionRule
from millrace.records.base import Record
from millrace.records.trace import Trace
from millrace.statistics.intervals import Estimate
from millrace.triage.agreement import AgreementConfig, BinaryAgreement, triage_agreement
from millrace.triage.decide import triage_part
from millrace.triage.grouping import GroupingConfig
from millrace.triage.grouping import group_failures as group
from millrace.triage.rules import TriageRules
from tasks.parts import map_parts, read_dataset, write_tables
from tasks.stage import stage


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
    traces: DatasetRef, scores: DatasetRef, rules: TriageRules, injection: list[InjectionRule]
) -> DatasetRef:
    """Classify every trace as ok or as one of the six failure types, with the evidence that decided."""
    all_scores = read_dataset(scores)

    def decide(part: pa.Table) -> pa.Table:
        wanted = part.column("trace_id").combine_chunks()
        mine = pa.concat_tables([_with_ids(table, wanted) for table in all_scores.parts()])
        return triage_part(part, mine, rules, injection)

    return map_parts(traces, decide, kind="triage")


@stage
def group_failures(
    triage: DatasetRef, traces: DatasetRef, embedder: EmbedderName, config: GroupingConfig
) -> GroupedFailures:
    """Put each failure into one group of its type."""
    decisions = read_dataset(triage).to_arrow()
    failed = decisions.filter(pc.equal(decisions.column("verdict"), "failure")).column("trace_id").combine_chunks()
    questions = rows_with_ids(traces, failed)
    grouping = group(decisions, questions, open_embedder(embedder.name), config)
    triaged, groups = write_tables(triage=grouping.rows, failure_groups=grouping.groups)
    return GroupedFailures(triage=triaged, groups=groups)


@stage
def compare_with_ratings(triage: DatasetRef, ratings: list[DatasetRef]) -> list[RatingFigure]:
    """Precision and recall of triage against people's ratings, which triage never saw; empty without ratings."""
    if not ratings:
        return []
    rated = pa.concat_tables([read_dataset(ref).to_arrow() for ref in ratings])
    agreement = triage_agreement(read_dataset(triage).to_arrow(), rated, AgreementConfig())
    return [figure for each in (agreement.failure, *agreement.by_type) for figure in _figures(each)]


def _figures(agreement: BinaryAgreement) -> list[RatingFigure]:
    against = f"{agreement.decision} against low {', '.join(agreement.dimensions)}"
    return [
        RatingFigure(name=f"precision of {against}", estimate=agreement.precision),
        RatingFigure(name=f"recall of {against}", estimate=agreement.recall),
    ]


def rows_with_ids(traces: DatasetRef, ids: pa.Array) -> pa.Table:
    """The traces with these ids, in the order of the dataset; only they are held in memory."""
    found = [_with_ids(part, ids) for part in read_dataset(traces).parts()]
    return pa.concat_tables([arrow_schema(Trace).empty_table(), *found])


def _with_ids(table: pa.Table, ids: pa.Array) -> pa.Table:
    return table.filter(pc.is_in(table.column("trace_id"), ids))
