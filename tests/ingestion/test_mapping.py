"""A mapping is closed, checked when it is loaded, and says what is wrong with a row by reason."""

from pathlib import Path

import pytest
import yaml

from millrace.errors import BadInputError, NotFoundError
from millrace.ingestion.mapping import TraceMapping, load_mapping
from millrace.records.trace import Trace

MAPPINGS = Path(__file__).parents[2] / "configs" / "mappings"
BASE: dict[str, object] = {"trace_id": "id", "question": "q"}


def _mapping(fields: dict[str, object] = BASE, **other: object) -> TraceMapping:
    return TraceMapping.model_validate({"name": "test", "fields": fields, **other})


def _refused(tmp_path: Path, content: object) -> BadInputError:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(BadInputError) as caught:
        load_mapping(path)
    assert "mine.yaml" in str(caught.value)
    return caught.value


def test_the_interchange_mapping_names_every_trace_field() -> None:
    mapping = load_mapping(MAPPINGS / "millrace.yaml")

    assert mapping.fields.keys() == Trace.model_fields.keys()
    assert mapping.closed


def test_a_mapping_survives_its_own_json() -> None:
    for path in sorted(MAPPINGS.glob("*.yaml")):
        mapping = load_mapping(path)
        assert TraceMapping.model_validate_json(mapping.model_dump_json()) == mapping


def test_an_unknown_trace_field_is_refused_with_field_and_file(tmp_path: Path) -> None:
    error = _refused(tmp_path, {"name": "x", "fields": BASE | {"anwser": "a"}})

    assert error.details == {"file": "mine.yaml", "field": "fields.anwser"}


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ({"name": "x", "fields": BASE | {"contexts": {"each": "c", "fields": {"txet": "t"}}}}, "'txet'"),
        ({"name": "x", "fields": BASE | {"answer": {"each": "c", "fields": {}}}}, "'answer' is no list of items"),
        ({"name": "x", "fields": BASE | {"answer": {"path": "a", "constant": "b"}}}, "constant"),
        ({"name": "x", "fields": BASE | {"answer": {"paht": "a"}}}, "expected a path"),
        ({"name": "x", "fields": BASE | {"answer": 3}}, "expected a path"),
        ({"name": "x", "fields": BASE | {"answer": "a["}}, "is no path"),
        ({"name": "x", "fields": BASE | {"answer": {"template": "none"}}}, "at least one {path}"),
        ({"name": "x", "fields": BASE | {"answer": {"template": "{a..b}"}}}, "is no path"),
        ({"name": "x", "fields": {"question": "q"}}, "'trace_id'"),
        ({"name": "x", "fields": {"trace_id": "q"}}, "'question'"),
        ({"name": "x", "fields": BASE, "conversation": {"path": "c", "speaker": "s", "text": "t"}}, "'question'"),
        ({"name": "x", "fields": BASE, "labels": [{"path": "h", "keys": ["dimension"]}]}, "annotator"),
        ({"name": "x", "fields": BASE, "labels": [{"path": "h", "keys": ["rater"]}]}, "labels.0.keys"),
        ({"name": "x", "fields": BASE, "feilds": {}}, "feilds"),
        ([1], "mapping"),
    ],
)
def test_a_bad_mapping_is_refused_at_once(tmp_path: Path, content: object, part: str) -> None:
    assert part in str(_refused(tmp_path, content))


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="absent"):
        load_mapping(tmp_path / "absent.yaml")
    (tmp_path / "broken.yaml").write_text("name: [", encoding="utf-8")
    with pytest.raises(BadInputError, match="broken"):
        load_mapping(tmp_path / "broken.yaml")


