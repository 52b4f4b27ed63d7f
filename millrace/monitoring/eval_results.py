"""Evaluation results that can be held against each other, from a run's datasets or a file (A23)."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from millrace.errors import BadInputError, NotFoundError
from millrace.monitoring.promptfoo_results import is_promptfoo, promptfoo_layout, promptfoo_rows
from millrace.records.daily_report import MetricSummary

ROW_COLUMNS = ("question_key", "metric", "status", "value", "reason", "source")
ROWS = pa.schema([(name, pa.float64() if name == "value" else pa.string()) for name in ROW_COLUMNS])
_EXPECTED = "expected the report.json of a daily-eval run, or what `promptfoo eval -o results.json` writes"


@dataclass(frozen=True)
class MetricMean:
    """All that is known of a metric where single values are not: its mean, None where nothing was scored."""

    mean: float | None
    statuses: Mapping[str, int]
    source: str


@dataclass(frozen=True)
class EvalResult:
    """What one evaluation found.

    Attributes:
        name: as the user named it.
        kind: what it turned out to be, in words.
        rows: table under ``ROWS``, a row for each metric of each item; ``status`` as in MetricScore.
        means: metrics of which there are no rows.
    """

    name: str
    kind: str
    rows: pa.Table = field(default_factory=ROWS.empty_table)
    means: Mapping[str, MetricMean] = field(default_factory=dict)

    @property
    def metrics(self) -> list[str]:
        """Names of all metrics, sorted."""
        return sorted({*pc.unique(self.rows.column("metric")).to_pylist(), *self.means})

    def of(self, metric: str) -> pa.Table:
        """The rows of one metric."""
        return self.rows.filter(pc.equal(self.rows.column("metric"), metric))


def result_of_scores(name: str, kind: str, steps: Iterable[Iterable[pa.Table]]) -> EvalResult:
    """A run's metric scores as a result.

    Args:
        steps: for each step, in order, the parts of the MetricScore tables that it put out. A metric is taken from the
            last step that has it, so that a step which puts tables together counts nothing twice.
    """
    found: dict[str, pa.Table] = {}
    for parts in steps:
        rows = pa.concat_tables([ROWS.empty_table(), *(part.select(ROW_COLUMNS).cast(ROWS) for part in parts)])
        names = pc.unique(rows.column("metric")).to_pylist()
        found |= {metric: rows.filter(pc.equal(rows.column("metric"), metric)) for metric in names}
    return EvalResult(name, kind, pa.concat_tables([ROWS.empty_table(), *found.values()]))


def read_result_file(path: Path) -> EvalResult:
    """The result that a file holds; which kind of file it is is found out.

    Raises:
        NotFoundError: no such file.
        BadInputError: no JSON, or no kind of result that is known; the message says what was expected.
    """
    document = _read_json(path)
    if is_promptfoo(document):
        rows = pa.Table.from_pylist(promptfoo_rows(document, str(path)), schema=ROWS)
        return EvalResult(str(path), promptfoo_layout(document), rows)
    if isinstance(document, dict) and {"format", "metrics", "sampling"} <= document.keys():
        return EvalResult(str(path), "daily report (means only)", means=_report_means(document["metrics"], path))
    found = f"an object with {', '.join(sorted(document)[:6])}" if isinstance(document, dict) else "no JSON object"
    raise BadInputError(f"{path} holds {found}; {_EXPECTED}", file=str(path))


def together(results: Sequence[EvalResult]) -> EvalResult:
    """Several results of the same side as one.

    Raises:
        BadInputError: a metric is in two of them.
    """
    known: dict[str, str] = {}
    for result in results:
        for metric in result.metrics:
            if metric in known:
                raise BadInputError(
                    f"{metric} is in {known[metric]} and in {result.name}; give one of them", metric=metric
                )
            known[metric] = result.name
    names, kinds = (" + ".join(getattr(each, name) for each in results) for name in ("name", "kind"))
    means = {metric: mean for each in results for metric, mean in each.means.items()}
    return EvalResult(names, kinds, pa.concat_tables([ROWS.empty_table(), *(each.rows for each in results)]), means)


def _read_json(path: Path) -> Any:
    if not path.is_file():
        what = "is a folder, not a file" if path.is_dir() else "is not there"
        raise NotFoundError(f"{path} {what}; {_EXPECTED}", file=str(path))
    try:
        return json.loads(path.read_bytes(), parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{path} is no JSON ({error}); {_EXPECTED}", file=str(path)) from error


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is no number of JSON")


def _report_means(metrics: object, path: Path) -> dict[str, MetricMean]:
    try:
        summaries = [MetricSummary.model_validate(each) for each in metrics] if isinstance(metrics, list) else []
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise BadInputError(f"{path}: metrics are not those of a daily report: {where}: {first['msg']}") from error
    if not summaries:
        raise BadInputError(f"{path} is a daily report without metrics: there is nothing to compare", file=str(path))
    return {
        each.metric: MetricMean(each.mean.mean, {count.name: count.n for count in each.statuses}, each.source)
        for each in summaries
    }
