"""Texts in shards become one record at their root, and every shard of a broken tree is a skip."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from millrace.distillation import collect, collect_trees
from millrace.distillation.collect import file_jobs, records_at
from millrace.distillation.evidence import EvidenceBatch
from millrace.distillation.stream_mapping import StreamMapping

MAPPING = StreamMapping.model_validate(
    {
        "stream": "pad", "task_id": "task", "recorded_at": "at", "role": {"constant": "r"}, "text": "text",
        "markers": {"verdict": "verdict"}, "tree": {"node": "node", "parent": "parent", "position": "position"},
    }
)  # fmt: skip
ROOT = {"node": "a", "task": "t", "at": "2024-05-01T12:00:00Z", "text": "one ", "verdict": "accepted"}
SECOND = {"node": "b", "parent": "a", "position": 1, "text": "two "}
THIRD = {"node": 3, "parent": "a", "position": 2, "text": "three"}
PLAIN = {"task": "p", "at": "2024-05-01T12:00:00Z", "text": "plain"}


def written(tmp_path: Path, *rows: Any) -> Path:
    path = tmp_path / "f.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
    return path


def batches(path: Path, mapping: StreamMapping = MAPPING) -> list[EvidenceBatch]:
    return [job() for job in file_jobs(path, "f", mapping, None, None, None)]


def test_shards_anywhere_in_the_file_are_one_record_at_the_root(tmp_path: Path) -> None:
    path = written(tmp_path, THIRD, PLAIN, ROOT, SECOND)
    plain, trees = batches(path)
    assert plain.evidence.column("text").to_pylist() == ["plain"]
    assert (plain.skips.num_rows, trees.skips.num_rows) == (0, 0)
    (found,) = trees.evidence.to_pylist()
    hashes = [hashlib.sha256(json.dumps(each).encode()).hexdigest() for each in (ROOT, SECOND, THIRD)]
    assert (found["text"], found["task_id"], found["row_hash"]) == ("one two three", "t", hashes[0])
    assert found["source_offset"] == len(json.dumps(THIRD)) + len(json.dumps(PLAIN)) + 2
    assert {each["name"]: each["value"] for each in found["markers"]} == {
        "verdict": "accepted",
        "shards": "3",
        "shards_hash": hashlib.sha256("".join(hashes).encode()).hexdigest(),
    }
    assert records_at(path, "f", found["source_offset"], MAPPING, None, None, None) == trees.evidence
    assert records_at(path, "f", 0, MAPPING, None, None, None).num_rows == 0
    assert records_at(path, "f", len(json.dumps(THIRD)) + 1, MAPPING, None, None, None) == plain.evidence


def test_two_texts_of_a_file_are_two_records_in_the_order_of_their_roots(tmp_path: Path) -> None:
    child = {"node": "y", "parent": "x", "position": 0, "text": "!"}
    _, trees = batches(written(tmp_path, child, ROOT, SECOND, ROOT | {"node": "x", "text": "other"}))
    assert trees.evidence.column("text").to_pylist() == ["one two ", "other!"]


@pytest.mark.parametrize(
    ("rows", "n_broken"),
    [
        ([ROOT, SECOND, THIRD | {"parent": "lost"}], 1),
        ([ROOT, SECOND | {"parent": 3}, THIRD | {"parent": "b"}], 2),
        ([ROOT, SECOND, THIRD | {"position": 1}], 3),
        ([ROOT, ROOT, SECOND], 3),
        ([ROOT, SECOND, THIRD | {"text": 7}], 1),
        ([ROOT, SECOND, THIRD | {"parent": ["a"]}], 1),
        ([ROOT, SECOND, THIRD | {"position": 1.5}], 3),
    ],
)
def test_each_shard_of_a_broken_tree_is_a_skip(tmp_path: Path, rows: list[dict[str, object]], n_broken: int) -> None:
    plain, trees = batches(written(tmp_path, PLAIN, *rows))
    assert plain.evidence.num_rows == 1
    assert trees.skips.column("reason").to_pylist() == ["broken_tree"] * n_broken
    assert trees.evidence.num_rows == (1 if n_broken < 3 else 0)
    lines = trees.skips.column("line").to_pylist()
    assert lines == sorted(set(lines))
    row_hash = hashlib.sha256(json.dumps(rows[lines[-1] - 2]).encode()).hexdigest()
    assert trees.skips.column("row_hash").to_pylist()[-1] == row_hash


def test_a_root_without_provenance_takes_its_shards_with_it(tmp_path: Path) -> None:
    _, trees = batches(written(tmp_path, SECOND, {"node": "a", "task": "t", "text": ""}))
    assert trees.skips.column("reason").to_pylist() == ["broken_tree", "missing_provenance"]
    _, textless = batches(written(tmp_path, {**ROOT, "text": None}, {**SECOND, "text": None}))
    assert textless.skips.column("message").to_pylist()[0] == "text: the row does not say it"


def test_rows_that_are_no_json_or_name_no_shard_are_left_to_the_other_jobs(tmp_path: Path) -> None:
    escaped = json.dumps(SECOND).replace('"node"', '"\\u006eode"')
    bad = PLAIN | {"node": [1]}
    plain, trees = batches(written(tmp_path, ROOT, "{node", PLAIN | {"node": None}, PLAIN | {"node": ""}, bad, escaped))
    assert (plain.evidence.num_rows, plain.skips.column("line").to_pylist()) == (2, [2, 5])
    assert trees.evidence.column("text").to_pylist() == ["one two "]
    assert trees.skips.num_rows == 0


def test_shards_are_found_across_ranges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, *[PLAIN] * 5, SECOND, ROOT, *[PLAIN] * 5)
    whole = batches(path)[-1].evidence
    monkeypatch.setattr(collect, "RANGE_BYTES", 100)
    monkeypatch.setattr(collect_trees, "RANGE_BYTES", 100)
    cut = batches(path)
    assert len(cut) > 3
    assert cut[-1].evidence == whole
    assert pa.concat_tables([batch.evidence for batch in cut]).num_rows == 11
