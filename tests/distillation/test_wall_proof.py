"""The third wall in one pass: it proves what is right and nothing that is wrong; ``check_written`` then says what."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from millrace.datasets.schema import conform
from millrace.distillation import wall_proof
from millrace.distillation.claimed_files import KnownFiles
from millrace.distillation.config import ExportConfig, PreferenceConfig, RagConfig, SftConfig
from millrace.distillation.export_files import write_data
from millrace.distillation.export_form import MODEL
from millrace.distillation.judged_records import JudgedRecords
from millrace.distillation.wall_proof import check_exports, proved
from millrace.distillation.written_sides import _equal_forms
from millrace.errors import LeakError
from millrace.records.evidence import Export
from tests.distillation.test_walls import CASES, KNOWN, Leak, built
from tests.support.judged_evidence import Judged, for_the_wall, judged, record, turn

ALL: dict[Export, tuple[list[int], list[int]]] = {
    "rag": ([0, 1, 5], []),
    "sft": ([0, 1], []),
    "preference": ([1, 0], [3, 2]),
}
Change = Callable[[list[dict[str, Any]]], object]


@pytest.fixture
def good() -> Judged:
    """Two accepted records of two tasks, one with turns before it, and a rejected one beside each."""
    history = [turn("user", "Hello"), turn("assistant", "Good day.")]
    return judged(
        record(0, task_id="a"),
        record(1, task_id="b", history=history, tenant_id="mill"),
        record(2, "rejected", task_id="a", text="Never."),
        record(3, "rejected", task_id="b", history=history, tenant_id="mill", prompt=None, text="No idea."),
        record(4, "needs_human_review"),
        record(5, "partially_accepted"),
    )


class Files:
    """Exports written below a folder, and the evidence to judge them by, in parts of ``part_rows``."""

    def __init__(self, folder: Path, given: Judged, contaminated: tuple[str, ...] = (), part_rows: int = 2) -> None:
        self.folder, self.given = folder, given
        self.n_read = 0
        self._table = for_the_wall(given, contaminated)
        self._part_rows = part_rows
        self.exports: list[Export] = []

    def write(
        self, export: Export, rows: list[int], others: list[int] | None = None, change: Change | None = None
    ) -> None:
        (self.folder / export).mkdir()
        table = built(export, self.given, rows, others or [])
        if change is not None:
            lines = table.to_pylist()
            change(lines)
            table = conform(MODEL[export], pa.Table.from_pylist(lines, schema=table.schema), nullable=True)  # type: ignore[arg-type]
        write_data(self.folder / export, export, [table])
        self.exports.append(export)

    def judged(self) -> JudgedRecords:
        def tables() -> Iterator[pa.Table]:
            self.n_read += 1
            for start in range(0, self._table.num_rows, self._part_rows):
                yield self._table.slice(start, self._part_rows)

        return JudgedRecords(tables)

    def proved(self, config: ExportConfig | None = None, known: KnownFiles | None = None, workers: int = 2) -> bool:
        return proved(self.folder, self.exports, self.judged(), config or ExportConfig(), known, workers)

    def check(self, config: ExportConfig | None = None, known: KnownFiles | None = None) -> None:
        check_exports(self.folder, self.exports, self.judged(), config or ExportConfig(), known)


@pytest.mark.parametrize("part_rows", [1, 2, 6])
@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_right_is_proved_in_one_pass(tmp_path: Path, good: Judged, part_rows: int, workers: int) -> None:
    files = Files(tmp_path, good, part_rows=part_rows)
    for export, (rows, others) in ALL.items():
        files.write(export, rows, others)
    assert files.proved(workers=workers)
    files.check()
    assert files.n_read == 2


def test_files_without_rows_are_proved(tmp_path: Path, good: Judged) -> None:
    files = Files(tmp_path, good)
    files.write("rag", [])
    files.write("sft", [])
    (tmp_path / "preference").mkdir()
    write_data(tmp_path / "preference", "preference", [])
    files.exports.append("preference")
    assert files.proved()
    assert Files(tmp_path, judged()).proved()


def test_what_is_right_but_in_another_order_is_left_to_the_judge(tmp_path: Path, good: Judged) -> None:
    files = Files(tmp_path, good, part_rows=6)
    files.write("rag", [1, 0, 5])
    assert not files.proved()
    files.check()


def _set(place: int, *path: Any, to: Any) -> Change:
    def change(rows: list[dict[str, Any]]) -> None:
        target: Any = rows[place]
        for step in path[:-1]:
            target = target[step]
        target[path[-1]] = to

    return change


CHANGES: list[tuple[Export, Change, str]] = [
    ("rag", _set(1, "evidence_id", to="e99"), "it is no record of the evidence"),
    ("rag", _set(1, "evidence_id", to="e1\u200b"), "it is no record of the evidence"),
    ("rag", _set(1, "provenance", "sig_hash", to="0" * 64), "its sig_hash is not that of its record"),
    ("rag", _set(1, "text", to=" \u200b\u3164"), "its text is blank"),
    ("rag", _set(1, "text", to="Something else."), "its text is not that of its record"),
    ("rag", _set(1, "category", to="partially_accepted"), "its category is not that of its score"),
    ("rag", _set(1, "tenant_id", to="default"), "its tenant is not that of its record"),
    ("sft", _set(1, "messages", 1, "content", to="\u2800"), "its messages holds a blank message"),
    ("sft", _set(1, "messages", 3, "content", to="Something else."), "its text is not that of its record"),
    ("sft", _set(1, "messages", 2, "content", to="Why?"), "its prompt is not that of its record"),
    ("sft", _set(1, "messages", 3, "role", to="user"), "its messages does not end with the assistant"),
    ("sft", _set(1, "messages", to=[]), "its messages holds too few messages"),
    ("sft", _set(1, "provenance", "sig_hash", to="0" * 64), "its sig_hash is not that of its record"),
    ("preference", _set(1, "rejected", 0, "content", to="Something."), "its text is not that of its record"),
    ("preference", _set(1, "rejected", 0, "content", to=" OPEN  gate 1 and wait. "), "both sides say the same"),
    ("preference", _set(1, "rejected", 0, "content", to=""), "its rejected holds a blank message"),
    ("preference", _set(1, "chosen", to=[]), "its chosen holds too few messages"),
    ("preference", _set(1, "prompt", 0, "content", to="Hello, you"), "its prompt is not that of its record"),
    ("preference", _set(1, "prompt", 2, "content", to="Why?"), "its prompt is not that of its record"),
    ("preference", _set(1, "rejected_provenance", "sig_hash", to="0" * 64), "its sig_hash is not"),
    ("preference", _set(1, "rejected_id", to="e2"), "its sig_hash is not|its tenant is not|its text is not"),
    ("preference", _set(1, "rejected_id", to="e1"), "both sides are one record"),
    ("preference", _set(1, "chosen_category", to="rejected"), "its category is not that of its score"),
]


@pytest.mark.parametrize("part_rows", [1, 6])
@pytest.mark.parametrize(("export", "change", "what"), CHANGES)
def test_a_change_to_a_written_row_is_not_proved_but_named(
    tmp_path: Path, good: Judged, export: Export, change: Change, what: str, part_rows: int
) -> None:
    files = Files(tmp_path, good, part_rows=part_rows)
    for each, (rows, others) in ALL.items():
        if each != export:
            files.write(each, rows, others)
    files.write(export, [0, 1], [2, 3], change)
    assert not files.proved()
    with pytest.raises(LeakError, match=rf"{export}/train\.jsonl line 2, .*({what})"):
        files.check()


@pytest.mark.parametrize(
    ("export", "rows", "others", "what"),
    [
        ("rag", [0, 0, 1], [], "line 2, record e0: its record stands in an earlier row already"),
        ("rag", [0, 1, 0], [], "line 3, record e0: its record stands in an earlier row already"),
        ("preference", [0, 0], [2, 2], "line 2, record e0: its pair stands in an earlier row already"),
        ("preference", [0], [0], "both sides are one record|both sides say the same"),
        ("preference", [0], [1], "its score is not rejected or partially_accepted"),
        ("preference", [2], [0], "record e2: its score is not accepted"),
        ("preference", [0], [3], "record e3: its tenant is not that of its record"),
    ],
)
@pytest.mark.parametrize("part_rows", [1, 6])
def test_rows_written_twice_and_pairs_that_are_none_are_named(
    tmp_path: Path, good: Judged, export: Export, rows: list[int], others: list[int], what: str, part_rows: int
) -> None:
    files = Files(tmp_path, good, part_rows=part_rows)
    files.write(export, rows, others)
    assert not files.proved()
    with pytest.raises(LeakError, match=what):
        files.check()


@pytest.mark.parametrize(
    ("export", "row", "allowing"),
    [
        ("rag", 4, ExportConfig(rag=RagConfig(include_review=True))),
        ("rag", 5, ExportConfig()),
        ("sft", 5, ExportConfig(sft=SftConfig(include_partial=True))),
    ],
)
def test_a_category_is_taken_from_the_score_and_the_settings(
    tmp_path: Path, good: Judged, export: Export, row: int, allowing: ExportConfig
) -> None:
    files = Files(tmp_path, good)
    files.write(export, [0, row])
    assert files.proved(allowing)
    forbidding = ExportConfig(rag=RagConfig(include_partial=False), preference=PreferenceConfig(partial_fallback=False))
    assert not files.proved(forbidding)
    with pytest.raises(LeakError, match=rf"record e{row}: its score is not accepted"):
        files.check(forbidding)


def test_the_first_record_with_an_id_counts_in_whatever_part(tmp_path: Path) -> None:
    """The second record is what the row says it is; the first was rejected."""
    for part_rows in (1, 3):
        folder = tmp_path / str(part_rows)
        folder.mkdir()
        files = Files(folder, judged(record(0, "rejected"), record(1), record(0)), part_rows=part_rows)
        files.write("rag", [1, 2])
        assert not files.proved()
        with pytest.raises(LeakError, match="record e0: its score is not accepted"):
            files.check()


@pytest.mark.parametrize(("leak", "export"), CASES)
def test_no_leak_is_proved(tmp_path: Path, leak: Leak, export: Export) -> None:
    given, known = judged(*leak.rows), KnownFiles.of(KNOWN)
    if leak.name in ("no run", "no prompt"):
        return  # such a row has no form to be written in
    files = Files(tmp_path, given, leak.contaminated)
    both = ([leak.pair[0]], [leak.pair[1]]) if export == "preference" else (list(range(len(leak.rows))), [])
    files.write(export, *both)
    assert not files.proved(known=known)
    with pytest.raises(LeakError):
        files.check(known=known)


def test_a_difference_between_the_files_is_not_proved(tmp_path: Path, good: Judged) -> None:
    files = Files(tmp_path, good)
    files.write("rag", [0, 1])
    lines = tmp_path / "rag" / "train.jsonl"
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    rows[1]["text"] = "Something else."
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(LeakError, match=r"train\.jsonl line 2, record e1: its text is not that of its record"):
        files.check()
    lines.write_text("")
    assert not files.proved()


def test_a_leak_in_the_columns_alone_is_named_there(tmp_path: Path, good: Judged) -> None:
    files = Files(tmp_path, good)
    files.write("rag", [0, 1])
    path = tmp_path / "rag" / "train.parquet"
    table = pq.read_table(path)
    pq.write_table(table.set_column(0, table.schema.field(0), pa.array(["Something else.", "Something else."])), path)
    with pytest.raises(LeakError, match=r"train\.parquet row 1, record e0: its text is not that of its record"):
        files.check()


def test_a_failing_source_of_evidence_is_no_leak(tmp_path: Path, good: Judged) -> None:
    files = Files(tmp_path, good)
    files.write("rag", [0, 1])

    def broken() -> Iterator[pa.Table]:
        yield for_the_wall(good).slice(0, 1)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        check_exports(tmp_path, ["rag"], JudgedRecords(broken), ExportConfig())


def test_numbers_are_found_among_others() -> None:
    numbers = pa.array([3, 1, 9, 4], pa.uint64()).to_numpy()
    assert wall_proof._members(numbers, numbers[[1, 3]]).tolist() == [False, True, False, True]
    assert wall_proof._members(numbers, numbers[:0]).tolist() == [False] * 4


LONG = "Open the gate and wait until the wheel has come to rest, then close it. "


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("Open.", " OPEN. ", True),
        ("Open.", "Open!", False),
        (None, " \u200b", True),
        (LONG, LONG.upper().replace(" ", "\t \x1c"), True),
        (LONG + "Yes.", LONG + "No.", False),
        ("Shut" + LONG, LONG, False),
        ("Op\u200ben" + LONG, "Open" + LONG, True),
        ("\uff2fpen " + LONG, "open " + LONG, True),
        ("x" * 70 + " a", "x" * 70 + " A", True),
        ("gate " * 12 + "e\u0301" + LONG, "GATE " * 12 + "\u00e9" + LONG, True),
    ],
)
def test_forms_are_equal_however_long_the_texts_are(one: str | None, other: str | None, equal: bool) -> None:
    texts, others = pa.array([one, "a"], pa.string()), pa.array([other, "b"], pa.string())
    assert _equal_forms(texts, others).tolist() == [equal, False]
    assert _equal_forms(others, texts).tolist() == [equal, False]
