"""Listing and showing runs, and which run a name means."""

from datetime import UTC, datetime

import pytest

from apps.cli.run_names import find_run
from millrace.errors import BadInputError, NotFoundError
from millrace.ledger import approvals, runs


def start(home, run_id, *, hour, process="elsewhere:1:1"):
    at = datetime(2026, 11, 20, hour, tzinfo=UTC)
    return runs.start_run(home.ledger, run_id, flow="toy-flow", config={}, started_at=at, process=process)


def dead_process():
    import socket

    return f"{socket.gethostname()}:999999999:1"


def test_a_run_is_found_by_id_unique_beginning_or_as_the_latest(home):
    start(home, "toy-a", hour=1)
    start(home, "toy-ab", hour=3)
    start(home, "toy-c", hour=2)
    assert find_run(home.ledger, "toy-c").run_id == "toy-c"
    assert find_run(home.ledger, "toy-ab").run_id == "toy-ab"
    assert find_run(home.ledger, "toy-a").run_id == "toy-a"  # exact, though another begins so
    assert find_run(home.ledger, "latest").run_id == "toy-ab"
    with pytest.raises(BadInputError, match="3 runs begin with 'toy-'"):
        find_run(home.ledger, "toy-")
    with pytest.raises(NotFoundError):
        find_run(home.ledger, "other")


def test_runs_lists_the_latest_first(cli, make_run):
    make_run("one")
    make_run("two", n_rows=4)
    listed = cli("runs", "--json").document["runs"]
    assert [(run["run_id"], run["status"]) for run in listed] == [("two", "completed"), ("one", "completed")]
    assert [run["run_id"] for run in cli("runs", "--limit", "1", "--json").document["runs"]] == ["two"]


def test_a_running_run_without_a_process_is_shown_as_crashed(cli, home):
    start(home, "gone", hour=1, process=dead_process())
    start(home, "abroad", hour=2)
    shown = {run["run_id"]: run["status"] for run in cli("runs", "--json").document["runs"]}
    assert shown == {"gone": "crashed", "abroad": "running"}
    assert "millrace resume gone" in cli("show", "gone").out


def test_show_gives_steps_with_rows_and_outputs(cli, make_run):
    make_run(n_rows=4)
    document = cli("show", "latest", "--json").document
    steps = {each["step"]: each for each in document["receipts"]}
    assert list(steps) == ["make-ratings", "shift-ratings"]
    assert steps["shift-ratings"]["counts"]["rows_in"] == 4
    assert document["summary"]["n_stages"] == 2
    shown = cli("show", "toy-flow").out
    assert "shift-ratings" in shown
    assert steps["shift-ratings"]["outputs"][0][:26] in shown


def test_show_tells_what_a_run_waits_for(cli, home):
    start(home, "asking", hour=1)
    approvals.ask(
        home.ledger, "asking", "approval-1", prefect_run_id=None, title="Approve?", markdown="# A",
        pinned_hash="0" * 64, at=datetime(2026, 11, 20, tzinfo=UTC),
    )  # fmt: skip
    assert cli("show", "asking", "--json").document["waiting_approvals"][0]["title"] == "Approve?"
    assert "millrace approve asking" in cli("show", "asking").out


def test_a_report_is_shown_and_its_page_named(cli, make_run, tmp_path):
    make_run(folder=str(tmp_path / "reports"))
    assert "Toy report in report.md" in cli("report", "latest").out
    assert cli("report", "latest", "--html").out.strip() == str(tmp_path / "reports/report.html")
    assert cli("report", "latest", "--json").document["reports"][0]["markdown"].endswith("report.md")


def test_a_run_without_a_report_and_a_lost_report_are_errors(cli, make_run, tmp_path):
    make_run("none")
    assert cli("report", "none").code == 2
    make_run("lost", folder=str(tmp_path / "reports"))
    (tmp_path / "reports/report.html").unlink()
    assert "not there any more" in cli("report", "lost").err
