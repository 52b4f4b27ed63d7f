"""Every alert rule has its playbook, with its four headings and with commands that there are."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from apps.cli import alerts
from apps.cli.main import app
from millrace.monitoring.figures import FIGURES
from millrace.records.kinds import KINDS
from tasks.tables import alert_rules, playbook_names

PLAYBOOKS = Path(__file__).parents[2] / "docs" / "playbooks"
HEADINGS = ["Trigger", "Investigation", "Remediation", "Escalation"]
COMMANDS = sorted(
    {
        command
        for path in PLAYBOOKS.glob("*.md")
        for command in re.findall(r"`(millrace [^`\n]+)`", path.read_text(encoding="utf-8"))
    }
)


def test_every_playbook_has_its_four_headings_and_is_used() -> None:
    used = {rule.playbook for rule in alert_rules().rules}
    assert used == playbook_names() == {path.stem for path in PLAYBOOKS.glob("*.md")} - {"README"}
    index = (PLAYBOOKS / "README.md").read_text(encoding="utf-8")
    for name in used:
        text = (PLAYBOOKS / f"{name}.md").read_text(encoding="utf-8")
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS
        assert all(section.strip() for section in re.split(r"^## .+$", text, flags=re.MULTILINE))
        assert f"({name}.md)" in index


def test_every_rule_stands_in_its_playbook_and_in_the_index() -> None:
    index = (PLAYBOOKS / "README.md").read_text(encoding="utf-8")
    for rule in alert_rules().rules:
        trigger = (PLAYBOOKS / f"{rule.playbook}.md").read_text(encoding="utf-8").split("## Investigation")[0]
        assert f"`{rule.id}` ({rule.severity})" in trigger
        assert f"`{rule.id}`" in next(line for line in index.splitlines() if f"({rule.playbook}.md)" in line)


def test_links_between_playbooks_lead_somewhere() -> None:
    links = {link for path in PLAYBOOKS.glob("*.md") for link in re.findall(r"\]\(([^)]+)\)", path.read_text())}
    assert all((PLAYBOOKS / link).is_file() for link in links)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_a_playbook_is_one_that_there_is(command: str) -> None:
    line = shlex.split(command)[1:]
    parse(line)
    if line[0] == "rows" and len(line) > 2:
        columns = set(KINDS[line[2]].model.model_fields)
        options = dict(zip(line[3::2], line[4::2], strict=True))
        named = options.get("--columns", "").split(",") if "--columns" in options else []
        conditions = [value for option, value in zip(line[3::2], line[4::2], strict=True) if option == "--where"]
        named += [re.split(r"[=<>!]", condition)[0] for condition in conditions]
        assert set(named) <= columns
        assert all(each in FIGURES for each in re.findall(r"name=(\S+)", command))


def parse(arguments: list[str]) -> None:
    """Let the command line's own parser take the arguments, down to the last subcommand, and run nothing."""
    if all(each.callback is None or each.callback.__name__ != "alerts" for each in app.registered_commands):
        alerts.register(app)
    command: Any = typer.main.get_command(app)
    context = command.make_context("millrace", list(arguments))
    while hasattr(command, "resolve_command"):
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, rest, parent=context)
