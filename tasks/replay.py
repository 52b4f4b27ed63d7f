"""Tasks answered again with what was distilled: read, given knowledge, answered, checked, escalated, counted."""

from collections.abc import Callable
from datetime import UTC
from functools import partial
from typing import Literal

import pyarrow as pa
from pydantic import AwareDatetime, Field

from blocks.embedder import open_embedder
from blocks.names import ChatModelName, EmbedderName
from blocks.vector_index import open_index_store
from millrace.answering.extractive import ExtractiveConfig
from millrace.datasets.manifest import DatasetRef
from millrace.errors import BadInputError
from millrace.methods.consistency import GroundednessConsistency
from millrace.methods.groundedness import GroundednessModel
from millrace.methods.redaction import RedactionRule, Redactor
from millrace.ports import VectorIndex
from millrace.records.base import Record
from millrace.records.replay import ReplayRetrieval
from millrace.records.replay_report import BundleFigures, ReplayFigures
from millrace.replay.attempts import (
    Answerer,
    EscalationConfig,
    ReplayContext,
    Retriever,
    attempt_part,
    choose_escalations,
    escalate_part,
    prompt_lengths,
)
from millrace.replay.bundle import BundleConfig, Bundled
from millrace.replay.escalation_rate import COLUMNS, bundle_figures, replay_figures
from millrace.replay.gate import Gate, GateConfig
from millrace.replay.prompts import PromptConfig
from millrace.replay.retrieval import retrieve_knowledge
from tasks.documents import IndexSnapshot
from tasks.parts import map_parts, read_columns, read_dataset
from tasks.progress import Progress
from tasks.replay_answerers import extractive_answerer, model_answerer, open_model
from tasks.requests import request_journal
from tasks.run import current_run, log
from tasks.stage import stage


class ReplaySettings(Record):
    """How tasks are given knowledge, answered and checked; tables by their content."""

    time: AwareDatetime = Field(description="Of the rows: the run's clock")
    retrieval: ReplayRetrieval
    bundle: BundleConfig = BundleConfig()
    prompting: PromptConfig = PromptConfig()
    extraction: ExtractiveConfig = ExtractiveConfig()
    gate: GateConfig = GateConfig()
    groundedness: GroundednessModel
    redaction: list[RedactionRule]
    embedder: EmbedderName = EmbedderName()
    gateway: ChatModelName | None = None


class PromptFigures(Record):
    """The prompts of a run, as they would be sent; characters."""

    n_prompts: int = Field(ge=0)
    n_characters: int = Field(ge=0)
    longest: int = Field(ge=0)


class SearchedKnowledge(Record):
    """The knowledge of a run, as its stages are given it."""

    rows: DatasetRef
    index: IndexSnapshot


@stage
def replay_locally(
    tasks: DatasetRef,
    knowledge: SearchedKnowledge | None,
    settings: ReplaySettings,
    dry_run: bool,
    attempt: int,
) -> DatasetRef:
    """One attempt for each task: by the gateway's cheap model, or by extracts where there is no gateway.

    Args:
        knowledge: None for the baseline, with ``retrieval: none`` only.
        attempt: raised to ask again what failed; replies that were paid for come from the request journal.
    """
    if (knowledge is None) != (settings.retrieval == "none"):
        raise BadInputError("retrieval is skipped with `retrieval: none`, and only with it")
    answer = None if dry_run else _answerer(settings, "local")
    index = None if knowledge is None else _opened(knowledge.index)
    progress = Progress("replaying tasks", total=tasks.rows)
    try:
        function = partial(
            attempt_part,
            retrieve=_retriever(index, settings),
            answer=answer,
            tier="local" if settings.gateway else "extractive",
            gate=_gate(settings),
            context=_context(settings, knowledge),
        )
        return map_parts(tasks, partial(_telling, function, progress), kind="replay_attempts")
    finally:
        if index is not None:
            index.close()


@stage
def escalate_failures(
    tasks: DatasetRef,
    attempts: DatasetRef,
    knowledge: SearchedKnowledge | None,
    settings: ReplaySettings,
    escalation: EscalationConfig,
    attempt: int,
) -> DatasetRef:
    """Final answers: the attempts, with those that failed the gate answered by the stronger model, where allowed."""
    columns = read_columns(attempts, ["task_id", "passed", "error"])
    chosen = frozenset(choose_escalations(columns, escalation) if settings.gateway else ())
    if not chosen:
        return map_parts(attempts, _as_they_are, kind="replays")
    log().info("%d of %d tasks go to the stronger model", len(chosen), tasks.rows)
    function = partial(
        escalate_part,
        chosen=chosen,
        answer=_answerer(settings, "stronger"),
        gate=_gate(settings),
        context=_context(settings, knowledge),
    )
    return map_parts(tasks, function, kind="replays", beside=[attempts])


@stage
def measure_bundles(attempts: DatasetRef) -> BundleFigures:
    """What the tasks were given."""
    return bundle_figures(read_dataset(attempts).columns(["bundle"]))


@stage
def measure_replays(attempts: DatasetRef, replays: DatasetRef) -> ReplayFigures:
    """How the replays ended, and how many were escalated."""
    return replay_figures(read_columns(attempts, COLUMNS), read_columns(replays, COLUMNS))


@stage
def measure_prompts(tasks: DatasetRef, attempts: DatasetRef, settings: ReplaySettings) -> PromptFigures:
    """The prompts that a model would be sent, every one of them built; nothing is called."""
    source, others = read_dataset(tasks), read_dataset(attempts)
    lengths: list[int] = []
    for index in range(source.n_parts):
        start, part = source.first_row(index), source.read_part(index)
        beside = others.read_rows(start, start + part.num_rows)
        lengths += prompt_lengths(part, beside, settings.gate, settings.prompting)
    return PromptFigures(n_prompts=len(lengths), n_characters=sum(lengths), longest=max(lengths, default=0))


def _answerer(settings: ReplaySettings, tier: Literal["local", "stronger"]) -> Answerer:
    if settings.gateway is None:
        return extractive_answerer(open_embedder(settings.embedder.name), settings.extraction)
    redactor = Redactor(settings.redaction)
    model = open_model(settings.gateway, request_journal(), lambda text: redactor.redact(text).text)
    return model_answerer(model, tier, settings.prompting, settings.gate)


def _retriever(index: VectorIndex | None, settings: ReplaySettings) -> Retriever:
    if index is None:
        return lambda tasks: [Bundled(task) for task in tasks]
    embedder = open_embedder(settings.embedder.name)
    return lambda tasks: retrieve_knowledge(tasks, index, embedder, settings.bundle)


def _gate(settings: ReplaySettings) -> Gate:
    scorer = GroundednessConsistency(open_embedder(settings.embedder.name), settings.groundedness)
    return Gate(settings.gate, scorer, settings.redaction, settings.retrieval)


def _context(settings: ReplaySettings, knowledge: SearchedKnowledge | None) -> ReplayContext:
    content = None if knowledge is None else knowledge.rows.content_hash
    return ReplayContext(settings.time.astimezone(UTC), settings.retrieval, content, Redactor(settings.redaction))


def _opened(index: IndexSnapshot) -> VectorIndex:
    return open_index_store(current_run().home.index_root, index.store.name).open(index.snapshot)


def _telling(function: Callable[[pa.Table], pa.Table], progress: Progress, part: pa.Table) -> pa.Table:
    done = function(part)
    progress.advance(part.num_rows)
    return done


def _as_they_are(part: pa.Table) -> pa.Table:
    return part
