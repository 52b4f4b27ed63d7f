"""``millrace rows``: the rows of what a run put out, filtered."""

import csv
import io
import json
import sys
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from apps.cli.command import command
from apps.cli.terminal import Terminal, lines, table

if TYPE_CHECKING:
    from apps.cli.row_selection import Outputs

_CELL_CHARACTERS = 60
_COLUMNS_SHOWN = 6
_RUNS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # what a formula begins with; some spreadsheets take wide signs too

WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        "--where", help="A condition: column=value, !=, <, <=, > or >=; =null for what is missing. All must hold."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app)(rows)


def rows(
    terminal: Terminal,
    run: Annotated[str, typer.Argument(help="Run id, the beginning of one, or `latest`.")],
    dataset: Annotated[
        str | None, typer.Argument(help="A kind such as triage, a step, or step/kind; without it all are listed.")
    ] = None,
    where: WhereOption = None,
    columns: Annotated[str | None, typer.Option(help="Only these columns, separated by commas.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="At most so many rows; 0 for all.")] = 50,
    as_csv: Annotated[
        bool,
        typer.Option(
            "--csv", help="Comma-separated values on stdout; a ' goes before texts that a spreadsheet would run."
        ),
    ] = False,
) -> None:
    """Show rows of a dataset that a run put out, such as the traces behind a number of its report."""
    from apps.cli.row_selection import Selection, find_outputs, outputs_of
    from apps.cli.run_names import find_run
    from apps.cli.runs import receipts_of
    from millrace.errors import BadInputError

    if as_csv and terminal.as_json:
        raise BadInputError("give --json or --csv, not both")
    home = terminal.existing_home()
    run_id = find_run(home.ledger, run).run_id
    outputs = outputs_of(receipts_of(terminal, run_id))
    if dataset is None:
        _list(terminal, run_id, outputs)
        return
    found = find_outputs(outputs, dataset, run_id)
    selection = Selection.of(found, where or [], columns)
    selected = selection.rows(home)
    if as_csv:
        _write_csv(terminal, selection.columns, selected, limit)
        return
    with terminal.working("reading rows"):
        shown = list(islice(selected, limit + 1 if limit else None))
    more = bool(limit) and len(shown) > limit
    shown = shown[:limit] if limit else shown
    document = {"run_id": run_id, "datasets": found.names, "columns": selection.columns, "rows": shown, "more": more}
    terminal.show(document, *_human(selection.columns, shown, more, asked=columns is not None))


def _list(terminal: Terminal, run_id: str, outputs: "list[Outputs]") -> None:
    counted = [(each, each.n_rows(terminal.home)) for each in outputs]
    document = [{"step": each.step, "kind": each.kind, "rows": n, "datasets": each.names} for each, n in counted]
    listed = [(each.step, each.kind, n, len(each.names)) for each, n in counted]
    hint = lines(f"see rows with `millrace rows {run_id} KIND`; the last step of a kind is meant, or name STEP/KIND")
    terminal.show({"run_id": run_id, "outputs": document}, table(["step", "kind", "rows#", "datasets#"], listed), hint)


def _human(columns: list[str], shown: list[dict[str, Any]], more: bool, *, asked: bool) -> list[Any]:
    """A table of what fits: columns that were asked for, else the first ones that hold plain values."""
    names = columns if asked else [name for name in columns if not _nested(name, shown)][:_COLUMNS_SHOWN]
    left = [name for name in columns if name not in names]
    cells = [[_cell(row[name]) for name in names] for row in shown]
    notes = [f"{len(shown)} rows" + ("; there are more: --limit 0 shows all" if more else "")]
    if left:
        notes.append(f"columns not shown, ask for them with --columns: {', '.join(left)}")
    return [table(names, cells), lines(*notes)]


def _nested(name: str, shown: list[dict[str, Any]]) -> bool:
    return any(isinstance(row[name], list | dict) for row in shown)


def _cell(value: Any) -> str:
    from millrace.reports.wording import excerpt

    if value is None:
        return ""
    return excerpt(_as_text(value)[:4000], _CELL_CHARACTERS)


def _as_text(value: Any) -> str:
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _write_csv(terminal: Terminal, columns: list[str], selected: Iterator[dict[str, Any]], limit: int) -> None:
    """Row by row, so that a large dataset never lies in memory; missing values are empty, lists are JSON."""
    n_marked = 0
    sys.stdout.write(_csv_line(columns))
    for row in islice(selected, limit or None):
        cells = ["" if row[name] is None else _as_text(row[name]) for name in columns]
        runs = [
            isinstance(row[name], str) and cell.startswith(_RUNS) for name, cell in zip(columns, cells, strict=True)
        ]
        sys.stdout.write(
            _csv_line([f"'{cell}" if formula else cell for cell, formula in zip(cells, runs, strict=True)])
        )
        n_marked += sum(runs)
    if n_marked:
        terminal.say(f"{n_marked} texts begin as a formula does and have a ' before them; --json has them as they are")


def _csv_line(cells: list[str]) -> str:
    """Only what the end of a line consists of is quoted, and some programs take a lone carriage return for one."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().removesuffix("\r\n") + "\n"
