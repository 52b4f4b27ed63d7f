"""With MILLRACE_LOG=json each line of the log is a JSON object that says of which run, step and trace it is."""

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.logging.handlers import PrefectConsoleHandler
from prefect.settings import PREFECT_API_URL
from structlog.stdlib import ProcessorFormatter

from tasks.home import Home
from tasks.logs import LOG_VARIABLE, json_formatter, log_context, set_up_logs
from tasks.run import log
from tests.tasks.turns import Turn, make_ratings

ROOT = Path(__file__).parents[2]
SECRET = "sk-" + "a1B2c3D4" * 5


@pytest.fixture
def lines() -> Iterator[Any]:
    """What Millrace's logger writes, as it stands in the stream."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(json_formatter())
    logger = logging.getLogger("millrace")
    level, propagates = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.removeHandler(handler)
    logger.setLevel(level)
    logger.propagate = propagates


def test_a_line_says_when_how_grave_and_what(lines: Any) -> None:
    log().warning("%d of %d rows", 1, 2)

    (line,) = lines()
    assert (line["level"], line["logger"], line["event"]) == ("warning", "millrace", "1 of 2 rows")
    assert line["time"].endswith("+00:00")


def test_a_line_about_one_trace_carries_its_id(lines: Any) -> None:
    with log_context(run_id="r1", step="answer"):
        log().info("failed", extra={"trace_id": "t-7", "unknown": "left out"})
    log().info("outside")

    inside, outside = lines()
    assert (inside["run_id"], inside["step"], inside["trace_id"]) == ("r1", "answer", "t-7")
    assert not {"unknown"} & inside.keys()
    assert not {"run_id", "step", "trace_id"} & outside.keys()


def test_personal_data_and_secrets_are_replaced_in_events_errors_and_ids(lines: Any) -> None:
    try:
        raise ValueError(f"refused {SECRET}")
    except ValueError:
        log().exception("mail to %s", "mary@example.org", extra={"trace_id": "bob@example.org"})

    (line,) = lines()
    assert line["event"] == "mail to [EMAIL]"
    assert line["trace_id"] == "[EMAIL]"
    assert "ValueError: refused [API_TOKEN]" in line["exception"]
    assert SECRET not in json.dumps(line)


def test_a_text_over_several_lines_stays_on_one(lines: Any) -> None:
    log().info("first\nsecond [bold]:smile:")

    assert lines()[0]["event"] == "first\nsecond [bold]:smile:"


def test_the_lines_of_a_run_carry_its_id_and_step(plain: Turn, home: Home, lines: Any) -> None:
    plain(lambda: make_ratings(2), "the-run")

    (line,) = [line for line in lines() if line.get("step") == "make-ratings"]
    assert (line["run_id"], line["flow"]) == ("the-run", "toy")
    assert "0 rows in, 2 out" in line["event"]


def test_prefects_own_form_stays_unless_json_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    handler = PrefectConsoleHandler()
    handler.setFormatter(formatter := logging.Formatter())
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])

    monkeypatch.delenv(LOG_VARIABLE, raising=False)
    set_up_logs()
    assert handler.formatter is formatter

    monkeypatch.setenv(LOG_VARIABLE, "json")
    set_up_logs()
    assert isinstance(handler.formatter, ProcessorFormatter)


@pytest.mark.prefect
def test_a_run_in_prefect_writes_nothing_but_json_when_asked_to(tmp_path: Path, prefect_server: None) -> None:
    program = (
        "from tests.tasks.turns import make_ratings, prefect_turn\n"
        "from prefect.logging import get_run_logger\n"
        "def body():\n"
        "    get_run_logger().warning('mail to mary@example.org', extra={'trace_id': 't-7'})\n"
        "    return make_ratings(2)\n"
        "prefect_turn(body, 'the-run')\n"
    )
    environment = {
        LOG_VARIABLE: "json",
        "MILLRACE_HOME": str(tmp_path / "home"),
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_API_URL": PREFECT_API_URL.value() or "",
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    (tmp_path / "prefect").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )

    written = [line for line in done.stderr.splitlines() if line.strip()]
    found = [json.loads(line) for line in written]
    (about,) = [line for line in found if line.get("trace_id") == "t-7"]
    assert (about["event"], about["run_id"], about["logger"]) == ("mail to [EMAIL]", "the-run", "prefect.flow_runs")
    assert about["flow_run_id"]
    assert any(line.get("step") == "make-ratings" for line in found)
    assert "mary@example.org" not in done.stderr
