"""A line is a document or a skip row with the reason, whatever it holds."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from millrace.datasets.schema import table_of
from millrace.ingestion.extracted import Owner
from millrace.ingestion.jsonl import read_jsonl
from millrace.records.document import Document
from millrace.records.trace import SkipRow


def read(path: Path, *lines: str | bytes) -> list[Document | SkipRow]:
    path.write_bytes(b"\n".join(line.encode() if isinstance(line, str) else line for line in lines))
    return list(read_jsonl(path, path.name, Owner("acme", "ops", {}), lambda _tenant, _doc: True))


def line(**fields: Any) -> str:
    return json.dumps({"doc_id": "a", "text": "Some text."} | fields)


def test_a_line_says_whose_it_is_or_belongs_to_the_folders_owner(tmp_path: Path) -> None:
    own, given_ = read(tmp_path / "d.jsonl", line(tenant_id="mill", user_id="ann", title="T"), line())
    assert isinstance(own, Document)
    assert isinstance(given_, Document)
    assert (own.tenant_id, own.user_id, own.title, own.source) == ("mill", "ann", "T", "d.jsonl")
    assert (given_.tenant_id, given_.user_id, given_.title) == ("acme", "ops", "a")


def test_a_text_is_plain_unless_the_line_calls_it_markdown(tmp_path: Path) -> None:
    found = read(tmp_path / "d.jsonl", line(), line(markup="markdown"), line(text="a\r\nb"))
    assert [item.markup for item in found if isinstance(item, Document)] == ["text", "markdown", "text"]
    assert isinstance(found[2], Document)
    assert found[2].text == "a\nb"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "not_json"),
        ("[]", "not_an_object"),
        ('{"doc_id": "a"}', "missing_field"),
        (line(text=1), "wrong_type"),
        (line(doc_id="x" * 513), "too_long"),
        (line(tenant_id="x" * 513), "too_long"),
        (line(markup="rtf"), "wrong_type"),
        (line(metadata=["a"]), "wrong_type"),
        (line(metadata={"a": {"b": 1}}), "wrong_type"),
        (line(metadata={"": "x"}), "too_long"),
        (line(metadata={"a": "x" * 1025}), "too_long"),
        (line(metadata={str(number): "x" for number in range(33)}), "too_many"),
        ('{"doc_id": "a", "text": "\\ud800"}', "lone_surrogate"),
        (line(metadata={"a": "\ud800"}), "lone_surrogate"),
        (b'{"doc_id": "a", "text": "\xff"}', "not_json"),
    ],
)
def test_a_wrong_line_is_a_skip_row_with_line_and_reason_and_the_others_are_taken(
    tmp_path: Path, content: str | bytes, reason: str
) -> None:
    first, skip, last = read(tmp_path / "d.jsonl", line(), content, line())
    assert isinstance(first, Document)
    assert isinstance(last, Document)
    assert isinstance(skip, SkipRow)
    assert (skip.line, skip.reason) == (2, reason)


_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters())),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=3), inner, max_size=2)),
    max_leaves=4,
)
_FIELDS = st.sampled_from(["doc_id", "text", "title", "tenant_id", "user_id", "markup", "metadata", "other"])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(_FIELDS, _VALUES))
def test_any_object_is_a_document_that_can_be_stored_or_a_skip_row(tmp_path: Path, fields: dict[str, Any]) -> None:
    for item in read(tmp_path / "d.jsonl", line(**fields)):
        assert isinstance(item, Document | SkipRow)
        assert table_of(type(item), [item]).num_rows == 1
