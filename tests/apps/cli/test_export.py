"""Stored traces as files: which are meant, what is written, and that it is written whole or not at all."""

import json
import shutil

import pytest

from apps.cli import export, trace_files
from apps.cli.main import app
from flows.import_traces import ImportTracesConfig, import_traces
from millrace.datasets.schema import rows_of
from millrace.records.trace import Trace
from tests.support.inputs import synthetic_traces, write_lines

CALL = {"purpose": "generation", "model": "m", "tries": 1, "duration_ms": 12.5, "cost_usd": 0.001}


@pytest.fixture(autouse=True)
def registered():
    """The command as ``main`` registers it."""
    if "export" not in {each.name for each in app.registered_groups}:
        export.register(app)


@pytest.fixture
def imported(home, tmp_path, monkeypatch):
    """Forty traces with timings, calls, personal data and a row that was set aside, imported by a run."""
    monkeypatch.setenv("MILLRACE_HOME", str(home.root))
    rows = [row | {"calls": [CALL], "answer": f"Ask user{n}@example.org"} for n, row in enumerate(synthetic_traces(40))]
    path = write_lines(tmp_path / "traces.jsonl", [*rows, {"trace_id": "none"}])
    return import_traces.fn(ImportTracesConfig(file=str(path)), run_id="import-1")


def stored(home, ref):
    return rows_of(Trace, home.datasets.open(ref).to_arrow(measured=True))


@pytest.mark.parametrize(("form", "mapping"), [("otlp", "otlp"), ("langfuse", "langfuse"), ("jsonl", "millrace")])
def test_what_was_exported_is_imported_as_the_same_dataset(home, cli, imported, tmp_path, monkeypatch, form, mapping):
    out = tmp_path / "out.jsonl"
    outcome = cli("export", "traces", "--run", "latest", "--format", form, "--out", out, "--json")
    assert outcome.document == {"format": form, "file": str(out), "n_traces": 40, "datasets": [imported.traces.name]}
    assert b"example.org" not in out.read_bytes()

    monkeypatch.setenv("MILLRACE_HOME", str(tmp_path / "other"))
    again = import_traces.fn(ImportTracesConfig(file=str(out), mapping=mapping), run_id="import-2")

    assert again.traces == imported.traces
    assert (again.skips.rows, again.labels.rows) == (0, 0)
    other = type(home)(tmp_path / "other")
    assert stored(other, again.traces) == stored(home, imported.traces)  # timings and costs too
    assert stored(other, again.traces)[0].calls[0].cost_usd == 0.001


def test_a_dataset_is_found_by_name_or_by_the_beginning_of_its_hash(cli, imported, tmp_path):
    for number, name in enumerate([imported.traces.name, imported.traces.content_hash[:12]]):
        outcome = cli("export", "traces", "--dataset", name, "--out", tmp_path / str(number), "--json")
        assert outcome.document["datasets"] == [imported.traces.name]
    assert (tmp_path / "0").read_bytes() == (tmp_path / "1").read_bytes()
    assert len(json.loads((tmp_path / "0").read_text().splitlines()[0])["trace_id"]) == len("trace-0000")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give --run or --dataset"),
        (["--run", "latest", "--dataset", "traces"], "give --run or --dataset"),
        (["--run", "toy-flow-1"], "put out no traces"),
        (["--dataset", "human_ratings"], "no dataset of traces"),
        (["--dataset", ""], "no dataset of traces"),
    ],
)
def test_what_is_not_there_is_said(cli, make_run, imported, tmp_path, arguments, said):
    make_run()
    outcome = cli("export", "traces", *arguments, "--out", tmp_path / "out.jsonl")
    assert outcome.code == 2
    assert said in outcome.err + outcome.out
    assert not (tmp_path / "out.jsonl").exists()


def test_a_file_that_exists_is_never_written_over(cli, imported, tmp_path):
    (tmp_path / "out.jsonl").write_text("mine")
    outcome = cli("export", "traces", "--run", "latest", "--out", tmp_path / "out.jsonl")
    assert (outcome.code, (tmp_path / "out.jsonl").read_text()) == (2, "mine")
    assert "exists already" in outcome.err
    assert "folder does not exist" in cli("export", "traces", "--run", "latest", "--out", tmp_path / "no" / "o").err


def test_an_export_that_fails_leaves_nothing(cli, imported, tmp_path, monkeypatch):
    written = []

    def fails_at_the_third(trace):
        written.append(trace)
        if len(written) == 3:
            raise RuntimeError("disk full")
        return b"{}"

    monkeypatch.setitem(trace_files.LINES, "jsonl", fails_at_the_third)
    folder = tmp_path / "out"
    folder.mkdir()
    outcome = cli("export", "traces", "--run", "latest", "--out", folder / "o.jsonl")
    assert outcome.code != 0
    assert list(folder.iterdir()) == []


def test_an_erased_dataset_is_said_to_be_erased(home, cli, imported, tmp_path):
    shutil.rmtree(home.datasets.folder(imported.traces))
    outcome = cli("export", "traces", "--run", "latest", "--out", tmp_path / "o.jsonl")
    assert outcome.code == 2
    assert "no dataset" in outcome.err
