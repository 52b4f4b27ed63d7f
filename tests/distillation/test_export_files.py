"""Exports as files: whole or not there, equal bytes for equal rows, and checked before anybody sees them."""

import hashlib
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from millrace.distillation.export_files import ExportedFile, WrittenExport, write_data, write_exports
from millrace.distillation.export_form import exported
from millrace.errors import LeakError
from millrace.records.evidence import Export
from tests.support.export_rows import EXPORTS, STAYS_AT_HOME, export_table

ROOT = Path(__file__).parents[2]


def parts(n_rows: int = 7, exports: Sequence[Export] = EXPORTS) -> dict[Export, list[pa.Table]]:
    """Each export in two parts."""
    tables = {export: export_table(export, n_rows) for export in exports}
    return {export: [table.slice(0, 4), table.slice(4)] for export, table in tables.items()}


def card(written: WrittenExport) -> str:
    return f"# {written.export}: {written.rows}\n"


Wall = Callable[[Path, Sequence[Export]], object]


def let_pass(folder: Path, exports: Sequence[Export]) -> None:
    """A wall that finds nothing."""


def write(folder: Path, check: Wall = let_pass, **settings: Any) -> list[ExportedFile]:
    given = parts(settings.pop("n_rows", 7), settings.pop("exports", EXPORTS))
    return write_exports(folder, given, card, check, **settings)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_every_file_is_described_as_it_lies_there(tmp_path: Path) -> None:
    files = write(tmp_path / "exports" / "run")
    found = contents(tmp_path / "exports")
    assert {f"run/{file.name}": (file.sha256, file.n_bytes) for file in files} == {
        name: (hashlib.sha256(data).hexdigest(), len(data)) for name, data in found.items()
    }
    assert [(file.name, file.rows) for file in files] == [
        (f"{export}/{name}", rows)
        for export in sorted(EXPORTS)
        for name, rows in (("README.md", None), ("train.jsonl", 7), ("train.parquet", 7))
    ]
    assert found["run/sft/README.md"] == b"# sft: 7\n"
    assert not any(STAYS_AT_HOME.encode() in data for data in found.values())


@pytest.mark.parametrize("export", EXPORTS)
def test_lines_and_parquet_hold_the_same_rows_one_row_group_a_part(tmp_path: Path, export: Export) -> None:
    write(tmp_path / "run")
    lines = (tmp_path / "run" / export / "train.jsonl").read_text().splitlines()
    parquet = pq.ParquetFile(tmp_path / "run" / export / "train.parquet")
    assert parquet.read().to_pylist() == [json.loads(line) for line in lines]
    assert parquet.read().equals(exported(export, export_table(export, 7)))
    assert [parquet.metadata.row_group(index).num_rows for index in range(parquet.num_row_groups)] == [4, 3]


def test_equal_rows_give_equal_bytes_whatever_the_workers(tmp_path: Path) -> None:
    for index, workers in enumerate((1, 3, 3)):
        write(tmp_path / str(index), workers=workers)
    assert contents(tmp_path / "0") == contents(tmp_path / "1") == contents(tmp_path / "2")


def test_an_export_without_rows_is_files_without_rows(tmp_path: Path) -> None:
    written = write_data(tmp_path, "sft", [])
    assert (written.rows, [file.rows for file in written.files]) == (0, [0, 0])
    assert (tmp_path / "train.jsonl").read_bytes() == b""
    assert pq.read_table(tmp_path / "train.parquet").equals(exported("sft", export_table("sft", 0)))


def test_rows_are_counted_by_category_stream_and_tenant(tmp_path: Path) -> None:
    counts = write_data(tmp_path, "rag", parts()["rag"]).counts
    assert counts == {
        "category": {"accepted": 4, "partially_accepted": 3},
        "provenance.stream": {"traces": 7},
        "tenant_id": {"tenant-0": 4, "tenant-1": 3},
    }
    (tmp_path / "pairs").mkdir()
    counts = write_data(tmp_path / "pairs", "preference", parts()["preference"]).counts
    assert counts["rejected_provenance.stream"] == {"reviews": 7}


