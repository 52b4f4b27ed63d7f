"""A small flow of real stages and effects, for the tests of the command line."""

from pathlib import Path

from prefect import flow
from pydantic import Field

from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import table_of
from millrace.errors import BadInputError
from millrace.records.base import Record
from millrace.records.trace import HumanRating
from tasks.approval import ask_person
from tasks.effect import effect
from tasks.parts import read_dataset, write_dataset
from tasks.run import FlowConfig, recorded
from tasks.stage import stage

OFFSET = [0.0]  # a test changes it, to play a stage that does not give the same twice


class Nested(Record):
    depth: int = Field(1, ge=1, le=9)


class ToyFlowConfig(FlowConfig):
    n_rows: int = Field(3, ge=1, description="Ratings to make")
    ask: bool = False
    fail: bool = False
    folder: str | None = None
    nested: Nested = Nested()


class ToyFlowResult(Record):
    status: str
    reason: str | None = None


class Report(Record):
    markdown: str
    html: str
    json_file: str


@stage
def make_ratings(n_rows: int) -> DatasetRef:
    names = {"dimension": "faithfulness", "annotator": "a"}
    rows = [HumanRating(trace_id=f"t{index}", value=index, **names) for index in range(n_rows)]
    return write_dataset("human_ratings", table_of(HumanRating, rows))


@stage
def shift_ratings(ratings: DatasetRef, by: float) -> DatasetRef:
    table = read_dataset(ratings).to_arrow()
    shifted = [row | {"value": row["value"] + by + OFFSET[0]} for row in table.to_pylist()]
    return write_dataset("human_ratings", table_of(HumanRating, [HumanRating(**row) for row in shifted]))


@effect
def publish_report(folder: str) -> Report:
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    files = {"markdown": "report.md", "html": "report.html", "json_file": "report.json"}
    for name in files.values():
        (place / name).write_text(f"# Toy report in {name}\n")
    return Report(**{form: str(place / name) for form, name in files.items()})


@flow(name="toy-flow", persist_result=True, result_serializer="json")
@recorded("toy-flow")
def toy_flow(config: ToyFlowConfig, run_id: str | None = None) -> ToyFlowResult:
    """Make ratings, shift them, perhaps ask, perhaps report."""
    ratings = make_ratings(config.n_rows)
    print("a library that prints")  # noqa: T201
    if config.fail:
        raise BadInputError("the toy was told to fail; tell it not to", toy=True)
    shift_ratings(ratings, 1.0)
    if config.ask and not ask_person("Approve the toy?", "It made **ratings**.", permission="approve_week").approved:
        return ToyFlowResult(status="rejected", reason="as decided")
    if config.folder:
        publish_report(config.folder)
    return ToyFlowResult(status="completed")
