"""The suite as DeepEval runs it: offline, in a process of its own."""

import importlib.util
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from millrace.evaluation.deepeval_cases import deepeval_files
from millrace.records.golden import GoldenRow
from tests.evaluation.conftest import GOOD, golden_row, written

needs_deepeval = pytest.mark.skipif(
    importlib.util.find_spec("deepeval") is None, reason="deepeval is not installed: pip install -e '.[eval]'"
)


def test_cases_hold_what_the_row_holds(cases: list[GoldenRow]) -> None:
    found = json.loads(deepeval_files(cases)["cases.json"])
    assert [case["golden_id"] for case in found] == [row.golden_id for row in cases]
    assert found[0]["contexts"] == ["All tyres carry a guarantee of 24 months."]
    assert found[0]["history"] == [{"speaker": "user", "text": "I have tyres."}]
    assert [case["expected_behaviour"] for case in found] == ["answer", "abstain", "block"]


def test_equal_rows_give_equal_bytes(cases: list[GoldenRow]) -> None:
    assert deepeval_files(cases) == deepeval_files([row.model_copy() for row in cases])


def run(folder: Path, command: list[str], answers: dict[str, str] | None, **variables: str) -> tuple[int, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "GOLDEN_"))}
    environment |= {"DEEPEVAL_TELEMETRY_OPT_OUT": "1", "DEEPEVAL_DISABLE_DOTENV": "1", "NO_PROXY": "*", **variables}
    environment |= {"HTTPS_PROXY": "http://127.0.0.1:9", "COLUMNS": "200"}  # nothing is asked over the network
    if answers is not None:
        lines = [json.dumps({"golden_id": name, "answer": text}) for name, text in answers.items()]
        (folder / "answers.jsonl").write_text("\n".join(lines) + "\n")
        environment["GOLDEN_ANSWERS"] = "answers.jsonl"
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout + done.stderr


def outcomes(folder: Path, answers: dict[str, str] | None, **variables: str) -> dict[str, str | None]:
    """What pytest with DeepEval's plugin says of each case: None for passed, else the message."""
    command = [sys.executable, "-m", "pytest", "-q", "--rootdir", str(folder), "-c", "/dev/null"]
    _, said = run(folder, [*command, "--junit-xml", "out.xml", "test_golden.py"], answers, **variables)
    assert (folder / "out.xml").is_file(), said
    found: dict[str, str | None] = {}
    for case in ElementTree.parse(folder / "out.xml").iter("testcase"):  # noqa: S314
        failure = case.find("failure")
        found[case.attrib["name"].partition("[")[2].rstrip("]")] = (
            None if failure is None else failure.attrib["message"]
        )
    return found


@needs_deepeval
def test_good_answers_pass_and_wrong_or_missing_ones_fail(cases: list[GoldenRow], tmp_path: Path) -> None:
    written(deepeval_files([*cases, golden_row("other"), golden_row("missing")]), tmp_path)
    wrong = {"golden-abstain": "It lasts 24 months.", "golden-other": "It lasts 12 months."}
    found = outcomes(tmp_path, GOOD | wrong)
    assert found["golden-answer"] is None
    assert found["golden-block"] is None
    assert "answered where it should have abstained" in str(found["golden-abstain"])
    assert "lacks the number 24" in str(found["golden-other"])
    assert "no answer for golden-missing" in str(found["golden-missing"])


@needs_deepeval
def test_an_application_can_be_asked(cases: list[GoldenRow], tmp_path: Path) -> None:
    written(deepeval_files(cases), tmp_path)
    (tmp_path / "my_app.py").write_text(
        f"ANSWERS = {GOOD!r}\n"
        "def answer(question, history):\n"
        "    return ANSWERS['golden-' + question.split()[-1].rstrip('?')]\n"
    )
    assert outcomes(tmp_path, None, GOLDEN_APP="my_app:answer") == dict.fromkeys(GOOD)


@needs_deepeval
def test_deepevals_own_command_loads_and_judges_the_cases(cases: list[GoldenRow], tmp_path: Path) -> None:
    written(deepeval_files(cases), tmp_path)
    command = [sys.executable, "-c", "from deepeval.cli.main import app; app()", "test", "run", "test_golden.py"]
    code, said = run(tmp_path, command, GOOD | {"golden-answer": "I do not know."})
    assert code != 0
    assert "Passed: 2 | Failed: 1" in said
