"""Answers a file of tasks with what was distilled: locally, checked, escalated where allowed, logged as evidence."""

from typing import Self

from prefect import flow
from pydantic import Field, model_validator

from blocks.names import ChatModelName, EmbedderName, VectorIndexName
from millrace.answering.extractive import ExtractiveConfig
from millrace.datasets.manifest import DatasetRef
from millrace.methods.redaction import RedactionRule
from millrace.records.base import Identifier, Record
from millrace.records.replay import ReplayRetrieval
from millrace.records.replay_report import EscalationPolicy, ReplayFigures, ReplaySetup
from millrace.records.source import SourceRef
from millrace.replay.attempts import EscalationConfig
from millrace.replay.bundle import BundleConfig
from millrace.replay.prompts import PromptConfig
from tasks.documents import (
    EarlierVectors,
    Ingestion,
    embed_chunks,
    publish_index,
    read_last_ingestion,
    remember_ingestion,
)
from tasks.replay import (
    ReplaySettings,
    SearchedKnowledge,
    escalate_failures,
    measure_bundles,
    measure_prompts,
    measure_replays,
    replay_locally,
)
from tasks.replay_answerers import check_models
from tasks.replay_inputs import Knowledge, ReadTasks, cut_knowledge, find_knowledge, read_tasks
from tasks.replay_report import (
    ReplayFindings,
    compare_baseline,
    find_earlier_replays,
    publish_replay_report,
    remember_replay,
)
from tasks.reports import PublishedReport
from tasks.run import FlowConfig, current_run, recorded
from tasks.scorer import read_active_scorer
from tasks.sources import source_ref
from tasks.tables import injection_rules, redaction_rules, replay_gate

PLAYBOOKS = "playbooks"  # the index of what was distilled, beside those of documents


class ReplayConfig(FlowConfig):
    """Which tasks, with which knowledge, who answers them, and what their answers have to be."""

    file: str = Field(
        description="JSONL, JSON or Parquet with question_id, tenant_id, time and question; a row's validation steps "
        "as validation"
    )
    distill_run: Identifier | None = Field(None, description="Whose RAG export; by default the newest that completed")
    retrieval: ReplayRetrieval = Field("index", description="none: the baseline without knowledge")
    n_accepted: int = Field(3, ge=0, le=20, description="Most accepted pieces for a task")
    n_warnings: int = Field(2, ge=0, le=20, description="Most pieces to beware of")
    min_similarity: float = Field(0.3, ge=-1, le=1, description="Pieces with a lower cosine to the question stay out")
    escalation: EscalationPolicy = Field("never", description="Ask the stronger model where the gate says no")
    max_escalations: int | None = Field(None, ge=0, description="Most tasks that go to it; None: as many as fail")
    gateway: ChatModelName | None = Field(
        None, description="Its cheap model is the local one, its main model the stronger; without one, extracts answer"
    )
    prompting: PromptConfig = PromptConfig()
    extraction: ExtractiveConfig = ExtractiveConfig()
    embedder: EmbedderName = EmbedderName()
    store: VectorIndexName = VectorIndexName()
    validation: str = Field("replay_gate", description="Bundled table of gate and steps, or path of one's own")
    redaction_rules: str = Field("pii", description="Bundled rule table, or path of one's own")
    injection_rules: str = Field("injection", description="Bundled rule table, or path of one's own")
    series: Identifier = Field("main", pattern=r"^[\w.-]+$", description="Runs of one series are compared over time")
    attempt: int = Field(1, ge=1, description="Raise it to ask again what failed; paid replies are not paid again")
    dry_run: bool = Field(False, description="Retrieve and build prompts, ask nobody, log nothing as evidence")
    reports_folder: str = "eval_reports"

    @model_validator(mode="after")
    def _somebody_is_stronger(self) -> Self:
        if self.escalation == "allowed" and self.gateway is None:
            raise ValueError("escalation: allowed needs a gateway, whose main model is the stronger one")
        return self

    @property
    def bundle(self) -> BundleConfig:
        """How many pieces a task is given."""
        return BundleConfig(n_accepted=self.n_accepted, n_warnings=self.n_warnings, min_similarity=self.min_similarity)


class ReplayResult(Record):
    """The tasks as read, the replays, and how they ended; without replays and figures for a dry run."""

    read: ReadTasks
    knowledge: Knowledge | None
    attempts: DatasetRef
    replays: DatasetRef | None
    figures: ReplayFigures | None
    report: PublishedReport


