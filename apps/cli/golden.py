"""``millrace golden``: versions of golden datasets, their rows, their differences, and going back."""

from typing import Annotated

import typer

from apps.cli.command import command
from apps.cli.terminal import Terminal, lines, table

NameOption = Annotated[str, typer.Option("--name", help="Which golden dataset.")]
_DEFAULT = "main"
_QUESTION_CHARACTERS = 70


def register(app: typer.Typer) -> None:
    """Add the command group."""
    group = typer.Typer(help="Golden datasets and their versions.", no_args_is_help=True, rich_markup_mode=None)
    command(group, "list")(list_versions)
    command(group)(show)
    command(group)(diff)
    command(group)(rollback)
    app.add_typer(group, name="golden")


def list_versions(terminal: Terminal) -> None:
    """List all golden datasets with their versions; the active one is marked."""
    from apps.cli.golden_versions import all_versions

    versions = all_versions(terminal.existing_home())
    rows = [
        (each.name, each.version, "active" if each.active else "", each.dataset.rows, each.dataset.content_hash[:12])
        for each in versions
    ]
    terminal.show({"versions": versions}, table(["name", "version", "", "rows#", "content"], rows))


def show(
    terminal: Terminal,
    version: Annotated[str | None, typer.Argument(help="Default: the active one.")] = None,
    name: NameOption = _DEFAULT,
) -> None:
    """Show the rows of a version."""
    from apps.cli.golden_versions import find_version, rows_of_version

    with terminal.working("reading the version"):
        found = find_version(terminal.existing_home(), name, version)
        rows = rows_of_version(terminal.home, found).to_pylist()
    shown = [(row["split"], row["expected_behaviour"], row["category"], _short(row["question"])) for row in rows]
    head = f"{name} {found.version}: {len(rows)} rows, content {found.dataset.content_hash}"
    terminal.show(
        {"version": found, "rows": rows}, lines(head), table(["split", "expected", "category", "question"], shown)
    )


def diff(
    terminal: Terminal,
    old: Annotated[str, typer.Argument(help="A version.")],
    new: Annotated[str, typer.Argument(help="Another.")],
    name: NameOption = _DEFAULT,
) -> None:
    """Show what was added, removed and changed from one version to another."""
    from apps.cli.golden_versions import find_version, rows_of_version
    from millrace.golden.diff import diff_golden, diff_text

    home = terminal.existing_home()
    with terminal.working("comparing"):
        sides = [rows_of_version(home, find_version(home, name, version)) for version in (old, new)]
        found = diff_golden(*sides)
    text = diff_text(found, old_version=old, new_version=new)
    terminal.show({"name": name, "old": old, "new": new, "diff": found}, lines(text))


def rollback(
    terminal: Terminal,
    version: Annotated[str, typer.Argument(help="The version to make active again.")],
    name: NameOption = _DEFAULT,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Make an earlier version the active one; no version is deleted."""
    from apps.cli.golden_versions import find_version, make_active
    from millrace.errors import BadInputError

    home = terminal.existing_home()
    before, target = find_version(home, name, None), find_version(home, name, version)
    if not yes and not target.active:
        if not terminal.interactive:
            raise BadInputError(f"nobody can be asked here: give --yes to make {name} {version} active")
        typer.confirm(f"Make {name} {version} active instead of {before.version}?", abort=True, err=True)
    make_active(home, before, target)
    terminal.show(
        {"name": name, "before": before.version, "active": version},
        lines(f"{name}: {version} is active, {before.version} was before"),
    )


def _short(question: str) -> str:
    line = " ".join(question.split())
    return line if len(line) <= _QUESTION_CHARACTERS else f"{line[: _QUESTION_CHARACTERS - 1]}…"
