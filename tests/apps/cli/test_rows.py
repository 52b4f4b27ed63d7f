"""Rows of what a run put out: which dataset is meant, and which rows hold the conditions."""

import csv
import io
import re

import pytest

from apps.cli import rows
from apps.cli.main import app


@pytest.fixture(autouse=True)
def registered():
    """The command as ``main`` registers it."""
    if "rows" not in {each.callback.__name__ for each in app.registered_commands}:
        rows.register(app)


@pytest.fixture
def run(make_run):
    """Five ratings 0 to 4, then the same shifted by one."""
    return make_run(n_rows=5)


def values(cli, *arguments):
    return [row["value"] for row in cli("rows", "latest", *arguments, "--json").document["rows"]]


def test_without_a_dataset_the_outputs_are_listed(cli, run):
    outputs = cli("rows", run, "--json").document["outputs"]
    assert [(each["step"], each["kind"], each["rows"]) for each in outputs] == [
        ("make-ratings", "human_ratings", 5),
        ("shift-ratings", "human_ratings", 5),
    ]
    assert "make-ratings" in cli("rows", run).out


def test_a_kind_means_the_last_step_that_put_it_out_and_a_step_means_its_own(cli, run):
    assert values(cli, "human_ratings") == [1, 2, 3, 4, 5]
    assert values(cli, "make-ratings") == [0, 1, 2, 3, 4]
    assert values(cli, "make-ratings/human_ratings") == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        (["value=3"], [3]),
        (["value!=3"], [1, 2, 4, 5]),
        (["value<3"], [1, 2]),
        (["value>=4.0"], [4, 5]),
        (["value>1", "value<=3"], [2, 3]),
        (["trace_id=t0"], [1]),
        (["trace_id = t0"], [1]),
        (["trace_id=none of them"], []),
        (["trace_id=null"], []),
        (["trace_id!=null"], [1, 2, 3, 4, 5]),
    ],
)
def test_all_conditions_must_hold(cli, run, conditions, expected):
    words = [word for condition in conditions for word in ("--where", condition)]
    assert values(cli, "human_ratings", *words) == expected


def test_the_limit_says_that_there_are_more_and_nought_shows_all(cli, run):
    document = cli("rows", run, "human_ratings", "--limit", "2", "--json").document
    assert (len(document["rows"]), document["more"]) == (2, True)
    assert cli("rows", run, "human_ratings", "--limit", "5", "--json").document["more"] is False
    assert len(values(cli, "human_ratings", "--limit", "0")) == 5
    assert "--limit 0" in cli("rows", run, "human_ratings", "--limit", "2").out


def test_only_the_columns_asked_for_are_given_in_their_order(cli, run):
    document = cli("rows", run, "human_ratings", "--columns", "value, trace_id", "--json").document
    assert document["columns"] == ["value", "trace_id"]
    assert document["rows"][0] == {"value": 1.0, "trace_id": "t0"}


def test_csv_is_one_line_a_row_under_a_header(cli, run):
    out = cli("rows", run, "human_ratings", "--columns", "trace_id,value", "--where", "value>3", "--csv").out
    assert list(csv.reader(io.StringIO(out))) == [["trace_id", "value"], ["t3", "4.0"], ["t4", "5.0"]]


FORMULAS = [
    '=HYPERLINK("http://127.0.0.1/"&A1,"see")',
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\uff1d1+1",
    "\uff0b1",
    "\uff0d1",
    "\uff201",
]


def test_no_cell_of_csv_is_a_formula_and_that_they_were_marked_is_said(cli, home, make_run, monkeypatch):
    import toy_flow

    from millrace.records.trace import HumanRating

    texts = [*FORMULAS, "plain = text", "say\r=1+1", 'a "quoted" =1', "line\n=1+1", "", "'=1"]
    rated = [
        HumanRating(trace_id=f"t{n}", dimension=text or "none", annotator="a", value=-n) for n, text in enumerate(texts)
    ]
    monkeypatch.setattr(toy_flow.make_ratings, "function", lambda n_rows: written(rated))
    monkeypatch.setattr(toy_flow.shift_ratings, "function", lambda ratings, by: ratings)
    run = make_run(run_id="hostile")
    outcome = cli("rows", run, "human_ratings", "--columns", "dimension,value", "--csv")

    header, *read = csv.reader(io.StringIO(outcome.out, newline=""))
    assert header == ["dimension", "value"]
    assert [row[0] for row in read] == [f"'{text}" if text in FORMULAS else text or "none" for text in texts]
    assert read[3][1] == "-3.0"  # a number is none, and stays one
    assert f"{len(FORMULAS)} texts begin as a formula does" in outcome.err
    outside = re.sub('"(?:[^"]|"")*"', "", outcome.out)
    assert "\r" not in outside  # where nothing is quoted it would end a line, and the next might be a formula
    assert values(cli, "human_ratings") == [-n for n in range(len(texts))]


def test_csv_without_formulas_says_nothing(cli, run):
    assert "formula" not in cli("rows", run, "human_ratings", "--csv").err


def written(rated):
    from millrace.datasets.schema import table_of
    from millrace.records.trace import HumanRating
    from tasks.parts import write_dataset

    return write_dataset("human_ratings", table_of(HumanRating, rated))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["triage"], "there is human_ratings"),
        (["human_ratings", "--where", "score=1"], "there are trace_id, dimension, annotator, value"),
        (["human_ratings", "--columns", "score"], "there are trace_id, dimension, annotator, value"),
        (["human_ratings", "--where", "value"], "is no condition"),
        (["human_ratings", "--where", "value=many"], "is no value of value, which is double"),
        (["human_ratings", "--where", "value<null"], "=null or !=null"),
        (["human_ratings", "--json", "--csv"], "not both"),
    ],
)
def test_what_cannot_be_done_is_said_with_what_can(cli, run, arguments, said):
    outcome = cli("rows", run, *arguments)
    assert outcome.code == 2
    assert said in outcome.err + outcome.out


def test_lists_cannot_be_compared_and_the_message_names_what_can(cli, run):
    from apps.cli.row_selection import Outputs, Selection
    from millrace.errors import BadInputError

    groups = Outputs("group-failures", "failure_groups", ())
    with pytest.raises(BadInputError, match="compare one of group_id, failure_type, size"):
        Selection.of(groups, ["tenants=acme"], None)
    assert Selection.of(groups, ["size>3"], None).conditions[0].value.as_py() == 3


def test_missing_values_hold_no_comparison_but_unequal(cli, run):
    import pyarrow as pa

    from apps.cli.row_selection import Outputs, Selection

    table = pa.table({"score": pa.array([0.2, None, 0.9])})
    scores = Outputs("score-groundedness", "groundedness", ())

    def held(condition):
        return Selection.of(scores, [condition], None).conditions[0].mask(table).to_pylist()

    assert held("score<0.5") == [True, False, False]
    assert held("score!=0.9") == [True, True, False]
    assert held("score=null") == [False, True, False]


def test_an_erased_dataset_is_said_to_be_erased(cli, run, home, monkeypatch):
    import shutil

    name = cli("rows", run, "human_ratings", "--json").document["datasets"][0]
    kind, _, content_hash = name.partition(":")
    shutil.rmtree(home.root / "datasets" / kind / content_hash)
    outcome = cli("rows", run, "human_ratings")
    assert outcome.code == 2
    assert "no dataset" in outcome.err
    assert cli("rows", run, "--json").document["outputs"][-1]["rows"] is None
