"""Explaining a record: how it was scored, why, and what each export made of it."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from apps.cli import explain
from apps.cli.main import app
from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import table_of
from millrace.errors import BadInputError
from millrace.records.base import Record
from millrace.records.evidence import Contamination, Quarantined
from millrace.records.exports import PreferencePair, Provenance, RagRow
from tasks.parts import write_parts, write_tables
from tasks.run import FlowConfig, recorded
from tasks.scoring import score_evidence
from tasks.stage import stage
from tasks.tables import scoring_rules
from tests.support.marked_evidence import evidence_of, record

AT = datetime(2026, 9, 1, 6, tzinfo=UTC)
RECORDS = [
    record("rev-1", ("verdict", "accepted"), ("attempts", 1), task_id="T", prompt="Why?", subject="CH-1"),
    record("rev-2", ("verdict", "rejected"), task_id="T"),
    record("rev-20", ("ratings_min", 2.5), task_id="U", text="A " + "long " * 200 + "text."),
    record("fact-1", role="extraction", task_id="T"),
    record("rev-1", ("verdict", "meh"), task_id="V", text="The same id once more."),
    record("odd", ("note", "red\x1b[31m [bold]"), text="\x1b[2J[bold]x[/bold]"),
]
PROVENANCE = Provenance(
    sig_hash=sha256(b"sig").hexdigest(),
    stream="reviews",
    source_file="reviews.jsonl",
    source_offset=0,
    row_hash=sha256(b"row").hexdigest(),
    run_id="nightly-1",
    recorded_at=AT,
)


class Exported(Record):
    rows: DatasetRef
    quarantine: DatasetRef


def refused(evidence_id, reason, other_id=None):
    said = {"rule": f"rag.{reason}", "evidence": f"saw {reason}", "stream": "reviews"}
    return Quarantined(
        export="rag",
        evidence_id=evidence_id,
        other_id=other_id,
        reason=reason,
        **said,
        source_file="f",
        source_offset=0,
    )


@stage
def collect_evidence(n: int) -> DatasetRef:
    """Two parts, so that rows are counted across them."""
    halves = [RECORDS[:3], RECORDS[3:n]]
    return write_parts([lambda half=half: {"evidence": evidence_of(*half)} for half in halves], ["evidence"])[
        "evidence"
    ]


@stage
def find_contamination(evidence: DatasetRef) -> DatasetRef:
    found = Contamination(evidence_id="rev-20", match="ngram", eval_id="golden main g1", similarity=0.9, matched="long")
    return write_tables(contamination=table_of(Contamination, [found]))[0]


@stage
def export_rag(evidence: DatasetRef) -> Exported:
    row = RagRow(
        evidence_id="rev-1", tenant_id="default", task_id="T", title="Why?", text="So.", category="accepted",
        reason="r", provenance=PROVENANCE,
    )  # fmt: skip
    quarantine = table_of(Quarantined, [refused("rev-20", "eval_contamination"), refused("rev-2", "unsafe_for_rag")])
    rows, refusals = write_tables(rag_rows=table_of(RagRow, [row]), quarantine=quarantine)
    return Exported(rows=rows, quarantine=refusals)


@stage
def export_preference(evidence: DatasetRef) -> Exported:
    turn = [{"role": "user", "content": "Why?"}]
    answer = [{"role": "assistant", "content": "So."}]
    pair = PreferencePair(
        pair_id="pair-7", tenant_id="default", task_id="T", prompt=turn, chosen=answer, rejected=answer,
        chosen_id="rev-1", rejected_id="rev-2", chosen_category="accepted", rejected_category="rejected", basis="task",
        provenance=PROVENANCE, rejected_provenance=PROVENANCE,
    )  # fmt: skip
    rows, refusals = write_tables(
        preference_pairs=table_of(PreferencePair, [pair]),
        quarantine=table_of(Quarantined, [refused("odd", "invalid_pairing", "fact-1")]),
    )
    return Exported(rows=rows, quarantine=refusals)


@recorded("distill")
def distill(config, run_id):
    evidence = collect_evidence(6)
    score_evidence(evidence, scoring_rules())
    if run_id != "early":
        find_contamination(evidence)
        export_rag(evidence)
        export_preference(evidence)


@recorded("acceptance")
def acceptance(config, run_id):
    score_evidence(collect_evidence(4), scoring_rules())


@recorded("distill")
def broken(config, run_id):
    raise BadInputError("it never began")


@pytest.fixture(autouse=True)
def registered():
    """The command as ``main`` registers it."""
    if "explain" not in {each.callback.__name__ for each in app.registered_commands}:
        explain.register(app)


@pytest.fixture
def run(home, monkeypatch):
    monkeypatch.setenv("MILLRACE_HOME", str(home.root))
    distill(FlowConfig(), "distill-1")
    return "distill-1"


def document(cli, *arguments):
    outcome = cli("explain", *arguments, "--json")
    assert outcome.code == 0, outcome.out + outcome.err
    return outcome.document


def exports(found):
    return {
        name: None if each is None else (len(each["rows"]), [row["reason"] for row in each["quarantined"]])
        for name, each in found["exports"].items()
    }


def test_a_record_is_shown_with_its_score_and_what_decided(cli, run):
    found = document(cli, "rev-20")
    (only,) = found["records"]
    assert found["run_id"] == run
    assert (only["evidence"]["evidence_id"], only["evidence"]["source_offset"]) == ("rev-20", 2)
    assert (only["score"]["category"], only["score"]["rule_id"]) == ("needs_human_review", "rated-low")
    assert only["explanation"]["rule_id"] == "rated-low"
    (deciding,) = [each for each in only["explanation"]["rules"] if each["decides"]]
    assert deciding["conditions"] == [
        {"under": "all", "name": "ratings_min", "operator": "<", "bound": "3", "seen": "2.5", "holds": True}
    ]
    assert len(only["explanation"]["rules"]) == len(scoring_rules().rules)


def test_where_it_went_is_shown_for_each_export(cli, run):
    assert exports(document(cli, "rev-20")) == {"rag": (0, ["eval_contamination"]), "sft": None, "preference": (0, [])}
    assert exports(document(cli, "rev-2")) == {"rag": (0, ["unsafe_for_rag"]), "sft": None, "preference": (1, [])}
    assert exports(document(cli, "rev-1")) == {"rag": (1, []), "sft": None, "preference": (1, [])}
    assert exports(document(cli, "fact-1"))["preference"] == (0, ["invalid_pairing"])  # the other side of the pair


def test_contamination_is_shown(cli, run):
    (match,) = document(cli, "rev-20")["contamination"]
    assert (match["match"], match["eval_id"], match["similarity"]) == ("ngram", "golden main g1", 0.9)
    assert document(cli, "rev-1")["contamination"] == []


def test_an_extraction_names_the_record_whose_verdict_it_shares(cli, run):
    (only,) = document(cli, "fact-1")["records"]
    assert (only["score"]["category"], only["score"]["parent_id"]) == ("rejected", "rev-2")
    assert "rev-2" in cli("explain", "fact-1").out


def test_text_for_people_says_the_same(cli, run):
    out = cli("explain", "rev-20").out
    for said in ("record rev-20", "reviews.jsonl", "ratings_min", "rated-low", "ratings_min < 3; it is 2.5: yes"):
        assert said in out
    assert "quarantined: eval_contamination" in out
    assert "rag.eval_contamination: saw eval_contamination" in out
    assert "similarity 0.90" in out
    assert "not run" in out
    assert "left out" in out
    assert "text." not in out  # the end of a long text
    assert "pair-7: rev-1 preferred to rev-2" in cli("explain", "rev-2").out


def test_rules_that_do_not_hold_are_shown_when_asked_for(cli, run):
    assert "claim-drifted" not in cli("explain", "rev-20").out
    out = cli("explain", "rev-20", "--all-rules").out
    assert all(rule.id[:12] in out for rule in scoring_rules().rules)


def test_the_beginning_of_an_id_is_enough_when_it_is_the_only_one(cli, run):
    assert document(cli, "fact")["records"][0]["evidence"]["evidence_id"] == "fact-1"
    assert document(cli, "rev-2")["records"][0]["evidence"]["evidence_id"] == "rev-2"  # an id is no mere beginning
    outcome = cli("explain", "rev")
    assert outcome.code == 2
    assert "rev-1, rev-2, rev-20" in outcome.err


def test_an_id_that_was_given_twice_shows_both_records(cli, run):
    found = document(cli, "rev-1")["records"]
    assert [(each["evidence"]["source_offset"], each["score"]["category"]) for each in found] == [
        (0, "accepted"),
        (1, "needs_human_review"),  # of the second part
    ]
    assert "The same id once more." in cli("explain", "rev-1").out


def test_a_record_that_is_not_there_is_said_with_what_to_do(cli, run):
    outcome = cli("explain", "nothing")
    assert outcome.code == 2
    assert f"millrace rows {run} evidence" in outcome.err
    assert "--run" in outcome.err


def test_the_newest_run_that_scored_is_meant_unless_one_is_named(cli, run, make_run):
    distill(FlowConfig(as_of=AT + timedelta(days=1)), "early")
    make_run("toy-1")
    acceptance(FlowConfig(), "acceptance-1")
    with pytest.raises(BadInputError, match="it never began"):
        broken(FlowConfig(), "broken-1")
    assert document(cli, "rev-20")["run_id"] == "early"
    assert exports(document(cli, "rev-20"))["rag"] is None
    assert document(cli, "rev-20", "--run", "distill")["run_id"] == run
    assert document(cli, "rev-20", "--run", "acceptance-1")["run_id"] == "acceptance-1"
    outcome = cli("explain", "rev-20", "--run", "toy-1")
    assert (outcome.code, "scored no evidence" in outcome.err) == (2, True)


def test_a_home_without_such_a_run_says_how_to_make_one(cli, make_run):
    make_run("toy-1")
    outcome = cli("explain", "rev-1")
    assert (outcome.code, "millrace run distill" in outcome.err) == (2, True)


def test_texts_of_records_cannot_draw_on_the_terminal(cli, run):
    out = cli("explain", "odd").out
    assert "\x1b" not in out
    assert "[bold]x[/bold]" in out


def test_rules_of_another_version_are_no_crash(cli, run, home):
    path = home.run_folder(run) / "receipts" / "score-evidence.json"
    path.write_text(path.read_text().replace('"extraction_roles"', '"roles_of_old"'))
    outcome = cli("explain", "rev-20")
    assert (outcome.code, "cannot be read by this Millrace" in outcome.err) == (2, True)


def test_evidence_that_is_gone_is_named(cli, run, home):
    import shutil

    shutil.rmtree(home.datasets.root / "evidence_scores")
    outcome = cli("explain", "rev-20")
    assert (outcome.code, "no dataset evidence_scores:" in outcome.err) == (2, True)
