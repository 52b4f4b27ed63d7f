"""Scores answers by every metric, and holds the scores against what people say (A26)."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from blocks.chat_model import open_chat_model
from blocks.embedder import open_embedder
from blocks.judge import JudgesConfig, open_deepeval_judges, open_ragas_judges
from blocks.names import ChatModelName, EmbedderName
from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import arrow_schema, measured_fields
from millrace.errors import BadInputError
from millrace.evaluation import judge_correction, model_free, people
from millrace.evaluation.judge_correction import CorrectionConfig
from millrace.evaluation.judged import judge_part, skipped_part
from millrace.evaluation.people import LabelRules
from millrace.evaluation.references import ReferenceRow, golden_references, merge_references, read_reference_rows
from millrace.evaluation.sampling import SampleConfig
from millrace.evaluation.sampling import sample_traces as sample
from millrace.evaluation.summary import summarise_metrics
from millrace.ingestion.readers import Row, read_rows
from millrace.ingestion.row_objects import object_of
from millrace.methods.redaction import RedactionRule, Redactor
from millrace.ports import AwaitableChatModel, Judge
from millrace.records.base import Record
from millrace.records.daily_report import MetricSummary
from millrace.records.evaluation import MetricScore, MetricTier
from millrace.records.monitoring import JudgeCorrection
from millrace.records.source import SourceRef
from millrace.records.trace import HumanRating, SkipRow
from tasks.days import RememberedDay
from tasks.golden import ActiveGolden
from tasks.ingestion import SelectedTraces
from tasks.parts import map_parts, read_columns, read_dataset, write_dataset, write_tables
from tasks.progress import Progress
from tasks.requests import request_journal
from tasks.stage import stage

_NO_GATEWAY = "no_gateway"
_SCORE_NAMES = [name for name in arrow_schema(MetricScore).names if name not in measured_fields(MetricScore)]


class Sampled(Record):
    """The traces that are evaluated, and how many each of them stands for."""

    traces: DatasetRef
    weights: DatasetRef


class References(Record):
    """What is known beforehand of right answers; rows of the file that could not be taken, and repeated ones."""

    references: DatasetRef
    skips: DatasetRef
    n_repeated: dict[str, int] = Field(description="Rows by source that an earlier one stands for")


class Judging(Record):
    """Who judges beside the model-free metrics; without a gateway both tiers are skipped."""

    gateway: ChatModelName | None = Field(None, description="Chat model of the judges; None: their metrics are skipped")
    judges: JudgesConfig = JudgesConfig()
    attempt: int = Field(
        0, ge=0, description="Raise it to ask again for what failed; what was answered is not paid twice"
    )

    def check(self, embedder: EmbedderName) -> None:
        """See that the judges can be asked, without asking them.

        Raises:
            NotFoundError: no such gateway block.
            BadInputError: address, model or key is missing, or the packages of the judges are.
        """
        if self.gateway is None:
            return
        chat = open_chat_model(self.gateway.name)
        open_ragas_judges(chat, open_embedder(embedder.name), self.judges)
        open_deepeval_judges(chat, self.judges)


class ScoredDay(Record):
    """A window's traces, those of them that were evaluated, and their scores."""

    traces: SelectedTraces
    sampled: Sampled
    groundedness: DatasetRef
    scores: list[DatasetRef]
    skips: list[DatasetRef]
    ratings: list[DatasetRef]
    golden: ActiveGolden


@stage
def sample_traces(traces: DatasetRef, config: SampleConfig) -> Sampled:
    """All traces, or a seeded sample of them with its weights."""
    weights = sample(read_columns(traces, ["trace_id", "tenant_id", "status"]), config)
    if weights.num_rows == traces.rows:
        return Sampled(traces=traces, weights=write_dataset("sampled_traces", weights))
    ids = weights.column("trace_id").combine_chunks()
    parts = (part.filter(pc.is_in(part.column("trace_id"), ids)) for part in read_dataset(traces).parts(measured=True))
    drawn, weighed = write_tables(selected_traces=pa.concat_tables(parts), sampled_traces=weights)
    return Sampled(traces=drawn, weights=weighed)


@stage
def collect_references(
    golden: ActiveGolden, file: SourceRef | None, tenant_id: str | None, redaction: list[RedactionRule]
) -> References:
    """Expected answers from the user's file and from the golden dataset; where both know a question, the file's.

    Args:
        tenant_id: of rows of the file that name none.
    """
    redactor = Redactor(redaction)
    read = [
        read_reference_rows(map(_reference_row, batch), source=file.name, redactor=redactor, tenant_id=tenant_id)
        for batch in (read_rows(Path(file.path)) if file else ())
        if file
    ]
    tables = [each.references for each in read]
    if golden.dataset is not None:
        rows = read_dataset(golden.dataset).to_arrow()
        tables.append(golden_references(rows, f"golden {golden.name} {golden.version}"))
    merged = merge_references(tables)
    known, skips = write_tables(
        references=merged.references,
        skips=pa.concat_tables([arrow_schema(SkipRow).empty_table(), *(each.skips for each in read)]),
    )
    return References(references=known, skips=skips, n_repeated=merged.n_repeated)


