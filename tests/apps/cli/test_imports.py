"""``millrace import feedback``: its options become the flow's settings."""

import json

import pytest

ROW = {"run": "t1", "stars": 5, "time": "2026-11-12T08:00:00Z", "comment": "thanks"}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "feedback.jsonl"
    path.write_text("\n".join(map(json.dumps, [ROW, ROW, ROW | {"stars": 9}])))
    return path


@pytest.mark.prefect
@pytest.mark.usefixtures("prefect_server")
def test_a_file_of_stars_is_taken_in_and_what_became_of_its_rows_is_told(cli, file):
    options = ("--scale", "stars", "--field", "trace_id=run", "--field", "rating=stars", "--tenant", "mill")
    outcome = cli("import", "feedback", file, *options, "--json")
    assert outcome.code == 0
    assert outcome.document["flow"] == "import-feedback"
    result = outcome.document["result"]
    counts = {name: value for name, value in result.items() if name.startswith("n_")}
    assert counts == {"n_ratings": 1, "n_corrections": 0, "n_comments": 1, "n_duplicates": 1, "n_revised": 0}
    assert (result["feedback"]["rows"], result["skips"]["rows"]) == (1, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--scale", "grades"], "grades"),
        (["--field", "trace_id"], "name=path"),
        (["--field", "mood=x"], "mood"),
        (["--time", "yesterday"], "time"),
    ],
)
def test_wrong_options_are_named(cli, file, options, message):
    outcome = cli("import", "feedback", file, *options)
    assert outcome.code == 2
    assert message in outcome.err


def test_a_file_that_is_not_there_is_named(cli):
    assert "no file gone.jsonl" in cli("import", "feedback", "gone.jsonl").err
