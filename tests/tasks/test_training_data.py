"""The three exports as stages: over part boundaries, with the files that exist, resumed, and equal twice."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from millrace.datasets.manifest import DatasetRef
from millrace.distillation.config import PreferenceConfig, RagConfig, SftConfig
from millrace.distillation.judged_records import EVAL_EXAMPLE, UNKNOWN_FILE
from millrace.distillation.texts import column_keys, short_keys
from millrace.errors import BadInputError
from millrace.records.source import SourceRef
from tasks import training_data
from tasks.effect import effect
from tasks.home import Home
from tasks.parts import write_parts, write_tables
from tasks.sources import source_ref
from tasks.stage import stage
from tasks.training_data import (
    ExportedRows,
    export_preference,
    export_rag,
    export_sft,
    known_files_of,
    scored_evidence,
)
from tests.support.judged_evidence import contamination, judged, record
from tests.tasks.turns import Turn

CATEGORIES = ["accepted", "rejected", "partially_accepted", "needs_human_review"]


def forty() -> list[dict[str, Any]]:
    """Ten tasks with a record of each category; row 20 repeats the id of row 0, row 4 is contaminated."""
    rows = [
        record(n, CATEGORIES[n % 4], task_id=f"t{n % 10}", stream="ab"[n % 2], text=f"Answer {n}.") for n in range(40)
    ]
    rows[20]["evidence_id"] = "e0"
    rows[8]["text"] = "In src/ghost.py."
    return rows


@pytest.fixture
def inputs() -> Callable[[], list[DatasetRef]]:
    """Evidence in parts of 7 rows and scores in parts of 9."""

    @stage
    def bring() -> list[DatasetRef]:
        given = judged(*forty())
        cut = [
            write_parts([partial(dict, **{kind: table[at : at + n]}) for at in range(0, 40, n)], [kind])[kind]
            for kind, table, n in (("evidence", given.evidence, 7), ("evidence_scores", given.scores, 9))
        ]
        return [*cut, *write_tables(contamination=contamination("e4"))]

    return bring


def rows(home: Home, ref: DatasetRef) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = home.datasets.open(ref).to_arrow().to_pylist()
    return found


@pytest.fixture
def files(tmp_path: Path) -> SourceRef:
    for name in ("src/app.py", ".git/config.py"):
        (tmp_path / "repository" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "repository" / name).write_text("")
    return source_ref(str(tmp_path / "repository"))


def test_rag_and_sft_take_or_refuse_every_row(
    turn: Turn, home: Home, inputs: Callable[[], list[DatasetRef]], files: SourceRef
) -> None:
    rag, sft = turn(
        lambda: (export_rag(*(given := inputs()), files, RagConfig()), export_sft(*given, files, SftConfig()))
    )
    assert [row["provenance"]["source_offset"] // 100 for row in rows(home, sft.rows)] == [0, 12, 16, 24, 28, 32, 36]
    assert sft.reasons == {
        "category_disallowed": 10,
        "duplicate_id": 1,
        "eval_contamination": 1,
        "hallucinated_file_path": 1,
        "unsafe_for_sft": 20,
    }
    assert sft.rows.rows + sft.quarantine.rows == rag.rows.rows + rag.quarantine.rows == 40
    assert rag.rows.rows == 17
    assert (sft.streams, rag.streams) == ({"a": 7}, {"a": 17})
    refused = rows(home, sft.quarantine)
    assert [row["source_offset"] for row in refused] == sorted(row["source_offset"] for row in refused)
    assert {row["export"] for row in refused} == {"sft"}


def test_pairs_of_far_parts_are_found_and_the_sides_that_are_refused(
    turn: Turn, home: Home, inputs: Callable[[], list[DatasetRef]], files: SourceRef
) -> None:
    found = turn(lambda: export_preference(*inputs(), files, PreferenceConfig()))
    by_id = {row["evidence_id"]: row for row in reversed(forty())}
    pairs = rows(home, found.rows)
    assert {row["basis"] for row in pairs} == {"task"}
    for row in pairs:
        one, other = by_id[row["chosen_id"]], by_id[row["rejected_id"]]
        assert one["task_id"] == other["task_id"] == row["task_id"]
        assert row["chosen"][0]["content"] == one["text"]
        assert row["rejected"][0]["content"] == other["text"]
        assert (row["chosen_category"], row["rejected_category"]) == (one["category"], other["category"])
    singles = {row["evidence_id"]: row["reason"] for row in rows(home, found.quarantine) if row["other_id"] is None}
    assert singles == {"e4": "eval_contamination", "e8": "hallucinated_file_path", "e0": "duplicate_id"}
    assert found.reasons == {"duplicate_id": 1, "eval_contamination": 1, "hallucinated_file_path": 1}
    assert found.streams == {"a": len(pairs)}
    assert len(pairs) > 5


def test_a_record_that_none_could_be_paired_with_is_passed_over(plain: Turn) -> None:
    @stage
    def bring() -> list[DatasetRef]:
        given = judged(record(0, task_id="t"), record(1, split="eval"), record(2, "rejected", task_id="t"))
        return write_tables(evidence=given.evidence, evidence_scores=given.scores, contamination=contamination())

    found = plain(lambda: export_preference(*bring(), None, PreferenceConfig()))
    assert (found.rows.rows, found.quarantine.rows) == (1, 0)


def test_jobs_and_workers_change_nothing(
    plain: Turn, home: Home, inputs: Callable[[], list[DatasetRef]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def everything() -> list[ExportedRows]:
        given = inputs()
        return [
            export_rag(*given, None, RagConfig()),
            export_sft(*given, None, SftConfig()),
            export_preference(*given, None, PreferenceConfig()),
        ]

    one = plain(everything, "one")
    contents = [rows(home, ref) for each in one for ref in (each.rows, each.quarantine)]
    other_home = Home(tmp_path / "other")
    other_home.root.mkdir()
    monkeypatch.setenv("MILLRACE_HOME", str(other_home.root))
    monkeypatch.setattr(training_data, "_JOB_ROWS", 10)
    monkeypatch.setattr(training_data, "_JOB_PAIRS", 3)
    two = plain(everything, "two", workers=5)
    assert [rows(other_home, ref) for each in two for ref in (each.rows, each.quarantine)] == contents
    assert [(each.reasons, each.streams) for each in one] == [(each.reasons, each.streams) for each in two]


def test_no_evidence_is_no_training_data(plain: Turn) -> None:
    @stage
    def nothing() -> list[DatasetRef]:
        given = judged()
        return write_tables(evidence=given.evidence, evidence_scores=given.scores, contamination=contamination())

    def everything() -> list[ExportedRows]:
        given = nothing()
        return [
            export_rag(*given, None, RagConfig()),
            export_sft(*given, None, SftConfig()),
            export_preference(*given, None, PreferenceConfig()),
        ]

    assert [(each.rows.rows, each.quarantine.rows, each.reasons) for each in plain(everything)] == [(0, 0, {})] * 3


def test_scores_of_other_evidence_are_refused(plain: Turn) -> None:
    @stage
    def unlike() -> list[DatasetRef]:
        given = judged(record(0), record(1))
        return write_tables(evidence=given.evidence, evidence_scores=given.scores[:1], contamination=contamination())

    for exporter, config in ((export_rag, RagConfig()), (export_preference, PreferenceConfig())):
        with pytest.raises(BadInputError, match="score it again"):
            plain(lambda exporter=exporter, config=config: exporter(*unlike(), None, config))


def test_the_third_wall_is_given_every_row_with_its_score(
    plain: Turn, inputs: Callable[[], list[DatasetRef]], files: SourceRef
) -> None:
    @effect
    def look(given: list[DatasetRef]) -> list[list[int]]:
        judged_by = scored_evidence(*given).keys(known_files_of(files))
        rows = judged_by.places(column_keys(pa.array([f"e{n}" for n in range(40)])))
        accepted = short_keys(pa.array(["accepted"]))[0]
        return [
            [int(place) for place in np.flatnonzero(found)]
            for found in (
                rows < 0,
                judged_by.categories[rows] == accepted,
                judged_by.faults[rows] == EVAL_EXAMPLE,
                judged_by.faults[rows] == UNKNOWN_FILE,
            )
        ]

    unknown, accepted, contaminated, ghosts = plain(lambda: look(inputs()))
    assert unknown == [20]
    assert accepted == [n for n in range(0, 40, 4) if n != 20]
    assert (contaminated, ghosts) == ([4], [8])


def test_known_files_are_a_folder_or_a_list(tmp_path: Path, files: SourceRef) -> None:
    folder = known_files_of(files)
    assert (folder.holds("src/app.py"), folder.holds("src/b.py"), folder.holds(".git/x.py")) == (True, False, True)
    listing = tmp_path / "files.txt"
    listing.write_text("\ufeffsrc/app.py\r\n\n docs/a.md \n")
    named = known_files_of(source_ref(str(listing)))
    assert (named.holds("src/app.py"), named.holds("docs/a.md"), named.holds(".git/x.py")) == (True, True, False)
    listing.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInputError, match="no text file of paths"):
        known_files_of(source_ref(str(listing)))
