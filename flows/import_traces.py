"""Takes an application's traces in."""

from prefect import flow
from pydantic import AwareDatetime, Field

from millrace.records.base import Identifier
from tasks.ingestion import ImportResult, bundled_mapping, read_traces
from tasks.run import FlowConfig, recorded
from tasks.sources import source_ref
from tasks.tables import redaction_rules


class ImportTracesConfig(FlowConfig):
    """Which file, and how its rows become traces."""

    file: str = Field(description="JSONL, JSON or Parquet")
    mapping: str = Field("millrace", description="Bundled mapping (millrace, otlp, langfuse, mtrag), or a path")
    time: AwareDatetime | None = Field(None, description="When rows that give no time were recorded")
    tenant: Identifier | None = Field("default", description="Tenant of rows that give none")
    redaction_rules: str = Field("pii", description="Bundled rule table, or path of one's own")


@flow(name="import-traces", persist_result=True, result_serializer="json")
@recorded("import-traces")
def import_traces(config: ImportTracesConfig, run_id: str | None = None) -> ImportResult:
    """Import a file of traces: redacted, validated, bad rows set aside with their reasons."""
    return read_traces(
        source_ref(config.file),
        bundled_mapping(config.mapping),
        redaction_rules(config.redaction_rules),
        config.time,
        config.tenant,
    )
