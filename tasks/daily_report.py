"""Writes the daily report."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from blocks.names import EmbedderName
from millrace.datasets.canonical import canonical_json
from millrace.datasets.files import write_atomic
from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import arrow_schema, rows_of
from millrace.evaluation.sampling import SampleConfig
from millrace.evaluation.worst import worst_records, worst_traces
from millrace.monitoring.alerts import AlertDecision
from millrace.monitoring.costs import JUDGING_COLUMNS, answering_cost, judging_costs
from millrace.records.base import Record
from millrace.records.daily_report import CostLine, DailyReport, MetricSummary, ReportedAlert, Sampling, WorstTrace
from millrace.records.monitoring import AlertDelivery, Anomaly, DayFigure
from millrace.records.report import Component, RowList, RunFacts, Traffic
from millrace.records.trace import SkipRow
from millrace.records.window import Window
from millrace.reports.daily_series import figure_series
from millrace.reports.html import to_html
from millrace.reports.lists import rows_command
from millrace.reports.markdown import to_markdown
from millrace.reports.measures import measure_traffic
from millrace.reports.wording import excerpt
from tasks.days import RememberedDay, figures_of
from tasks.effect import effect
from tasks.evaluation import Judging, ScoredDay
from tasks.monitoring import Watched
from tasks.parts import read_columns, read_dataset
from tasks.reports import PublishedReport, embedder_component
from tasks.run import Run, current_run, show_in_prefect

N_WORST = 10
_MAX_ROWS, _MAX_CHARS = 100, 160
_OUTCOMES = ("sent", "not_sent", "suppressed", "no_receiver")  # which of several receivers is told of first


class DayFindings(Record):
    """Everything that was found on a day, as the report needs it."""

    window: Window
    scored: ScoredDay
    watched: Watched
    figures: DatasetRef
    measured: list[DayFigure]
    anomalies: list[Anomaly]
    decision: AlertDecision
    earlier: list[RememberedDay]
    embedder: EmbedderName
    sample: SampleConfig
    judging: Judging


@effect
def publish_daily_report(findings: DayFindings, deliveries: list[AlertDelivery], folder: str) -> PublishedReport:
    """Write the daily report as Markdown, HTML and JSON, and show it in Prefect.

    Args:
        deliveries: what became of the alerts; none before they are sent.
    """
    run = current_run()
    report = _report(run, findings, deliveries)
    place = report_folder(folder, findings.window).absolute()
    place.mkdir(parents=True, exist_ok=True)
    markdown = to_markdown(report)
    write_atomic(place / "report.md", markdown.encode())
    write_atomic(place / "report.html", to_html(report).encode())
    write_atomic(place / "report.json", canonical_json(report))
    show_in_prefect(markdown, "daily-report", findings.window.name)
    return PublishedReport(
        markdown=str(place / "report.md"), html=str(place / "report.html"), json_file=str(place / "report.json")
    )


def report_folder(folder: str, window: Window) -> Path:
    """Where the run's report lies."""
    return Path(folder) / f"daily-{window.name}-{current_run().run_id}"


def _report(run: Run, findings: DayFindings, deliveries: Sequence[AlertDelivery]) -> DailyReport:
    scored, watched, decision = findings.scored, findings.watched, findings.decision
    today = [*rows_of(DayFigure, read_dataset(findings.figures).to_arrow()), *findings.measured]
    costs = judging_costs(
        part.select(JUDGING_COLUMNS) for ref in scored.scores for part in read_dataset(ref).parts(measured=True)
    )
    return DailyReport(
        run=_facts(run, findings),
        traffic=_traffic(findings),
        sampling=Sampling(
            n_traces=scored.traces.traces.rows,
            n_sampled=scored.sampled.traces.rows,
            seed=findings.sample.seed if scored.sampled.traces.rows < scored.traces.traces.rows else None,
        ),
        alerts=[ReportedAlert(alert=each, delivery=_delivery(each.key, deliveries)) for each in decision.alerts],
        n_rules=decision.n_rules,
        rules_without_data=decision.rules_without_data,
        metrics=_with_costs(watched.metrics, costs),
        skipped_tiers=_skipped(findings.judging),
        corrections=watched.corrections,
        canary=watched.canary,
        drift=watched.drift,
        anomalies=findings.anomalies,
        feedback=watched.feedback,
        figures=today,
        series=figure_series(today, figures_of(findings.earlier)),
        worst=_worst(run, scored),
        costs=[answering_cost(findings.measured), *costs],
        lists=[*_typical_questions(findings), *_failed_judgements(run, scored)],
    )


