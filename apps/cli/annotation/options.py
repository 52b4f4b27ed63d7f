"""Options that the commands of ``millrace annotate`` share."""

import getpass
from typing import Annotated

import typer

from apps.cli.terminal import Terminal

AnnotatorOption = Annotated[str | None, typer.Option(help="Your name; default the system's user name.")]
RunOption = Annotated[str | None, typer.Option("--run", help="Only tasks of this run.")]
TaskArgument = Annotated[str, typer.Argument(help="Task id, or the beginning of one.")]
AnswerOption = Annotated[str | None, typer.Option(help="The expected answer, for `answer` only.")]
SupportOption = Annotated[
    str | None, typer.Option(help="How much of the given answer the passages support: all, part or none.")
]
NoteOption = Annotated[str | None, typer.Option(help="Anything else.")]


def name_of(annotator: str | None) -> str:
    """Whose work it is: the name given, or the system's user name."""
    return annotator or getpass.getuser()


def run_id_of(terminal: Terminal, run: str | None) -> str | None:
    """The id of the run meant; None where none was named."""
    from apps.cli.run_names import find_run

    return None if run is None else find_run(terminal.existing_home().ledger, run).run_id


def answer_fields(
    verdict: str | None, behaviour: str | None, answer: str | None, support: str | None, note: str | None
) -> dict[str, object]:
    """The options of an answer under the names of its fields; those not given are left out."""
    fields = {"verdict": verdict, "expected_behaviour": behaviour, "expected_answer": answer}
    fields |= {"support": support, "note": note}
    return {name: value for name, value in fields.items() if value is not None}