def test_the_wall_reads_every_data_file_whole_before_it_is_published(tmp_path: Path) -> None:
    seen = {}

    def look(folder: Path, exports: Sequence[Export]) -> None:
        assert not (tmp_path / "run").exists()
        assert list(exports) == list(parts())
        seen.update(contents(folder))

    write(tmp_path / "run", look, workers=1)
    assert seen == contents(tmp_path / "run")
    assert len(seen) == 9


def test_a_leak_publishes_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    def wall(folder: Path, exports: Sequence[Export]) -> None:
        raise LeakError("a rejected row")

    with pytest.raises(LeakError, match="a rejected row"):
        write(tmp_path / "run", wall)
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_folder_is_replaced_whole_and_kept_when_there_is_a_leak(tmp_path: Path) -> None:
    write(tmp_path / "run", n_rows=5)
    (tmp_path / "run" / "foreign.txt").write_text("x")
    before = contents(tmp_path / "run")

    def wall(folder: Path, exports: Sequence[Export]) -> None:
        raise LeakError("a rejected row")

    with pytest.raises(LeakError):
        write(tmp_path / "run", wall)
    assert contents(tmp_path / "run") == before
    files = write(tmp_path / "run")
    assert sorted(contents(tmp_path / "run")) == [file.name for file in files]
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


# Serves lines "folder operation": forks a child that writes the exports there and is killed at that durable operation
# (0: never); answers with its exit status and its operations, named and with their paths.
_SERVER = """
import json, os, sys
from pathlib import Path
import duckdb
from tests.distillation.test_export_files import write
from tests.support.kills import Killer

for line in sys.stdin:
    root, fatal = line.split()[0], int(line.split()[1])
    child = os.fork()
    if child == 0:
        killer = Killer(Path(root), lambda number, event: number == fatal)
        killer.install()
        write(Path(root, "run"), workers=1, exports=["rag"])
        Path(root + ".events").write_text(json.dumps(killer.events))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
Play = Callable[..., int]
N_POINTS = 7


@pytest.fixture
def play() -> Iterator[Play]:
    """Writes exports in a process that dies at an operation; gives its exit status."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", _SERVER], cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as server:
        asking, answering = server.stdin, server.stdout
        assert asking is not None
        assert answering is not None

        def turn(root: Path, fatal: int = 0) -> int:
            print(root, fatal, file=asking, flush=True)
            return int(answering.readline())

        yield turn
        asking.close()


def operations(root: Path) -> list[tuple[str, str]]:
    return [tuple(event) for event in json.loads(Path(f"{root}.events").read_text())]


@pytest.mark.faults
def test_killed_anywhere_there_is_no_folder_or_a_whole_one(tmp_path: Path, play: Play) -> None:
    whole, again = tmp_path / "whole", tmp_path / "again"
    whole.mkdir()
    assert play(whole) == 0
    expected, events = contents(whole), operations(whole)
    swap = events.index(("rename", ".run-new")) + 1
    spread = [1 + index * (swap - 1) // N_POINTS for index in range(N_POINTS)]
    for fatal in [*spread, *range(swap, len(events) + 1)]:
        shutil.rmtree(again, ignore_errors=True)
        again.mkdir()
        assert play(again, fatal) == -signal.SIGKILL
        assert contents(again / "run") == (contents(whole / "run") if fatal > swap else {})
        assert play(again) == 0
        assert contents(again) == expected


@pytest.mark.faults
def test_killed_while_it_replaces_there_is_the_old_folder_none_or_the_new_one(tmp_path: Path, play: Play) -> None:
    root = tmp_path / "home"

    def earlier() -> dict[str, bytes]:
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        write(root / "run", n_rows=5, exports=["rag"])
        return contents(root / "run")

    old = earlier()
    assert play(root) == 0
    new, events = contents(root / "run"), operations(root)
    first, swap = events.index(("rename", "run")) + 1, events.index(("rename", ".run-new")) + 1
    for fatal, there in ((first, old), (first + 1, {}), (swap, {}), (swap + 1, new), (len(events), new)):
        earlier()
        assert play(root, fatal) == -signal.SIGKILL
        assert contents(root / "run") == there
        assert play(root) == 0
        assert contents(root) == {f"run/{name}": data for name, data in new.items()}
