"""``millrace golden``: versions of golden datasets, their rows, their differences, going back, and taking rows out."""

from typing import TYPE_CHECKING, Annotated

import typer

from apps.cli.command import command
from apps.cli.terminal import Terminal, lines, table

if TYPE_CHECKING:
    from apps.cli.golden_versions import ListedVersion

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
    command(group)(remove)
    app.add_typer(group, name="golden")


def list_versions(terminal: Terminal) -> None:
    """List all golden datasets with their versions; the active one is marked."""
    from apps.cli.golden_versions import all_versions

    versions = all_versions(terminal.existing_home())
    head = ["name", "version", "", "rows#", "added#", "removed#", "made", "note", "content"]
    terminal.show({"versions": versions}, table(head, [_listed(each) for each in versions]))


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


def remove(
    terminal: Terminal,
    golden_id: Annotated[str, typer.Argument(help="The row; `millrace golden show --json` lists them.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept with the new version.")],
    name: NameOption = _DEFAULT,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Publish a new major version without one row; older versions keep it, older answers do not bring it back."""
    from apps.cli.golden_versions import find_version, remove_row, rows_of_version
    from millrace.errors import BadInputError, NotFoundError

    if not reason.strip():
        raise BadInputError("--reason is empty: say why the row goes")
    home = terminal.existing_home()
    active = find_version(home, name, None)
    questions = [row["question"] for row in rows_of_version(home, active).to_pylist() if row["golden_id"] == golden_id]
    if not questions:
        raise NotFoundError(
            f"{name} {active.version} has no row {golden_id}; `millrace golden show --json` lists them", name=name
        )
    if not yes:
        if not terminal.interactive:
            raise BadInputError(f"nobody can be asked here: give --yes to remove {golden_id}")
        typer.confirm(f"Remove {_short(questions[0])!r} from {name} {active.version}?", abort=True, err=True)
    with terminal.working("publishing"):
        removed = remove_row(home, active, golden_id, reason)
    terminal.show(
        {"name": name, "before": active.version, "active": removed.version, "removed": golden_id, "reason": reason},
        lines(f"{name}: {removed.version} is active, without {golden_id}; {active.version} still has it"),
    )


def _listed(version: "ListedVersion") -> tuple[object, ...]:
    about = version.about
    facts = (
        (about.added, about.removed, f"{about.created_at:%Y-%m-%d %H:%M}", _short(about.note or "", 40))
        if about
        else ("", "", "", "")
    )
    active = "active" if version.active else ""
    return (version.name, version.version, active, version.dataset.rows, *facts, version.dataset.content_hash[:12])


def _short(text: str, n_characters: int = _QUESTION_CHARACTERS) -> str:
    line = " ".join(text.split())
    return line if len(line) <= n_characters else f"{line[: n_characters - 1]}…"
