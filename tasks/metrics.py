"""Gives the figures of a day to Prometheus: a text file, and a Pushgateway where one is set."""

from pathlib import Path
from typing import Literal

from prefect.runtime import task_run
from prometheus_client import CollectorRegistry, generate_latest
from pydantic import Field

from blocks.pushgateway import PushgatewayUrl, push_metrics, pushgateway_address
from millrace.datasets.canonical import sha256_json
from millrace.datasets.files import write_atomic
from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import rows_of
from millrace.errors import BadInputError, UnavailableError
from millrace.exports.prometheus import date_of, figures_registry
from millrace.ledger import pointers
from millrace.monitoring.figures import FIGURES
from millrace.records.base import Identifier, Record
from millrace.records.monitoring import DayFigure, FiredAlert
from tasks.effect import effect
from tasks.parts import read_dataset
from tasks.run import current_run, in_prefect, log

N_RETRIES = 3
PushOutcome = Literal["pushed", "not_pushed", "no_gateway"]


class MetricsConfig(Record):
    """Where the figures go. Runs over other tenants need a file of their own; the Pushgateway keeps them apart."""

    file: str | None = Field(
        "eval_reports/millrace.prom",
        pattern=r"\.prom$",
        description="Text file in the folder that node_exporter's textfile collector reads; null writes none",
    )
    pushgateway: PushgatewayUrl | None = Field(
        None, description="Address of a Pushgateway; one with a password belongs into MILLRACE_PUSHGATEWAY"
    )
    job: Identifier = Field("millrace", description="The grouping key's job")
    timeout_s: float = Field(10.0, gt=0, le=300, description="For each try to push")
    labels: dict[Identifier, str] = Field({}, description="On every metric, such as {environment: production}")


class PublishedMetrics(Record):
    """What Prometheus was given."""

    n_families: int = Field(ge=0, description="Metric families with a sample")
    n_samples: int = Field(ge=0)
    file: str | None = Field(description="As in the settings; None when none was written")
    push: PushOutcome
    problems: list[str] = Field([], description="Why no file was written or nothing was pushed; never an address")


@effect(retries=N_RETRIES)
def publish_metrics(
    figures: DatasetRef,
    measured: list[DayFigure],
    alerts: list[FiredAlert],
    tenants: list[str] | None,
    config: MetricsConfig,
) -> PublishedMetrics:
    """Write the text file and push; a gateway that is down is tried again, and in the end there is a warning.

    Prometheus shows what it was given last, so a day before that of an earlier run with the same scope and job is kept
    from it, and so is a stretch of time that is no day.

    Args:
        figures: dataset of DayFigure, all of one day.
        measured: further figures of the day, which are in no dataset.
        tenants: whose traces they are of; None for all. It becomes the label ``tenant_scope``.
    """
    rows = [*rows_of(DayFigure, read_dataset(figures).to_arrow()), *measured]
    unfit = _unfit(rows, tenants, config)
    if unfit is not None:
        return PublishedMetrics(n_families=0, n_samples=0, file=None, push="not_pushed", problems=[unfit])
    scope = {"tenant_scope": "all" if tenants is None else ",".join(sorted(set(tenants)))}
    registry = figures_registry(
        rows, FIGURES, alerts=alerts, labels=config.labels | scope, finished_at=current_run().now
    )
    file, unwritten = _write(registry, config)
    outcome, unpushed = _push(registry, scope, config)
    _remember(rows, tenants, config)
    sampled = [family for family in registry.collect() if family.samples]
    return PublishedMetrics(
        n_families=len(sampled),
        n_samples=sum(len(family.samples) for family in sampled),
        file=file,
        push=outcome,
        problems=[problem for problem in (unwritten, unpushed) if problem is not None],
    )


def _unfit(rows: list[DayFigure], tenants: list[str] | None, config: MetricsConfig) -> str | None:
    """Why these figures are not what Prometheus should show now."""
    day = max((row.day for row in rows), default=None)
    if day is None:
        return "there are no figures"
    if date_of(day) is None:
        return f"{day} is no day"
    known = pointers.pointer(current_run().home.ledger, _pointer_name(tenants, config))
    later = None if known is None else known.value["day"]
    return f"Prometheus has the figures of {later} already" if later is not None and later > day else None


def _remember(rows: list[DayFigure], tenants: list[str] | None, config: MetricsConfig) -> None:
    run, value = current_run(), {"day": rows[0].day}
    name = _pointer_name(tenants, config)
    pointers.set_pointer(run.home.ledger, name, value, at=run.now, run_id=run.run_id)


def _pointer_name(tenants: list[str] | None, config: MetricsConfig) -> str:
    return f"metrics/{sha256_json([config.job, None if tenants is None else sorted(set(tenants))])[:16]}"


def _write(registry: CollectorRegistry, config: MetricsConfig) -> tuple[str | None, str | None]:
    """The file that was written, and why none was; whoever reads the folder sees the old file or the new one."""
    if config.file is None:
        return None, None
    path = Path(config.file)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, generate_latest(registry))
    except OSError as error:
        return None, _warned(f"{config.file} could not be written: {error.strerror}")
    return config.file, None


def _push(
    registry: CollectorRegistry, grouping: dict[str, str], config: MetricsConfig
) -> tuple[PushOutcome, str | None]:
    address = pushgateway_address(config.pushgateway)
    if address is None:
        return "no_gateway", None
    try:
        push_metrics(address, registry, job=config.job, grouping=grouping, timeout_s=config.timeout_s)
    except UnavailableError as error:
        if in_prefect() and int(task_run.run_count or 1) <= N_RETRIES:
            raise
        return "not_pushed", _warned(str(error))
    except BadInputError as error:
        return "not_pushed", _warned(str(error))
    return "pushed", None


def _warned(problem: str) -> str:
    log().warning("Prometheus was not given the figures: %s", problem)
    return problem
