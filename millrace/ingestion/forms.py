"""Published forms of traces that a mapping can start from, beside rows of any form."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from millrace.ingestion import langfuse, otlp_trace
from millrace.ingestion.otlp import read_otlp
from millrace.ingestion.readers import Row, read_rows

FormName = Literal["otlp", "langfuse"]


def _no_ratings(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from ()


@dataclass(frozen=True)
class Form:
    """How files of a form are read: into rows, a row into what paths lead into, and that into fields and ratings.

    ``question`` says where the form looks for the question.
    """

    read: Callable[[Path], Iterator[list[Row]]]
    row: Callable[[dict[str, Any]], dict[str, Any]]
    values: Callable[[dict[str, Any]], dict[str, Any]]
    ratings: Callable[[dict[str, Any]], Iterator[dict[str, Any]]] = _no_ratings
    question: str = ""


FORMS: dict[FormName | None, Form] = {
    None: Form(read_rows, row=lambda row: row, values=lambda row: {}),
    "otlp": Form(
        read_otlp,
        otlp_trace.otlp_row,
        otlp_trace.otlp_values,
        question="gen_ai.input.messages of any span, or its events",
    ),
    "langfuse": Form(
        lambda path: read_rows(path, langfuse.LISTS),
        langfuse.langfuse_row,
        langfuse.langfuse_values,
        langfuse.langfuse_ratings,
        question="the input of the trace or of a generation",
    ),
}
