"""Verifying what lies outside the datasets: published exports, to the line, and the files that were imported."""

import json
import os
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from millrace.datasets.canonical import canonical_json
from millrace.distillation.export_files import write_data
from millrace.distillation.export_form import KIND
from tasks.home import Home
from tests.support import traced_runs
from tests.support.traced_runs import DISTILL, IMPORT


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with sources, a home and a distillation in it."""
    folder = tmp_path_factory.mktemp("traced")
    before = dict(os.environ)
    os.environ["MILLRACE_HOME"] = str(folder / "home")
    os.chdir(folder)
    traced_runs.write_sources(folder)
    traced_runs.import_file(folder)
    traced_runs.distil(folder)
    shutil.copytree(folder, f"{folder}-kept")
    os.environ.clear()
    os.environ.update(before)
    return folder


@pytest.fixture
def home(made):
    """The same at the same place for every test, whatever it breaks."""
    yield Home(made / "home")
    shutil.rmtree(made)
    shutil.copytree(f"{made}-kept", made)


@pytest.fixture
def folder(made):
    return made


def bad(outcome):
    return [each for each in outcome.document["checks"] if each["status"] != "same"]


def exported(home, export, name):
    return home.root / "exports" / DISTILL / export / name


def edit_lines(path, edit):
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(edit(lines)))


def test_every_published_file_and_every_source_is_hashed_again(cli, home, folder):
    outcome = cli("verify", DISTILL, "--json")
    assert (outcome.code, outcome.document["verified"], bad(outcome)) == (0, True, [])
    looked_at = {(each["what"], each["subject"]) for each in outcome.document["checks"]}
    names = {
        f"exports/{DISTILL}/{export}/{name}"
        for export in KIND
        for name in ("README.md", "train.jsonl", "train.parquet")
    }
    assert {subject for what, subject in looked_at if what == "export"} == names
    assert {subject for what, subject in looked_at if what == "source"} == {str(folder / "reviews.jsonl")}
    imported = cli("verify", IMPORT, "--json").document["checks"]
    assert [each["subject"] for each in imported if each["what"] == "source"] == [str(folder / "traces.jsonl")]


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda lines: [*lines[:2], lines[2].replace("2", "3"), *lines[3:]], "line 3 is the first that differs"),
        (lambda lines: [*lines, lines[0]], "line 7 was added"),
        (lambda lines: lines[:-1], "line 6 and what follows it is not there"),
        (lambda lines: [*lines[:-1], lines[-1].rstrip("\n")], "line 6 is the first that differs"),
        (lambda lines: [*lines[:4], "\n", *lines[4:]], "line 5 is the first that differs"),
    ],
)
def test_the_first_line_that_differs_is_named(cli, home, edit, said):
    edit_lines(exported(home, "sft", "train.jsonl"), edit)
    outcome = cli("verify", DISTILL, "--json")
    assert outcome.code == 1
    (check,) = bad(outcome)
    assert (check["what"], check["subject"]) == ("export", f"exports/{DISTILL}/sft/train.jsonl")
    assert said in check["found"]
    assert f"exports/{DISTILL}/sft/train.jsonl" in cli("verify", DISTILL).out.replace("\n", "")


def changed_row(table, row):
    ids = table.column("evidence_id").to_pylist()
    ids[row] = "another"
    return table.set_column(table.schema.get_field_index("evidence_id"), table.schema.field("evidence_id"), [ids])


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda table: changed_row(table, 1), "row 2 is the first that differs"),
        (lambda table: changed_row(table, 4), "row 5 is the first that differs"),
        (lambda table: table.slice(0, 4), "row 5 is the first that differs"),
    ],
)
def test_the_first_row_of_parquet_that_differs_is_named(cli, home, edit, said):
    path = exported(home, "sft", "train.parquet")
    table = edit(pq.read_table(path))
    pq.write_table(table, path, row_group_size=4)  # cut in another way than the dataset
    (check,) = bad(cli("verify", DISTILL, "--json"))
    assert said in check["found"]


def test_parquet_of_equal_rows_and_other_bytes_is_told_apart(cli, home):
    path = exported(home, "sft", "train.parquet")
    groups = pq.ParquetFile(path)
    tables = [groups.read_row_group(index) for index in range(groups.num_row_groups)]
    with pq.ParquetWriter(path, tables[0].schema, compression="none") as writer:
        for table in tables:
            writer.write_table(table)
    (check,) = bad(cli("verify", DISTILL, "--json"))
    assert "every row is that of the dataset" in check["found"]


def test_bytes_that_are_no_parquet_are_a_finding(cli, home):
    exported(home, "rag", "train.parquet").write_bytes(b"no parquet")
    (check,) = bad(cli("verify", DISTILL, "--json"))
    assert "could not be compared" in check["found"]


def test_a_changed_card_is_a_finding(cli, home):
    exported(home, "rag", "README.md").write_text("# Mine")
    (check,) = bad(cli("verify", DISTILL, "--json"))
    assert check["subject"] == f"exports/{DISTILL}/rag/README.md"


def test_a_published_file_that_is_gone_is_a_finding(cli, home):
    shutil.rmtree(home.root / "exports")
    outcome = cli("verify", DISTILL, "--json")
    assert outcome.code == 1
    assert {each["status"] for each in bad(outcome)} == {"missing"}
    assert len(bad(outcome)) == 9


def test_a_source_that_changed_is_a_finding_and_one_that_is_gone_is_told(cli, home, folder):
    path = folder / "reviews.jsonl"
    path.write_text(path.read_text() + "{}\n")
    outcome = cli("verify", DISTILL, "--json")
    assert (outcome.code, [each["what"] for each in bad(outcome)]) == (1, ["source"])
    path.unlink()
    outcome = cli("verify", DISTILL, "--json")
    assert (outcome.code, [each["status"] for each in bad(outcome)]) == (0, ["missing"])
    assert f"gone: source {path}" in cli("verify", DISTILL).out


def test_a_receipt_that_lists_no_files_is_a_finding(cli, home):
    path = home.run_folder(DISTILL) / "receipts" / "publish-exports.json"
    receipt = json.loads(path.read_text())
    receipt["output"] = {"files": [{"name": 1}]}
    path.write_bytes(canonical_json(receipt))
    outcome = cli("verify", DISTILL, "--json")
    assert (outcome.code, [each["subject"] for each in bad(outcome)]) == (1, ["publish-exports"])


def test_what_is_compared_is_what_was_written(home, tmp_path):
    """The files of the home are those that its datasets give: verifying compares like with like."""
    for export, kind in KIND.items():
        parts = [pq.read_table(path) for path in sorted(home.datasets.root.glob(f"{kind}/*/part-*.parquet"))]
        (tmp_path / export).mkdir()
        write_data(tmp_path / export, export, parts)
        for name in ("train.jsonl", "train.parquet"):
            assert (tmp_path / export / name).read_bytes() == exported(home, export, name).read_bytes()
    assert isinstance(parts[0], pa.Table)