def _facts(run: Run, findings: DayFindings) -> RunFacts:
    window, components = findings.window, [embedder_component(findings.embedder)]
    if findings.judging.gateway is not None:
        components.append(Component(role="judges", identity=findings.judging.gateway.identity()))
    return RunFacts(
        run_id=run.run_id,
        flow=run.flow,
        window_name=window.name,
        window_start=window.start,
        window_end=window.end,
        time_zone=window.time_zone,
        reported_at=run.now,
        components=components,
    )


def _traffic(findings: DayFindings) -> Traffic:
    selected = findings.scored.traces
    skips = [read_columns(ref, ["reason"]) for ref in findings.scored.skips]
    return measure_traffic(
        read_columns(selected.traces, ["status", "tenant_id", "time"]),
        pa.concat_tables([arrow_schema(SkipRow).empty_table().select(["reason"]), *skips]),
        week_begins=findings.window.start,
        n_duplicates=selected.n_duplicates,
        n_outside=selected.n_outside,
    )


def _with_costs(metrics: Sequence[MetricSummary], costs: Sequence[CostLine]) -> list[MetricSummary]:
    """The summaries with what their judges took."""
    known = {line.purpose.removeprefix("judging: "): line for line in costs}
    return [
        each.model_copy(update=known[each.metric].model_dump(exclude={"purpose", "reason"}))
        if each.metric in known
        else each
        for each in metrics
    ]


def _skipped(judging: Judging) -> list[str]:
    if judging.gateway is not None:
        return []
    return [
        f"{tier} was skipped: no gateway is set for judges; --set judging.gateway=environment uses the one that "
        "MILLRACE_GATEWAY_URL names."
        for tier, metrics in (("Ragas", judging.judges.ragas_metrics), ("DeepEval", judging.judges.deepeval_metrics))
        if metrics
    ]


def _typical_questions(findings: DayFindings) -> list[RowList]:
    """Questions that are least like those of the reference's days."""
    ids = findings.watched.drift.most_typical_now
    if not ids:
        return []
    asked = read_columns(
        findings.scored.traces.traces, ["trace_id", "question"], pa.array(ids, pa.string())
    ).to_pylist()
    texts = {row["trace_id"]: excerpt(row["question"], _MAX_CHARS) for row in asked}
    return [
        RowList(
            name="typical-now",
            title="Questions least like those before",
            columns=["Question", "Trace"],
            rows=[[texts[trace_id], trace_id] for trace_id in ids],
            n=len(ids),
        )
    ]


def _failed_judgements(run: Run, scored: ScoredDay) -> Iterator[RowList]:
    """What judges could not say, and why; one list for each of the steps that asked."""
    for step, ref in zip(("judge-with-ragas", "judge-with-deepeval"), scored.scores[1:], strict=True):
        scores = read_columns(ref, ["metric", "trace_id", "status", "reason", "message"])
        failed = scores.filter(pc.equal(scores.column("status"), "failed")).drop_columns(["status"])
        if failed.num_rows:
            yield RowList(
                name=f"failed-{step}",
                title=f"Judgements that failed, {step}",
                columns=["Metric", "Trace", "Reason", "What was answered"],
                rows=[[*row.values()] for row in failed.slice(0, _MAX_ROWS).to_pylist()],
                n=failed.num_rows,
                command=rows_command(run.run_id, f"{step}/metric_scores", "status=failed"),
            )


def _delivery(key: str, deliveries: Sequence[AlertDelivery]) -> AlertDelivery | None:
    """What became of an alert, over all its receivers: that it reached one counts before that it missed another."""
    own = sorted((each for each in deliveries if each.key == key), key=lambda each: _OUTCOMES.index(each.outcome))
    if not own:
        return None
    receivers = ", ".join(dict.fromkeys(each.receiver for each in own if each.receiver is not None))
    problems = "; ".join(dict.fromkeys(each.problem for each in own if each.problem is not None))
    return own[0].model_copy(update={"receiver": receivers or None, "problem": problems or None})


def _worst(run: Run, scored: ScoredDay) -> list[WorstTrace]:
    """The traces to look at first, with what each stage did."""
    columns = ["trace_id", "metric", "status", "value", "reason"]
    worst = worst_traces(pa.concat_tables([read_columns(ref, columns) for ref in scored.scores]), N_WORST)
    ids = pa.array([each.trace_id for each in worst], pa.string())
    parts = run.home.datasets.open(scored.sampled.traces).parts(measured=True)
    found = [part.filter(pc.is_in(part.column("trace_id"), ids)) for part in parts]
    return worst_records(worst, pa.concat_tables(found)) if found else []
