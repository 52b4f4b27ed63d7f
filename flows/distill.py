"""Evidence to training data: collected, scored, kept apart from what is evaluated on, exported with its origin."""

from pathlib import Path

from prefect import flow
from pydantic import AwareDatetime, Field, model_validator

from blocks.names import EmbedderName
from millrace.distillation.config import DecontaminationConfig, ExportConfig
from millrace.distillation.drift import DriftConfig
from millrace.distillation.streams import STREAM_NAMES, StreamName
from millrace.records.base import Identifier, Record
from millrace.records.distillation import DistillCounts, Severity
from tasks.decontamination import find_contamination
from tasks.distillation import (
    Comparison,
    Distilled,
    about_exports,
    check_determinism,
    count_distillation,
    distillation_scope,
    find_earlier_distillations,
    publish_distillation,
)
from tasks.evidence import FileStream, collect_eval_examples, collect_evidence, resolve_streams
from tasks.export_files import publish_exports
from tasks.run import FlowConfig, recorded
from tasks.scoring import score_evidence
from tasks.sources import source_ref
from tasks.tables import redaction_rules, scoring_rules, stream_mapping
from tasks.training_data import export_preference, export_rag, export_sft


class StreamFile(Record):
    """A file of evidence from elsewhere."""

    file: str = Field(description="JSONL")
    mapping: str = Field("evidence", description="Bundled mapping (evidence, halueval, llmbar, mtrag), or a path")
    time: AwareDatetime | None = Field(None, description="When rows that give no time were recorded")
    tenant: Identifier | None = Field("default", description="Tenant of rows that give none")
    redacted: bool = Field(False, description="Personal data was taken out before: the texts are not looked through")


class DistillConfig(FlowConfig):
    """Which evidence is taken, how it is judged, and what leaves as what."""

    streams: list[StreamName] = Field(list(STREAM_NAMES), description="What of this home is evidence")
    start: AwareDatetime | None = Field(None, description="Traces from then on; by default all")
    end: AwareDatetime | None = Field(None, description="Exclusive end of that stretch")
    tenants: list[Identifier] | None = Field(None, description="Only these tenants; by default all")
    files: list[StreamFile] = Field([], description="Streams from elsewhere")
    scoring_rules: str = Field("scoring", description="Bundled rule table, or path of one's own")
    eval_files: list[str] = Field([], description="JSONL of further questions that the application is evaluated on")
    decontamination: DecontaminationConfig = DecontaminationConfig()
    known_files: str | None = Field(
        None, description="Folder, or list of paths: records that name other files are quarantined"
    )
    exports: ExportConfig = ExportConfig()
    embedder: EmbedderName = EmbedderName()
    redaction_rules: str = Field("pii", description="Bundled rule table, or path of one's own")
    drift: DriftConfig = DriftConfig()
    recompute: bool = Field(False, description="Compute every stage again, past every cache, and compare")
    reports_folder: str = "eval_reports"

    @model_validator(mode="after")
    def _a_stretch_has_two_ends(self) -> "DistillConfig":
        if (self.start is None) != (self.end is None) or (self.start and self.end and self.start >= self.end):
            raise ValueError("give start and end, start before end, or neither")
        return self


class DistillResult(Record):
    """What was distilled."""

    counts: DistillCounts
    severity: Severity
    latest: str
    folder: str = Field(description="Where the training data lies, under the home")

    @property
    def shown(self) -> list[tuple[str, str]]:
        """What the command line says of it."""
        exported = ", ".join(f"{name} {n}" for name, n in self.counts.exported.items())
        return [
            ("evidence", f"{self.counts.evidence} records"),
            ("exported", exported),
            ("training data", self.folder),
            ("drift", self.severity),
            ("summary", self.latest),
        ]


@flow(name="distill", persist_result=True, result_serializer="json")
@recorded("distill")
def distill(config: DistillConfig, run_id: str | None = None) -> DistillResult:
    """Distil evidence into data for retrieval, fine-tuning and preference learning; nothing evaluated on gets in."""
    return distil(config)


def distil(config: DistillConfig) -> DistillResult:
    """The agenda, for whoever runs it: this flow, or an acceptance run in a home of its own."""
    files, rules = _file_streams(config), scoring_rules(config.scoring_rules)
    known_files = source_ref(config.known_files) if config.known_files else None
    eval_files = [source_ref(file) for file in config.eval_files]

    streams = resolve_streams(config.tenants, config.start, config.end, list(config.streams))
    collected = collect_evidence(streams, files)
    scores = score_evidence(collected.evidence, rules)
    examples = collect_eval_examples(streams, eval_files, redaction_rules(config.redaction_rules))
    contamination = find_contamination(collected.evidence, examples.examples, config.embedder, config.decontamination)
    evidence = (collected.evidence, scores, contamination, known_files)
    distilled = Distilled(
        collected=collected,
        scores=scores,
        examples=examples.examples,
        contamination=contamination,
        rag=export_rag(*evidence, config.exports.rag),
        sft=export_sft(*evidence, config.exports.sft),
        preference=export_preference(*evidence, config.exports.preference),
    )
    counts = count_distillation(distilled)
    about = about_exports(
        distilled,
        files,
        f"{Path(config.scoring_rules).stem} {rules.version}",
        near_match=config.decontamination.near_match,
    )
    published = publish_exports(
        distilled.rag.rows, distilled.sft.rows, distilled.preference.rows, about, config.exports, known_files
    )
    comparison = _compare(config)
    conclusion = publish_distillation(comparison, distilled, counts, published, config.reports_folder)
    return DistillResult(counts=counts, severity=conclusion.severity, latest=conclusion.latest, folder=published.folder)


def _compare(config: DistillConfig) -> Comparison:
    """The runs over the same streams before this one, and whether equal inputs gave equal outputs."""
    names = sorted(file.file for file in config.files)
    scope = distillation_scope(sorted(config.streams), config.tenants and sorted(config.tenants), names)
    earlier = find_earlier_distillations(scope)
    return Comparison(
        scope=scope,
        earlier=earlier,
        determinism=check_determinism(earlier, config.recompute),
        config=config.drift,
    )


def _file_streams(config: DistillConfig) -> list[FileStream]:
    rules = redaction_rules(config.redaction_rules)
    return [
        FileStream(
            source=source_ref(file.file),
            mapping=stream_mapping(file.mapping),
            redaction=[] if file.redacted else rules,
            default_time=file.time,
            tenant_id=file.tenant,
        )
        for file in config.files
    ]
