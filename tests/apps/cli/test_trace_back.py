"""Walking rows of exports back: a whole way holds, and every place where it was broken is named."""

import json
import os
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from conftest import Outcome
from typer.testing import CliRunner

from apps.cli import trace_back
from apps.cli.export_verification import publications
from apps.cli.lineage_origins import Origins
from apps.cli.lineage_records import Records
from apps.cli.lineage_run import DistillRun, distill_runs
from apps.cli.lineage_sources import Sources
from millrace.datasets.canonical import canonical_json
from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import arrow_schema
from millrace.ledger import catalogue
from millrace.records.evidence import Evidence
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
def folder(made):
    """The same at the same place for every test, whatever it breaks."""
    yield made
    shutil.rmtree(made)
    shutil.copytree(f"{made}-kept", made)


@pytest.fixture
def home(folder):
    return Home(folder / "home")


@pytest.fixture
def call(home):
    """``millrace trace-back`` on that home, by itself."""
    app = typer.Typer()
    app.callback()(lambda: None)
    trace_back.register(app)

    def call(row, *options):
        result = CliRunner().invoke(app, ["trace-back", str(row), *options, "--home", str(home.root)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Outcome(result.exit_code, result.stdout, result.stderr)

    return call


@pytest.fixture
def found(call):
    """The hops that are not the same, of a walk that finds something."""

    def found(row, *options):
        outcome = call(row, *options, "--json")
        hops = [hop for hop in outcome.document["hops"] if hop["status"] != "same"]
        assert (outcome.code, outcome.document["holds"]) == ((1, False) if hops else (0, True))
        return hops

    return found


def exported(home, export, name="train.jsonl"):
    return home.root / "exports" / DISTILL / export / name


def rows(home, export):
    return [json.loads(line) for line in exported(home, export).read_text().splitlines()]


def place_of(home, export, evidence_id):
    ids = [row["evidence_id"] for row in rows(home, export)]
    return f"{exported(home, export)}:{ids.index(evidence_id) + 1}"


def checks(outcome):
    return [(hop["subject"], hop["check"]) for hop in outcome.document["hops"]]


def replace(path, old, new):
    data = path.read_bytes()
    assert data.count(old) >= 1
    path.write_bytes(data.replace(old, new, 1))


def test_a_line_is_walked_back_to_the_bytes_of_its_file(call, home, folder):
    outcome = call(place_of(home, "sft", "review-2"), "--json")
    assert outcome.code == 0
    assert outcome.document["exported"] == ["sft:5"]
    assert [hop["status"] for hop in outcome.document["hops"]] == ["same"] * len(outcome.document["hops"])
    source, offset = folder / "reviews.jsonl", rows(home, "sft")[4]["provenance"]["source_offset"]
    said = checks(outcome)
    assert (f"run {DISTILL}", "run hash over its receipts") in said
    assert (f"export file {exported(home, 'sft')}", "sha256 in the publish-exports receipt") in said
    assert ("record review-2", "sig_hash, taken again") in said
    assert (f"source file {source}", "sha256 in the collect-evidence receipt") in said
    assert (f"bytes of {source} from {offset} on", "row_hash of the evidence") in said
    assert ("record review-2", f"the line of reviews.jsonl at byte {offset}, mapped again") in said
    assert ("sft row review-2", "made again from evidence and score") in said
    assert offset > 0


def test_a_row_of_a_dataset_is_walked_back_to_the_imported_file(call, home, folder):
    outcome = call("trace-t1", "--json")
    assert outcome.code == 0
    assert outcome.document["exported"] == ["rag:2", "sft:2"]
    said = [f"{subject} | {check}" for subject, check in checks(outcome)]
    assert any(re.fullmatch(r"row 1 of traces:\w+ \| row_hash of the evidence", each) for each in said)
    assert any(re.fullmatch(rf"traces:\w+ \| stage, .* receipt of read-traces, run {IMPORT}", each) for each in said)
    assert f"source file {folder / 'traces.jsonl'} | sha256 in the receipt of read-traces, run {IMPORT}" in said


@pytest.mark.parametrize("name", ["train.jsonl", "train.parquet"])
def test_both_sides_of_a_pair_are_walked(call, home, name):
    pair = rows(home, "preference")[1]
    for outcome in (call(f"{exported(home, 'preference', name)}:2", "--json"), call(pair["pair_id"], "--json")):
        assert (outcome.code, outcome.document["exported"]) == (0, ["preference:2"])
        walked = {subject for subject, check in checks(outcome) if check == "sig_hash, taken again"}
        assert walked == {"record review-2", "record review-3"}
        assert [check for _, check in checks(outcome)][-3:-1] == [
            "provenance, against record review-2",
            "rejected_provenance, against record review-3",
        ]


def test_a_record_in_no_export_is_walked_all_the_same(call, home):
    preference = rows(home, "preference")
    assert "review-1" in {row["rejected_id"] for row in preference}
    outcome = call("review-1", "--json")
    assert (outcome.code, outcome.document["exported"]) == (0, ["preference:1"])


def test_people_read_what_was_looked_at(call, home):
    outcome = call("trace-t0")
    assert outcome.code == 0
    assert "no difference" in outcome.out
    assert not re.search(r"[0-9a-f]{40}", outcome.out)


def test_a_copy_of_a_file_is_known_by_its_content(call, home, tmp_path):
    copy = shutil.copy(exported(home, "rag"), tmp_path / "mine.jsonl")
    outcome = call(f"{copy}:1", "--json")
    assert (outcome.code, outcome.document["run_id"]) == (0, DISTILL)


# What can be broken on the way, and what is said of it.


def test_a_changed_line_is_named_with_its_field(found, home):
    place = place_of(home, "sft", "review-2")
    replace(exported(home, "sft"), b"miller 2", b"miller 9")
    file, row = found(place)
    assert (file["subject"], file["status"]) == (f"export file {exported(home, 'sft')}", "different")
    assert "miller 2" in row["expected"]
    assert "miller 9" in row["found"]
    assert "fields that differ: messages" in row["found"]
    assert [hop["subject"] for hop in found("review-2")] == [file["subject"], row["subject"]]


def test_another_line_of_the_file_that_changed_leaves_the_row_as_it_is(found, home):
    place = place_of(home, "sft", "review-2")
    replace(exported(home, "sft"), b"0 years", b"9 years")
    assert [hop["subject"] for hop in found(place)] == [f"export file {exported(home, 'sft')}"]


def test_a_row_of_a_changed_copy_is_found_with_the_run_that_is_named(found, call, home, tmp_path):
    copy = Path(shutil.copy(exported(home, "rag"), tmp_path / "mine.jsonl"))
    replace(copy, b"miller 2", b"miller 9")
    number = [row["evidence_id"] for row in rows(home, "rag")].index("review-2") + 1
    assert call(f"{copy}:{number}").code == 2
    (row,) = found(f"{copy}:{number}", "--run", DISTILL)
    assert "fields that differ: text" in row["found"]


def test_a_line_moved_to_another_place_is_another_row(found, home):
    path = exported(home, "rag")
    path.write_text("".join(reversed(path.read_text().splitlines(keepends=True))))
    assert ["export file" in hop["subject"] for hop in found(f"{path}:1")] == [True, False]


def test_changed_source_bytes_are_named_with_file_and_offset(found, home, folder):
    place, offset = place_of(home, "sft", "review-2"), rows(home, "sft")[4]["provenance"]["source_offset"]
    replace(folder / "reviews.jsonl", b"miller 2", b"miller 9")
    file, line, record = found(place)
    assert file["subject"] == f"source file {folder / 'reviews.jsonl'}"
    assert line["subject"] == f"bytes of {folder / 'reviews.jsonl'} from {offset} on"
    assert "row_hash" in record["found"]
    assert "text" in record["found"]


def test_a_source_that_changed_elsewhere_still_has_the_row(found, home, folder):
    replace(folder / "reviews.jsonl", b"miller 5", b"miller 9")
    (file,) = found(place_of(home, "sft", "review-2"))
    assert (file["subject"], file["status"]) == (f"source file {folder / 'reviews.jsonl'}", "different")


def test_a_source_whose_lines_moved_has_no_row_there(found, home, folder):
    path = folder / "reviews.jsonl"
    path.write_bytes(b" " + path.read_bytes())
    hops = found(place_of(home, "sft", "review-2"))
    assert [hop["found"] for hop in hops][1] == "no row begins there"


@pytest.mark.parametrize(("row", "name"), [("review-2", "reviews.jsonl"), ("trace-t1", "traces.jsonl")])
def test_a_source_that_is_gone_is_missing(found, folder, row, name):
    (folder / name).unlink()
    assert [(hop["subject"], hop["status"]) for hop in found(row)] == [(f"source file {folder / name}", "missing")]


@pytest.mark.parametrize("kind", ["sft_rows", "evidence", "evidence_scores", "traces"])
def test_a_changed_dataset_is_found_at_its_own_hop(found, home, kind):
    path = min(home.datasets.root.glob(f"{kind}/*/part-*.parquet"))  # traces come first
    table = pq.read_table(path)
    column = {"sft_rows": "category", "evidence": "role", "evidence_scores": "reason", "traces": "answer"}[kind]
    values = table.column(column).to_pylist()
    values[1] = "accepted" if values[1] != "accepted" else "partially_accepted"
    changed = table.set_column(table.schema.get_field_index(column), table.schema.field(column), [values])
    pq.write_table(changed, path)
    assert any(str(path) in hop["found"] for hop in found("trace-t1"))


def test_a_dataset_that_is_gone_is_missing(found, home):
    (path,) = home.datasets.root.glob("traces/*")
    shutil.rmtree(path)
    assert {hop["status"] for hop in found("trace-t1")} == {"missing"}


def test_receipts_that_were_changed_break_the_run_hash(found, home):
    path = home.run_folder(DISTILL) / "receipts" / "export-sft.json"
    receipt = json.loads(path.read_text())
    receipt["output"]["reasons"] = {}
    path.write_bytes(canonical_json(receipt))
    assert [hop["check"] for hop in found("review-2")] == ["run hash over its receipts"]


def test_a_dataset_that_no_run_says_it_made_is_missing_its_receipt(found, home):
    shutil.rmtree(home.run_folder(IMPORT))
    (hop,) = found("trace-t1")
    assert (hop["check"], hop["status"]) == ("receipt of the step that made it", "missing")


def test_another_configuration_does_not_make_the_row_again(found, home):
    path = home.run_folder(DISTILL) / "receipts" / "collect-evidence.json"
    receipt = json.loads(path.read_text())
    receipt["arguments"]["files"][0]["redaction"] = []
    path.write_bytes(canonical_json(receipt))
    (hop,) = found(place_of(home, "sft", "review-2"))
    assert hop["found"] == "fields that differ: text"


# What no changed file shows: stored values that are whole, and wrong.


@pytest.fixture
def run(home):
    (found,) = distill_runs(home, None)
    return found


def with_evidence(run, change):
    """The run, had it collected other evidence: ``change`` edits the row of review-2."""
    rows = [change(row) if row["evidence_id"] == "review-2" else row for row in run.evidence.to_arrow().to_pylist()]
    table = pa.Table.from_pylist(rows, schema=arrow_schema(Evidence))
    ref = run.home.datasets.write("evidence", table, run.evidence.manifest.origin, key="changed")
    receipt = run.steps["collect-evidence"]
    output = receipt.output | {"evidence": ref.model_dump(mode="json")}
    changed = receipt.model_copy(update={"output": output})
    return DistillRun(run.home, run.run_id, run.steps | {"collect-evidence": changed})


def not_same(hops):
    return [hop.check for hop in hops if hop.status != "same"]


def test_a_sig_hash_that_does_not_bind_its_row_is_found(run):
    assert not_same(Records(run).find("review-2").hops) == []
    changed = with_evidence(run, lambda row: row | {"source_offset": row["source_offset"] + 1})
    assert not_same(Records(changed).find("review-2").hops) == ["sig_hash, taken again"]


def test_a_score_of_another_record_is_found(run):
    changed = with_evidence(run, lambda row: row | {"evidence_id": "review-9"})
    assert any("evidence_scores" in check for check in not_same(Records(changed).find("review-9").hops))


@pytest.mark.parametrize("record", ["review-2", "trace-t1"])
def test_a_row_hash_that_is_not_that_of_the_source_is_found(run, record):
    row = Records(run).find(record).record
    assert not_same(Sources(run).of(row)) == []
    assert "row_hash of the evidence" in not_same(Sources(run).of(row | {"row_hash": "0" * 64}))


def test_a_row_beyond_the_end_of_its_dataset_is_missing(run):
    row = Records(run).find("trace-t1").record | {"source_offset": 99}
    assert [hop.status for hop in Sources(run).of(row)] == ["missing"]


def test_a_file_that_the_run_did_not_read_is_missing(run):
    row = Records(run).find("review-2").record | {"source_file": "other.jsonl"}
    assert [hop.status for hop in Sources(run).of(row)] == ["missing"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"category": "partially_accepted"}, ["made again from evidence and score"]),
        ({"tenant_id": "another"}, ["made again from evidence and score"]),
    ],
)
def test_a_row_that_does_not_follow_from_its_record_is_found(run, change, said):
    row = next(row for row in run.rows("sft").to_arrow().to_pylist() if row["evidence_id"] == "review-2")
    side = Records(run).find("review-2")
    assert not_same(Records(run).check_row("sft", row, [side])) == []
    assert not_same(Records(run).check_row("sft", row | change, [side])) == said
    foreign = row | {"provenance": row["provenance"] | {"source_offset": 1}}
    assert "provenance, against record review-2" in not_same(Records(run).check_row("sft", foreign, [side]))


