"""What all commands share: help, exit codes, documents, errors."""

import subprocess
import sys

import pytest

COMMANDS = [
    "demo", "up", "run", "plan", "import traces", "runs", "show", "resume", "report", "annotate next",
    "annotate submit", "annotate skip", "annotate release", "annotate status", "annotate list", "annotate show",
    "annotate history", "annotate guidelines", "annotate adjudicate", "annotate export", "annotate import",
    "approve", "golden list", "golden show", "golden diff", "golden rollback", "golden remove", "evals", "rows",
    "verify", "gc", "alerts", "doctor", "gate", "import feedback", "ask", "export traces", "export embeddings",
    "calibration build", "calibration check", "explain", "trace-back", "release-key",
    "reviewer add", "reviewer revoke", "reviewer list", "reviewer roles", "reviewer single-user", "code",
    "audit show", "audit verify", "audit anchor", "hold place", "hold release", "hold list",
    "erase request", "erase status", "erase list", "backup", "restore",
]  # fmt: skip
HEAVY = ("prefect", "torch", "pyarrow", "sqlalchemy", "pandas", "numpy", "pydantic", "rich", "textual")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_takes_the_common_options(cli, command):
    outcome = cli(*command.split(), "--help")
    assert outcome.code == 0
    assert all(option in outcome.out for option in ("--json", "--home", "--debug"))


def test_help_imports_nothing_heavy():
    code = "import sys; sys.argv = ['millrace', '--help']; from apps.cli.main import main\n"
    code += "try: main()\nexcept SystemExit: pass\n"
    code += f"sys.stderr.write(' '.join(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "annotate" in done.stdout
    assert done.stderr == ""


def test_bad_usage_ends_with_2(cli):
    assert cli("run").code == 2
    assert cli("frobnicate").code == 2


def test_bad_usage_with_json_is_a_document(finish):
    outcome = finish("run", "--json")
    assert outcome.code == 2
    assert outcome.document["error"]["type"] == "UsageError"


def test_bad_input_ends_with_2_and_one_line_without_traceback(cli):
    outcome = cli("show", "latest")
    assert outcome.code == 2
    assert outcome.out == ""
    assert "no Millrace home at" in outcome.err
    assert "Traceback" not in outcome.err


def test_debug_shows_the_traceback(cli):
    assert "Traceback" in cli("show", "latest", "--debug").err


def test_an_error_with_json_is_a_document_on_stdout(cli, home):
    error = cli("show", "latest", "--json").document["error"]
    assert error["type"] == "NotFoundError"
    assert error["details"] == {"home": str(home.root)}


def test_looking_makes_no_home(cli, home):
    for command in (["runs"], ["show", "latest"], ["gc"], ["golden", "list"], ["annotate", "status"]):
        assert cli(*command).code == 2
    assert not home.root.exists()