@flow(name="replay", persist_result=True, result_serializer="json")
@recorded("replay")
def replay(config: ReplayConfig, run_id: str | None = None) -> ReplayResult:
    """Give each task what was distilled of its like, have it answered and checked, and report against earlier runs."""
    return answer_again(config)


def answer_again(config: ReplayConfig) -> ReplayResult:
    """The body of the flow, for runs inside another one."""
    source = _checked(config)
    knowledge = None if config.retrieval == "none" else find_knowledge(config.distill_run)
    redaction = redaction_rules(config.redaction_rules)
    read = read_tasks(source, redaction, injection_rules(config.injection_rules))
    settings = _settings(config, redaction)
    searched = None if knowledge is None else _index(config, knowledge)
    attempts = replay_locally(read.tasks, searched, settings, config.dry_run, config.attempt)
    findings = ReplayFindings(
        setup=_setup(config, source.name, read, knowledge, settings),
        embedder=config.embedder,
        gateway=config.gateway,
        scorer=settings.groundedness.source,
        tasks=read.tasks,
        attempts=attempts,
        bundles=measure_bundles(attempts),
    )
    if config.dry_run:
        found = findings.model_copy(update={"prompts": measure_prompts(read.tasks, attempts, settings)})
    else:
        replays = escalate_failures(read.tasks, attempts, searched, settings, _escalation(config), config.attempt)
        found = _compared(config, findings, replays)
    return ReplayResult(
        read=read,
        knowledge=knowledge,
        attempts=attempts,
        replays=found.replays,
        figures=None if found.point is None else found.point.figures,
        report=publish_replay_report(found, config.reports_folder),
    )


def _checked(config: ReplayConfig) -> SourceRef:
    """What cannot go well fails before any work; the file of tasks."""
    if config.gateway is not None:
        check_models(config.gateway, config.escalation)
    replay_gate(config.validation)
    return source_ref(config.file)


def _settings(config: ReplayConfig, redaction: list[RedactionRule]) -> ReplaySettings:
    return ReplaySettings(
        time=current_run().now,
        retrieval=config.retrieval,
        bundle=config.bundle,
        prompting=config.prompting,
        extraction=config.extraction,
        gate=replay_gate(config.validation),
        groundedness=read_active_scorer().model,
        redaction=redaction,
        embedder=config.embedder,
        gateway=config.gateway,
    )


def _escalation(config: ReplayConfig) -> EscalationConfig:
    return EscalationConfig(allowed=config.escalation == "allowed", max_escalations=config.max_escalations)


def _compared(config: ReplayConfig, findings: ReplayFindings, replays: DatasetRef) -> ReplayFindings:
    """The run among those before it: its figures, what it leaves, and the same tasks without knowledge."""
    figures = measure_replays(findings.attempts, replays)
    earlier = find_earlier_replays(config.series, config.retrieval, findings.tasks)
    point = remember_replay(config.series, findings.setup, config.gateway, findings.tasks, replays, figures)
    baseline = None if earlier.baseline is None else compare_baseline(earlier.baseline, replays)
    return findings.model_copy(update={"replays": replays, "point": point, "earlier": earlier, "baseline": baseline})


def _index(config: ReplayConfig, knowledge: Knowledge) -> SearchedKnowledge:
    """The snapshot of what was distilled; what was embedded before is not embedded again."""
    chunks = cut_knowledge(knowledge.rows)
    last = read_last_ingestion(PLAYBOOKS, config.embedder)
    vectors = embed_chunks(chunks, config.embedder, EarlierVectors(ref=last.vectors))
    index = publish_index(PLAYBOOKS, chunks, vectors, config.embedder, config.store)
    remember_ingestion(PLAYBOOKS, Ingestion(chunks=chunks, vectors=vectors, embedder=config.embedder.identity()))
    return SearchedKnowledge(rows=knowledge.rows, index=index)


def _setup(
    config: ReplayConfig, name: str, read: ReadTasks, knowledge: Knowledge | None, settings: ReplaySettings
) -> ReplaySetup:
    return ReplaySetup(
        tasks_name=name,
        n_skipped=read.skips.rows,
        retrieval=config.retrieval,
        distill_run=None if knowledge is None else knowledge.distill_run,
        knowledge=None if knowledge is None else knowledge.rows.content_hash,
        n_knowledge=0 if knowledge is None else knowledge.rows.rows,
        n_accepted=config.n_accepted,
        n_warnings=config.n_warnings,
        min_similarity=config.min_similarity,
        min_groundedness=settings.gate.min_groundedness,
        escalation=config.escalation,
        max_escalations=config.max_escalations,
        dry_run=config.dry_run,
    )
