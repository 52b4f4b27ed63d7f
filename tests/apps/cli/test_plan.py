"""Plans: rows and parts from the input, times from the table or from what was measured here."""

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apps.cli.planning import START_S, count_rows, plan_flow
from flows.import_traces import ImportTracesConfig
from flows.weekly_flywheel import WeeklyFlywheelConfig
from millrace.datasets.manifest import DatasetRef
from millrace.errors import BadInputError, NotFoundError
from millrace.ledger import catalogue


@pytest.fixture
def lines(tmp_path):
    path = tmp_path / "traces.jsonl"
    path.write_text('{"a": 1}\n' * 15_000)
    return path


def test_rows_of_each_file_form(tmp_path, lines):
    pq.write_table(pa.table({"a": [1, 2, 3]}), tmp_path / "a.parquet")
    assert count_rows(lines) == 15_000
    assert count_rows(tmp_path / "a.parquet") == 3
    with pytest.raises(NotFoundError):
        count_rows(tmp_path / "none.jsonl")


def test_an_import_takes_its_rows_in_parts_of_ten_thousand(home, lines):
    # the table says 1 500 rows/s: 15 000 rows take 10 s
    plan = plan_flow(home, "import-traces", ImportTracesConfig(file=str(lines)))
    assert (plan.n_rows, plan.n_parts) == (15_000, 2)
    assert plan.expected_s == pytest.approx(START_S + 10.0)
    assert plan.steps[0].basis == "estimate for two cores"
    assert plan.cost_usd == 0


def test_a_week_is_the_traces_that_the_catalogue_has_in_it(home):
    def register(number, day):
        ref = DatasetRef(kind="traces", content_hash=f"{number}" * 64, rows=1000 * number)
        at = datetime(2026, 11, day, 12, tzinfo=UTC)
        catalogue.register(home.ledger, ref, time_from=at, time_to=at, tenants=["t"], run_id="r", at=at)

    register(1, 8)  # the Sunday before 2026-W46
    register(2, 9)
    register(3, 15)
    register(4, 16)
    assert plan_flow(home, "weekly-flywheel", WeeklyFlywheelConfig(week="2026-W46")).n_rows == 5000


def test_speeds_measured_in_this_home_beat_the_table(home, make_run, monkeypatch):
    # the toy's first step gives 40 rows out; that run's steps are the speed of 40 rows in their time
    from apps.cli import planning
    from tasks.receipts import read_receipts

    make_run(n_rows=40)
    shift = read_receipts(home.run_folder("toy-flow-1"))[1]
    monkeypatch.setitem(planning.SPEEDS, "toy-flow", {"shift-ratings": 1.0, "other": 10.0})
    monkeypatch.setitem(planning._COUNTS, "toy-flow", ("rows", lambda _home, _config: 80))
    plan = plan_flow(home, "toy-flow", ImportTracesConfig(file=""))
    assert plan.steps[0].basis == "measured in this home"
    assert plan.steps[0].expected_s == pytest.approx(2 * shift.duration_s)
    assert plan.steps[1].expected_s == pytest.approx(8.0)


def test_the_command_shows_the_plan(cli, lines):
    outcome = cli("plan", "import-traces", "--set", f"file={lines}")
    assert outcome.code == 0
    assert "15000 rows, 2 parts" in outcome.out
    assert "0.00 USD; no paid model is configured" in outcome.out
    assert cli("plan", "import-traces", "--set", f"file={lines}", "--json").document["n_parts"] == 2


def test_a_plan_with_wrong_settings_is_refused(cli):
    outcome = cli("plan", "weekly-flywheel", "--set", "minimum_completed=-1", "--json")
    assert outcome.code == 2
    assert "minimum_completed: -1 is not allowed" in outcome.document["error"]["message"]


def test_a_file_that_is_parquet_by_name_only_is_refused(tmp_path):
    (tmp_path / "in.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(BadInputError, match="not a readable Parquet file"):
        count_rows(tmp_path / "in.parquet")
