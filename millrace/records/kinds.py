"""The register of dataset kinds: name, record and schema version."""

from dataclasses import dataclass

from pydantic import BaseModel

from millrace.records.annotation import Annotation, AnnotationTask, AskedQuestion
from millrace.records.answer import Question
from millrace.records.document import Chunk, ChunkVector, Document
from millrace.records.evaluation import MetricScore, PersonLabel, Reference, SampledTrace
from millrace.records.evidence import Contamination, EvalExample, Evidence, EvidenceScore, Quarantined
from millrace.records.exports import PreferencePair, RagRow, SftRow
from millrace.records.feedback import Feedback
from millrace.records.golden import GoldenRow
from millrace.records.groundedness import GroundednessScore
from millrace.records.monitoring import DayFigure, EmbeddingSample, RetrievalSample
from millrace.records.replay import Replay, ReplayTask
from millrace.records.trace import HumanRating, SkipRow, Trace
from millrace.records.triage import FailureGroup, TriageRow
from millrace.records.week import WeekFacts


@dataclass(frozen=True)
class Kind:
    """A kind of dataset; the version rises when its record gains fields, which need defaults for older rows."""

    name: str
    model: type[BaseModel]
    version: int = 1


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("traces", Trace, version=2),
        Kind("selected_traces", Trace, version=2),
        Kind("human_ratings", HumanRating),
        Kind("skips", SkipRow),
        Kind("documents", Document, version=2),
        Kind("chunks", Chunk, version=2),
        Kind("chunk_vectors", ChunkVector),
        Kind("questions", Question, version=2),
        Kind("groundedness", GroundednessScore),
        Kind("triage", TriageRow, version=2),
        Kind("failure_groups", FailureGroup, version=2),
        Kind("week_facts", WeekFacts),
        Kind("annotation_tasks", AnnotationTask, version=2),
        Kind("annotations", Annotation, version=2),
        Kind("asked_questions", AskedQuestion),
        Kind("golden", GoldenRow, version=2),
        Kind("references", Reference),
        Kind("sampled_traces", SampledTrace),
        Kind("metric_scores", MetricScore),
        Kind("person_labels", PersonLabel),
        Kind("feedback", Feedback),
        Kind("selected_feedback", Feedback),
        Kind("retrieval_samples", RetrievalSample),
        Kind("embedding_samples", EmbeddingSample),
        Kind("day_figures", DayFigure),
        Kind("evidence", Evidence),
        Kind("evidence_scores", EvidenceScore),
        Kind("eval_examples", EvalExample),
        Kind("contamination", Contamination),
        Kind("quarantine", Quarantined),
        Kind("rag_rows", RagRow),
        Kind("sft_rows", SftRow),
        Kind("preference_pairs", PreferencePair),
        Kind("replay_tasks", ReplayTask),
        Kind("replay_attempts", Replay),
        Kind("replays", Replay),
    )
}