@stage
def score_model_free(
    traces: DatasetRef, groundedness: DatasetRef, references: DatasetRef, embedder: EmbedderName
) -> DatasetRef:
    """Every metric that needs no model beside the embedder, one row per trace and metric."""
    score = partial(
        model_free.score_model_free,
        embedder=open_embedder(embedder.name),
        references=read_dataset(references).to_arrow(),
    )
    return map_parts(traces, score, kind="metric_scores", beside=[groundedness])


@stage
def judge_with_ragas(
    traces: DatasetRef,
    references: DatasetRef,
    judging: Judging,
    embedder: EmbedderName,
    redaction: list[RedactionRule],
) -> DatasetRef:
    """Ragas' metrics, asked through the gateway; a judge that fails is a row that says so."""

    def opened(chat: AwaitableChatModel) -> Mapping[str, Judge]:
        return open_ragas_judges(chat, open_embedder(embedder.name), judging.judges)

    return _judged(traces, references, judging, redaction, "ragas", judging.judges.ragas_metrics, opened)


@stage
def judge_with_deepeval(
    traces: DatasetRef, references: DatasetRef, judging: Judging, redaction: list[RedactionRule]
) -> DatasetRef:
    """DeepEval's faithfulness and the user's own criteria, asked through the gateway."""
    opened = partial(open_deepeval_judges, config=judging.judges)
    return _judged(traces, references, judging, redaction, "deepeval", judging.judges.deepeval_metrics, opened)


@stage
def summarise(scores: list[DatasetRef], weights: DatasetRef) -> list[MetricSummary]:
    """Each metric over all traces that it was tried on."""
    return summarise_metrics(_scores(scores, _SCORE_NAMES), read_dataset(weights).to_arrow())


@stage
def label_traces(annotations: DatasetRef, ratings: list[DatasetRef], rules: LabelRules) -> DatasetRef:
    """What people say of traces, from annotations and from ratings that came with imports."""
    rated = [read_dataset(ref).to_arrow() for ref in ratings]
    table = pa.concat_tables([arrow_schema(HumanRating).empty_table(), *rated])
    return write_dataset("person_labels", people.person_labels(read_dataset(annotations).to_arrow(), table, rules))


@stage
def correct_judges(
    scores: list[DatasetRef],
    weights: DatasetRef,
    earlier: list[RememberedDay],
    labels: DatasetRef,
    config: CorrectionConfig,
) -> list[JudgeCorrection]:
    """Automatic scores of the window and of days before it, checked and corrected by people's labels.

    Args:
        earlier: people label a day's traces in the weeks after it; of a trace that was scored twice the newest counts.
    """
    labelled = read_dataset(labels).to_arrow()
    days = list(reversed(earlier))
    refs = [*scores, *(ref for day in days for ref in day.scores)]
    found = _first(_scores(refs, _SCORE_NAMES, labelled.column("metric").unique()), ["trace_id", "metric", "source"])
    drawn = pa.concat_tables([read_dataset(ref).to_arrow() for ref in (weights, *(day.weights for day in days))])
    corrections = judge_correction.correct_judges(found, labelled, config, _first(drawn, ["trace_id"]))
    return [each.model_copy(update={"n_days": len(earlier) + 1}) for each in corrections]


def _reference_row(row: Row) -> ReferenceRow:
    try:
        content: dict[str, object] | BadInputError = object_of(row)
    except BadInputError as error:
        content = error
    return ReferenceRow(row.line, row.row_hash, content)


def _judged(
    traces: DatasetRef,
    references: DatasetRef,
    judging: Judging,
    redaction: list[RedactionRule],
    tier: MetricTier,
    metrics: Sequence[str],
    opened: Callable[[AwaitableChatModel], Mapping[str, Judge]],
) -> DatasetRef:
    if judging.gateway is None:
        skipped = partial(skipped_part, metrics=metrics, tier=tier, reason=_NO_GATEWAY, source=tier)
        return map_parts(traces, skipped, kind="metric_scores")
    redactor = Redactor(redaction)
    chat = open_chat_model(
        judging.gateway.name, journal=request_journal(), redact=lambda text: redactor.redact(text).text
    )
    judges, known = opened(chat), read_dataset(references).to_arrow()
    progress = Progress(f"judging traces with {tier}", total=traces.rows)

    def judge(part: pa.Table) -> pa.Table:
        scores = judge_part(part, judges=judges, tier=tier, references=known)
        progress.advance(part.num_rows)
        return scores

    return map_parts(traces, judge, kind="metric_scores")


def _scores(refs: Sequence[DatasetRef], names: Sequence[str], metrics: pa.Array | None = None) -> pa.Table:
    """Columns of all these scores, or of those of some metrics; of one more part, more is held in memory."""
    tables = [arrow_schema(MetricScore).empty_table().select(names)]
    for ref in refs:
        for part in read_dataset(ref).parts():
            rows = part if metrics is None else part.filter(pc.is_in(part.column("metric"), metrics))
            tables.append(rows.select(names))
    return pa.concat_tables(tables)


def _first(rows: pa.Table, names: list[str]) -> pa.Table:
    """Of rows that are equal in these columns the first, in the order of the table."""
    numbered = rows.select(names).append_column("row", pa.array(range(rows.num_rows), pa.int64()))
    firsts = numbered.group_by(names).aggregate([("row", "min")]).column("row_min")
    return rows.take(firsts.take(pc.sort_indices(firsts)))