def test_an_erased_source_is_told_as_such(run, found):
    (traces,) = run.home.datasets.root.glob("traces/*")
    catalogue.bury(run.home.ledger, traces.name, reason="asked", at=datetime(2026, 11, 17, tzinfo=UTC))
    (hop,) = found("trace-t1")
    assert (hop["subject"], hop["status"]) == (f"row 1 of traces:{traces.name}", "erased")
    ref = DatasetRef(kind="traces", content_hash=traces.name, rows=0)
    assert [hop.status for hop in Origins(run.home).of(ref)] == ["erased"]


# What cannot be walked.


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("nobody", "no record or pair 'nobody' in any run of distill"),
        ("{sft}:0", "has no row 0"),
        ("{sft}:99", "has no row 99"),
        ("gone.jsonl:1", "no file gone.jsonl"),
    ],
)
def test_what_is_not_there_is_bad_input(call, home, row, said):
    outcome = call(row.format(sft=exported(home, "sft")))
    assert outcome.code == 2
    assert said in outcome.err.replace("\n", " ")


@pytest.mark.parametrize("text", ["{", "[]", '{"x": 1}', "\x80"])
def test_a_line_that_is_no_row_is_bad_input(call, home, tmp_path, text):
    path = tmp_path / "mine.jsonl"
    path.write_bytes(text.encode("latin-1"))
    assert call(f"{path}:1", "--run", DISTILL).code == 2


def test_a_run_that_collected_nothing_is_bad_input(call):
    outcome = call("review-2", "--run", IMPORT)
    assert outcome.code == 2
    assert "collected no evidence" in outcome.err


def test_the_newest_run_that_knows_the_id_is_meant(made, home):
    (run,) = distill_runs(home, None)
    assert isinstance(run, DistillRun)
    assert run.run_id == DISTILL
    assert len(publications([*run.steps.values()])) == 1
