"""Takes in what users say of the application's answers."""

from prefect import flow
from pydantic import AwareDatetime, Field

from millrace.ingestion.feedback import FeedbackField, feedback_form
from millrace.ingestion.rating_scales import RatingScale
from millrace.records.base import Identifier
from tasks.feedback import FeedbackImportResult, read_feedback
from tasks.run import FlowConfig, recorded
from tasks.sources import source_ref
from tasks.tables import redaction_rules


class ImportFeedbackConfig(FlowConfig):
    """Which file, and how its rows say what users said."""

    file: str = Field(description="JSONL, JSON or Parquet; fields trace_id, rating, correction, comment, user_id, time")
    scale: RatingScale | None = Field(
        None, description="What numbers mean: thumbs (1, 0 or -1), stars (1 to 5) or unit (0 to 1); without it none do"
    )
    fields: dict[FeedbackField, str] = Field(
        {}, description="Paths of fields with other names, as {trace_id: trace.id}"
    )
    time: AwareDatetime | None = Field(None, description="When rows that give no time were said")
    tenant: Identifier | None = Field("default", description="Tenant of rows that give none")
    redaction_rules: str = Field("pii", description="Bundled rule table, or path of one's own")


@flow(name="import-feedback", persist_result=True, result_serializer="json")
@recorded("import-feedback")
def import_feedback(config: ImportFeedbackConfig, run_id: str | None = None) -> FeedbackImportResult:
    """Import a file of users' feedback: redacted, validated, bad rows set aside with their reasons."""
    return read_feedback(
        source_ref(config.file),
        feedback_form(config.scale, config.fields),
        redaction_rules(config.redaction_rules),
        config.time,
        config.tenant,
    )
