"""Every command in the README is run by an acceptance test, and is one that there is."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from apps.cli.flow_catalogue import load_flow, read_config
from apps.cli.main import app
from tests.docs import readme

ROOT = readme.README.parent
ACCEPTANCE = Path(__file__).parents[1] / "acceptance"
ALL = sorted(set(readme.commands()))
MILLRACE = [each for each in ALL if each.startswith("millrace ")]
PREFECT = [each for each in ALL if each.startswith("prefect ") and each not in readme.in_blocks()]
MAKE = [each for each in ALL if each.startswith("make ")]
# `make test` runs this suite, so that no test of it can run `make test`.
RUN_BY_CI = {"test": "make test"}


def test_no_command_escapes_the_tests():
    """Commands in marked blocks are run; those in running text are parsed below."""
    used = re.findall(r'readme\.(?:block|lines)\("([a-z-]+)"\)', "".join(map(Path.read_text, ACCEPTANCE.glob("*.py"))))
    assert {name for name, _ in readme.blocks()} == set(used) | set(RUN_BY_CI)
    assert len({name for name, _ in readme.blocks()}) == len(readme.blocks())
    in_ci = [line.partition("#")[0].strip() for line in (ROOT / ".ci" / "run").read_text().splitlines()]
    assert all(command in in_ci for command in RUN_BY_CI.values())


def test_the_flows_run_one_by_one_are_run_in_the_other_ways_too():
    """The terminal's block is not run as it stands: its settings are given to deployments, its lines run elsewhere."""
    assert set(readme.lines("terminal")) <= {*readme.lines("worker"), *readme.lines("import")}


def test_blocks_hold_nothing_but_known_programs():
    programs = {line.split()[0] for _, text in readme.blocks() for line in text.splitlines()}
    assert programs <= {"make", "millrace", "prefect", "export", "."}


@pytest.mark.parametrize("command", MILLRACE)
def test_a_millrace_command_parses(command):
    parse(shlex.split(command)[1:])


def test_parsing_finds_what_is_not_there():
    for wrong in ("frobnicate", "up --prot 1", "golden shwo", "run", "demo extra", "up --port many"):
        with pytest.raises(Exception, match=r"(?i)no such|missing|unexpected|valid integer"):
            parse(wrong.split())


@pytest.mark.parametrize("command", [each for each in MILLRACE if each.startswith("millrace run ")])
def test_the_settings_of_a_run_are_taken(command):
    _, _, flow, *rest = shlex.split(command)
    overrides = [value for option, value in zip(rest[::2], rest[1::2], strict=True) if option == "--set"]
    read_config(load_flow(flow), None, overrides)


@pytest.mark.parametrize("command", MAKE)
def test_a_make_target_exists(command):
    _, target, *arguments = shlex.split(command)
    planned = subprocess.run(["make", "-n", target, *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    given = [each.removeprefix("ARGS=") for each in arguments]
    assert all(argument in planned.stdout for argument in given)


@pytest.mark.parametrize("command", PREFECT)
def test_a_prefect_command_of_the_running_text_exists(command):
    done = subprocess.run([sys.executable, "-m", *shlex.split(command), "--help"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_flows_named_are_deployed():
    deployed = {each["name"] for each in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]}
    named = set(re.findall(r"prefect deployment run ([a-z-]+)/([a-z-]+)", "\n".join(ALL)))
    assert named
    assert all(flow == name and name in deployed for flow, name in named)


def parse(arguments: list[str]) -> None:
    """Let the command line's own parser take the arguments, down to the last subcommand, and run nothing."""
    command: Any = typer.main.get_command(app)
    context = command.make_context("millrace", list(arguments))
    while hasattr(command, "resolve_command"):
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, rest, parent=context)
