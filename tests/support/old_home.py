"""A home with things of a given age, and retention as a person would run it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from flows.enforce_retention import EnforceRetentionConfig, EnforceRetentionResult, enforce_retention
from millrace.datasets.manifest import DatasetRef, Origin
from millrace.datasets.schema import table_of
from millrace.errors import BadInputError
from millrace.governance.retention import AgingItem
from millrace.ledger import catalogue, requests
from millrace.ports import ChatReply
from millrace.records.trace import HumanRating, Trace
from millrace.reports.retention import RetentionReport
from tasks.home import Home
from tests.support.approving import decide

NOW = datetime(2024, 3, 20, 6, tzinfo=UTC)  # behind any clock: a real run refuses one that is ahead
RUN = "retention-1"
DAYS = {"datasets": {"human_ratings": 30, "traces": 30}, "exports": 30, "requests": 30, "alerts": 30}


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def write_ratings(home: Home, value: float, *, days: float, inputs: list[str] | None = None) -> DatasetRef:
    """A dataset without a time range, registered so many days ago."""
    origin = Origin(stage="toy", code_fingerprint="-", settings_hash="-", inputs=inputs or [], numeric_profile="-")
    row = HumanRating(trace_id="t", dimension="d", annotator="a", value=value)
    ref = home.datasets.write("human_ratings", table_of(HumanRating, [row]), origin, key=f"r{value}")
    at = days_ago(days)
    catalogue.register(home.ledger, ref, time_from=None, time_to=None, tenants=[], run_id="maker", at=at)
    return ref


def write_traces(home: Home, name: str, *, days: float, registered: float = 0) -> DatasetRef:
    """A dataset whose last row is so many days old."""
    origin = Origin(stage="toy", code_fingerprint="-", settings_hash="-", inputs=[], numeric_profile="-")
    time = days_ago(days)
    rows = [Trace(trace_id=name, time=time, tenant_id="x", user_id="u1", question="q")]
    ref = home.datasets.write("traces", table_of(Trace, rows), origin, key=name)
    at = days_ago(registered)
    catalogue.register(home.ledger, ref, time_from=time, time_to=time, tenants=["x"], run_id="import", at=at)
    return ref


def keep_reply(home: Home, key: str, *, days: float, run_id: str = "maker") -> None:
    """A reply in the request journal."""
    reply = ChatReply(
        model="m",
        text="twenty",
        fault=None,
        truncated=False,
        retried_for=(),
        duration_ms=1.0,
        input_tokens=1,
        output_tokens=1,
        cost_usd=None,
        cost_reason=None,
    )
    requests.keep_replies(home.ledger, {key: reply}, run_id, days_ago(days))


def rules_file(folder: Path, rules: Mapping[str, Any] = DAYS) -> str:
    path = folder / "days.yaml"
    path.write_text(yaml.safe_dump(dict(rules)))
    return str(path)


def enforce(home: Home, run_id: str = RUN, **settings: Any) -> EnforceRetentionResult | None:
    """One entry into the flow; None when it waits for a decision."""
    given = {"as_of": NOW, "rules": rules_file(home.root.parent), "reports_folder": str(home.root.parent / "reports")}
    try:
        return enforce_retention.fn(EnforceRetentionConfig.model_validate(given | settings), run_id=run_id)
    except BadInputError as error:
        if "waits for a decision" not in str(error):
            raise
        return None


def enforced(home: Home, run_id: str = RUN, **settings: Any) -> EnforceRetentionResult:
    """A real run, approved."""
    assert enforce(home, run_id, dry_run=False, **settings) is None
    decide(home, run_id, at=NOW)
    result = enforce(home, run_id, dry_run=False, **settings)
    assert result is not None
    return result


def report_of(result: EnforceRetentionResult) -> RetentionReport:
    return RetentionReport.model_validate_json(Path(result.report.json_file).read_bytes())


def names(items: list[AgingItem]) -> list[str]:
    return [item.name for item in items]
