"""A trace that was exported comes back from its file as it was, in every form, with nothing left out."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.cli.trace_files import LINES
from millrace.datasets.schema import rows_of
from millrace.ingestion.mapping import load_mapping
from millrace.ingestion.trace_import import ImportSettings, import_traces
from millrace.methods.redaction import RedactionRule, Redactor
from millrace.records.rules import read_rules
from millrace.records.trace import Trace
from tests.support.traces import FIELDS, TRACES

CONFIGS = Path(__file__).parents[2] / "configs"
REDACTOR = Redactor(read_rules(CONFIGS / "pii.yaml", RedactionRule))
MAPPINGS = {"otlp": "otlp", "langfuse": "langfuse", "jsonl": "millrace"}
SETTINGS = {
    form: ImportSettings(load_mapping(CONFIGS / "mappings" / f"{name}.yaml"), REDACTOR, tenant_id="other")
    for form, name in MAPPINGS.items()
}
FILES = st.lists(TRACES, min_size=1, max_size=3, unique_by=lambda trace: trace.trace_id)
SLOW = settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def imported(content: bytes, form: str, name: str = "traces.jsonl") -> list[Trace]:
    """What the file gives; nothing of it may be set aside."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        found = list(import_traces(path, SETTINGS[form]))
    assert [skip for part in found for skip in part.skips.to_pylist()] == []
    assert all(part.labels.num_rows == 0 for part in found)
    return [trace for part in found for trace in rows_of(Trace, part.traces)]


def test_every_field_that_a_trace_has_is_tried() -> None:
    assert Trace.model_fields.keys() == FIELDS


@pytest.mark.parametrize("form", sorted(MAPPINGS))
@SLOW
@given(FILES)
def test_traces_come_back_as_they_went_out(form: str, traces: list[Trace]) -> None:
    content = b"".join(LINES[form](trace) + b"\n" for trace in traces)

    assert imported(content, form) == traces


@SLOW
@given(FILES, st.data())
def test_the_spans_of_a_trace_may_lie_anywhere_in_an_otlp_file(traces: list[Trace], data: st.DataObject) -> None:
    documents = [json.loads(LINES["otlp"](trace)) for trace in traces]
    alone = [_with_one_span(document, index) for document in documents for index in range(_n_spans(document))]
    mixed = data.draw(st.permutations(alone))

    found = imported("\n".join(map(json.dumps, mixed)).encode(), "otlp")

    assert sorted(found, key=lambda trace: trace.trace_id) == sorted(traces, key=lambda trace: trace.trace_id)


@pytest.mark.parametrize(("form", "indent"), [("otlp", 2), ("otlp", None), ("langfuse", 2), ("langfuse", None)])
@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.too_slow])
@given(FILES)
def test_one_document_is_read_like_lines(form: str, indent: int | None, traces: list[Trace]) -> None:
    documents = [json.loads(LINES[form](trace)) for trace in traces]
    whole: Any = {"data": documents, "meta": {"page": 1}}
    if form == "otlp":
        whole = {"resourceSpans": [resource for document in documents for resource in document["resourceSpans"]]}

    assert imported(json.dumps(whole, indent=indent).encode(), form, "traces.json") == traces


def _n_spans(document: dict[str, Any]) -> int:
    return len(document["resourceSpans"][0]["scopeSpans"][0]["spans"])


def _with_one_span(document: dict[str, Any], index: int) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(document))
    scope = copy["resourceSpans"][0]["scopeSpans"][0]
    scope["spans"] = [scope["spans"][index]]
    return copy
