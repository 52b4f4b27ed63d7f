"""A mapping is closed and says where it is wrong; the bundled ones read the data they are named after."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from millrace.distillation.collect import file_jobs
from millrace.distillation.stream_mapping import StreamMapping, read_stream_mapping
from millrace.errors import BadInputError, NotFoundError
from millrace.records.evidence import Evidence

STREAMS = Path(__file__).parents[2] / "configs" / "streams"
SHARED = Path(__file__).parents[2].parent / "shared" / "data"
TIME = datetime(2024, 1, 1, tzinfo=UTC)
LEAST: dict[str, Any] = {"stream": "s", "task_id": "id", "role": {"constant": "r"}, "text": "text"}


def read(tmp_path: Path, content: object) -> StreamMapping:
    path = tmp_path / "m.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return read_stream_mapping(path)


def rows(path: Path, mapping: StreamMapping) -> list[dict[str, Any]]:
    tables = [job().evidence for job in file_jobs(path, path.name, mapping, None, TIME, None)]
    found: list[dict[str, Any]] = pa.concat_tables(tables).to_pylist()
    return found


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (LEAST | {"answer": "x"}, r"m\.yaml: answer: Extra inputs"),
        ({"stream": "s", "role": "r", "text": "t"}, "nothing says where 'task_id' comes from"),
        (LEAST | {"stream": ""}, r"m\.yaml: stream: "),
        (LEAST | {"text": "a..b"}, r"m\.yaml: text.*'a\.\.b' is no path"),
        (LEAST | {"text": {"pth": "a"}}, "expected a path, or one of the keys path, constant, template, first"),
        (LEAST | {"text": {"template": "fixed"}}, "for a fixed text use constant"),
        (LEAST | {"text": {"first": []}}, r"m\.yaml: text\.first\.first"),
        (LEAST | {"markers": {"a": {"path": "a", "aggregate": "median"}}}, r"m\.yaml: markers\.a\.aggregate"),
        (LEAST | {"conversation": {"path": "c"}, "prompt": "p"}, "'prompt' is given by the conversation already"),
        (LEAST | {"evidence_id": "id", "records": [{}, {"text": "b"}]}, "evidence_id: each of several records"),
        (LEAST | {"records": [{}, {}], "tree": {"node": "n", "parent": "p", "position": "o"}}, "the rows of a tree"),
        (LEAST | {"tree": {"node": "n", "parent": "p"}}, r"m\.yaml: tree\.position: Field required"),
        ("stream: [", "cannot be read as YAML"),
        ("- a", r"m\.yaml: mapping: "),
    ],
)
def test_a_mapping_that_is_wrong_is_refused_by_file_and_field(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        read(tmp_path, content)


def test_a_mapping_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no mapping file absent\.yaml"):
        read_stream_mapping(tmp_path / "absent.yaml")


def test_yes_and_no_are_words_and_true_is_a_truth_value(tmp_path: Path) -> None:
    markers = "markers: {m: {path: p, values: {yes: no, true: true, 2: 3}}}"
    source = read(tmp_path, f"stream: s\ntask_id: id\nrole: {{constant: r}}\ntext: t\n{markers}").markers["m"]
    assert source.model_dump()["values"] == {"yes": "no", "true": True, "2": 3}


def test_a_mapping_is_the_same_after_it_was_stored() -> None:
    for path in STREAMS.glob("*.yaml"):
        mapping = read_stream_mapping(path)
        again = StreamMapping.model_validate(json.loads(mapping.model_dump_json()))
        assert (again, again.variants) == (mapping, mapping.variants)


def test_one_of_several_records_takes_what_it_does_not_name_from_the_row() -> None:
    shared = LEAST | {"markers": {"a": "x", "b": "x"}, "conversation": {"path": "turns"}}
    own = {"prompt": "q", "text": "second", "markers": {"b": "y"}}
    first, second = StreamMapping.model_validate(shared | {"records": [{}, own]}).variants
    assert (first.conversation is None, second.conversation is None) == (False, True)
    assert {name: source.paths[0].text for name, source in second.markers.items()} == {"a": "x", "b": "y"}
    assert second.text is not None
    assert [path.text for path in second.text.paths] == ["second"]


def test_the_plain_form_names_its_fields_as_evidence_does(tmp_path: Path) -> None:
    record = Evidence(
        evidence_id="e", stream="other", source_file="f", source_offset=3, row_hash="0" * 64, sig_hash="1" * 64,
        recorded_at=TIME, run_id="run", task_id="t", subject="s", producer="p", role="r", tenant_id="acme", user_id="u",
        prompt="Q?", history=[{"speaker": "user", "text": "Hi."}], contexts=["c"], text="A.", claimed_files=["a.py"],
        markers=[{"name": "m", "value": "4.0", "number": 4}], split="eval",
    )  # fmt: skip
    path = tmp_path / "f.jsonl"
    path.write_text(record.model_dump_json())
    (found,) = rows(path, read_stream_mapping(STREAMS / "evidence.yaml"))
    changed = {"stream", "source_file", "source_offset", "row_hash", "sig_hash"}
    kept = {name: value for name, value in record.model_dump().items() if name not in changed}
    assert {name: value for name, value in found.items() if name not in changed} == kept
    assert found["stream"] == "evidence"


def test_a_conversation_gives_prompt_and_history_up_to_its_last_user_turn(tmp_path: Path) -> None:
    turns = [("user", "1"), ("agent", "2"), ("user", "3"), ("agent", "4")]
    conversation = [{"speaker": speaker, "text": text} for speaker, text in turns]
    path = tmp_path / "f.jsonl"
    least = {"task_id": "t", "response": "r"}
    given = {**least, "conversation": conversation, "human": {"a": {"x": "3", "y": None}}}
    path.write_text(json.dumps(given) + "\n" + json.dumps({**least, "conversation": conversation[1:2]}))
    (found,) = rows(path, read_stream_mapping(STREAMS / "mtrag.yaml"))
    assert found["prompt"] == "3"
    assert [(turn["speaker"], turn["text"]) for turn in found["history"]] == [("user", "1"), ("assistant", "2")]
    numbers = {each["name"]: each["number"] for each in found["markers"]}
    assert numbers == {"ratings_min": 3, "ratings_mean": 3, "ratings_n": 1}


@pytest.mark.shared_data
@pytest.mark.skipif(not SHARED.is_dir(), reason="the real data lies beside the project's checkout only")
def test_mtrag_is_read_with_its_ratings() -> None:
    source = SHARED / "mtrag" / "responses_human.jsonl"
    found = rows(source, read_stream_mapping(STREAMS / "mtrag.yaml"))
    given = [json.loads(line) for line in source.read_text().splitlines()]
    assert len(found) == 276
    ratings = [[int(value) for people in row["human"].values() for value in people.values()] for row in given]
    markers = [{each["name"]: each["number"] for each in row["markers"]} for row in found]
    assert [each["ratings_min"] for each in markers] == [min(each) for each in ratings]
    assert [each["ratings_n"] for each in markers] == [len(each) for each in ratings]
    faithful = [min(map(int, row["human"]["faithfulness"].values())) for row in given]
    assert [each["faithfulness_min"] for each in markers] == faithful
    assert [row["prompt"] for row in found] == [row["conversation"][-1]["text"] for row in given]
    assert [len(row["contexts"]) for row in found] == [len(row["contexts"]) for row in given]


@pytest.mark.shared_data
@pytest.mark.skipif(not SHARED.is_dir(), reason="the real data lies beside the project's checkout only")
def test_halueval_and_llmbar_are_read_with_their_labels() -> None:
    answers = rows(SHARED / "halueval_general" / "general_data.jsonl", read_stream_mapping(STREAMS / "halueval.yaml"))
    labels = Counter(row["markers"][0]["value"] for row in answers)
    # One of the 4 507 rows has an empty id; the published share of hallucinations is 815 of 4 507.
    assert (len(answers), labels["yes"]) == (4506, 815)
    outputs = rows(SHARED / "llmbar" / "instances.jsonl", read_stream_mapping(STREAMS / "llmbar.yaml"))
    given = [json.loads(line) for line in (SHARED / "llmbar" / "instances.jsonl").read_text().splitlines()]
    preferred = [
        row["text"] for row in outputs if {"name": "preferred", "value": "true", "number": 1} in row["markers"]
    ]
    assert len(outputs) == 200
    assert preferred == [row[f"output_{row['label']}"] for row in given]
    assert len({row["evidence_id"] for row in outputs}) == 200
