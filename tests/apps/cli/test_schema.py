"""``millrace schema``: what users validate their own files with."""

import json

import pytest

from millrace.records.kinds import KINDS
from millrace.records.trace import Trace


def test_the_kinds_are_listed(cli) -> None:
    listed = json.loads(cli("schema", "--json").out)
    assert [row["kind"] for row in listed] == list(KINDS)


def test_a_kinds_schema_is_its_records(cli) -> None:
    assert json.loads(cli("schema", "traces", "--json").out) == Trace.model_json_schema()
    assert json.loads(cli("schema", "traces").out) == Trace.model_json_schema()


@pytest.mark.parametrize("name", ["trace", ""])
def test_an_unknown_kind_is_refused_with_those_there_are(cli, name: str) -> None:
    result = cli("schema", name)
    assert result.code == 2
    assert "there are" in result.err
