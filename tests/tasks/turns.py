"""Any function as the body of a flow, called directly or through Prefect, and a stage to begin with."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
from prefect import flow

from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import table_of
from millrace.records.trace import HumanRating
from tasks.parts import write_dataset
from tasks.run import FlowConfig, recorded
from tasks.stage import stage

Turn = Callable[..., Any]


def ratings_table(n_rows: int, first: int = 0) -> pa.Table:
    rows = (
        HumanRating(trace_id=f"t{number}", dimension="faithfulness", annotator="a", value=number)
        for number in range(first, first + n_rows)
    )
    return table_of(HumanRating, rows)


@stage
def make_ratings(n_rows: int) -> DatasetRef:
    """A dataset to begin with; its i-th value is i."""
    return write_dataset("human_ratings", ratings_table(n_rows))


def plain_turn(body: Callable[[], Any], run_id: str = "run", **settings: Any) -> Any:
    @recorded("toy")
    def toy(config: FlowConfig, run_id: str) -> Any:
        return body()

    return toy(FlowConfig(**settings), run_id)


def prefect_turn(body: Callable[[], Any], run_id: str = "run", **settings: Any) -> Any:
    @flow(name="toy")
    @recorded("toy")
    def toy(config: FlowConfig, run_id: str) -> Any:
        return body()

    return toy(FlowConfig(**settings), run_id)
