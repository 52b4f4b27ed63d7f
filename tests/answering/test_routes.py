"""The route table is closed, and what it says is checked when it is read."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from millrace.answering.routes import RoutingTable
from millrace.errors import BadInputError
from millrace.records.rules import read_record
from tasks.sources import table_path

ROUTES = [
    {"name": "docs", "description": "Documents", "handler": "rag", "utterances": ["How does it work?"]},
    {"name": "numbers", "description": "Figures", "utterances": ["How many orders?", "Total sales"]},
]


def read(folder: Path, **changes: Any) -> RoutingTable:
    path = folder / "routes.yaml"
    path.write_text(yaml.safe_dump({"routes": ROUTES, "fallback": "docs"} | changes), encoding="utf-8")
    return read_record(path, RoutingTable)


def test_a_table_names_its_routes_in_order(tmp_path: Path) -> None:
    table = read(tmp_path)
    assert table.names == ["docs", "numbers"]
    assert table.named("numbers").handler is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fallback": "none"}, "'none' must be one of the routes"),
        ({"fallback": "numbers"}, "'numbers' must be one of the routes, and have a handler"),
        ({"routes": [*ROUTES, ROUTES[0] | {"utterances": ["Why?"]}]}, "route 'docs' is there twice"),
        ({"routes": [*ROUTES, ROUTES[0] | {"name": "more"}]}, "utterance 'how does it work?' is there twice"),
        ({"routes": [ROUTES[0] | {"utterances": ["  "]}]}, "at least 1 character"),
        ({"routes": [ROUTES[0] | {"utterances": []}]}, "at least 1 item"),
        ({"routes": [ROUTES[0] | {"handler": "magic"}]}, "'rag', 'direct' or 'escalate'"),
        ({"thresholds": [{"embedder": "x", "threshold": 2}]}, "less than or equal to 1"),
        ({"treshold": 0.5}, "Extra inputs are not permitted"),
    ],
)
def test_a_table_that_cannot_work_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError, match=r"routes\.yaml: field") as refused:
        read(tmp_path, **changes)
    assert message in str(refused.value)


def test_the_shipped_table_has_the_routes_that_are_promised() -> None:
    table = read_record(table_path("routes"), RoutingTable)
    handlers = {route.name: route.handler for route in table.routes}
    assert handlers == {
        "rag_knowledge_base": "rag",
        "direct_llm": "direct",
        "sql_structured_data": None,
        "api_lookup": None,
        "escalate_human": "escalate",
    }
    assert table.fallback == "rag_knowledge_base"