def test_each_kind_of_source_gives_its_value() -> None:
    mapping = _mapping(
        {
            "trace_id": {"template": "{run.id}:{n}"},
            "question": "q",
            "status": {"path": "state", "values": {"ok": "answered", "no": "abstained"}},
            "answered_by": {"constant": "bot"},
            "tenant_id": {"path": "tenant", "default": "t0"},
            "contexts": {"each": "hits[:2]", "fields": {"context_id": "k", "text": "v", "title": "h"}},
        }
    )
    row = {"run": {"id": "r"}, "n": 3, "q": "why?", "state": "no", "tenant": None}
    row |= {"hits": [{"k": "a", "v": "A"}, {"k": "b", "v": "B", "h": "H"}, {"k": "c"}]}

    assert mapping.trace_values(row) == {
        "trace_id": "r:3",
        "question": "why?",
        "status": "abstained",
        "answered_by": "bot",
        "tenant_id": "t0",
        "contexts": [{"context_id": "a", "text": "A"}, {"context_id": "b", "text": "B", "title": "H"}],
    }


@pytest.mark.parametrize(
    ("field", "source", "row", "reason"),
    [
        ("status", {"path": "s", "values": {"ok": "answered"}}, {"s": "secret"}, "unmapped_value"),
        ("status", {"path": "s", "values": {"ok": "answered"}}, {"s": 1}, "unmapped_value"),
        ("answer", {"template": "{s}"}, {}, "missing_field"),
        ("answer", {"template": "{s}"}, {"s": ["secret"]}, "wrong_type"),
        ("answer", {"template": "{s}"}, {"s": True}, "wrong_type"),
        ("contexts", {"each": "s", "fields": {}}, {"s": "secret"}, "wrong_type"),
    ],
)
def test_a_row_that_does_not_fit_has_a_reason_and_no_content(
    field: str, source: object, row: dict[str, object], reason: str
) -> None:
    with pytest.raises(BadInputError) as caught:
        _mapping(BASE | {field: source}).trace_values({"id": "1", "q": "?"} | row)

    assert caught.value.details["reason"] == reason
    assert "secret" not in str(caught.value)


CONVERSATION = {"path": "talk", "speaker": "who", "text": "said", "speakers": {"agent": "assistant"}}


def test_the_last_user_turn_is_the_question_and_the_turns_before_are_history() -> None:
    mapping = _mapping({"trace_id": "id"}, conversation=CONVERSATION)
    talk = [("user", "a"), ("agent", "b"), ("user", "c"), ("agent", "d")]

    values = mapping.trace_values({"id": "1", "talk": [{"who": who, "said": said} for who, said in talk]})

    assert values["question"] == "c"
    assert values["history"] == [{"speaker": "user", "text": "a"}, {"speaker": "assistant", "text": "b"}]


@pytest.mark.parametrize("talk", [None, "text", [], [{"who": "agent", "said": "b"}], [{"who": "user"}], [3]])
def test_a_conversation_without_a_user_turn_has_no_question(talk: object) -> None:
    mapping = _mapping({"trace_id": "id"}, conversation=CONVERSATION)

    with pytest.raises(BadInputError) as caught:
        mapping.trace_values({"id": "1", "talk": talk})

    assert caught.value.details["reason"] == "missing_field"


def test_ratings_are_read_from_nested_keys_and_constants() -> None:
    labels = [
        {"path": "human", "keys": ["annotator", "dimension"]},
        {"path": "thumb", "dimension": "liked", "annotator": "user"},
    ]
    row = {"human": {"ann": {"tone": 2, "truth": None}, "bob": {"tone": 4}}, "thumb": 1}

    ratings = _mapping(labels=labels).ratings(row, "t1")

    assert [(rating.trace_id, rating.annotator, rating.dimension, rating.value) for rating in ratings] == [
        ("t1", "ann", "tone", 2.0),
        ("t1", "bob", "tone", 4.0),
        ("t1", "user", "liked", 1.0),
    ]
    assert _mapping(labels=labels).ratings({}, "t1") == []


def test_a_closed_mapping_refuses_fields_it_does_not_name() -> None:
    mapping = _mapping(closed=True, labels=[{"path": "human", "keys": ["dimension", "annotator"]}])

    assert mapping.trace_values({"id": "1", "q": "?", "human": {}}) == {"trace_id": "1", "question": "?"}
    with pytest.raises(BadInputError, match="does not name"):
        mapping.trace_values({"id": "1", "q": "?", "other": 1})
