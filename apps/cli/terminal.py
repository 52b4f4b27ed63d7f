"""What a command says and where: one JSON document or text on stdout, progress and errors on stderr."""

import json
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from tasks.home import Home

_PLAIN_WIDTH = 120  # of tables that do not go to a terminal


@dataclass
class Terminal:
    """The surroundings of one command."""

    as_json: bool
    root: Path
    debug: bool
    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    _shown: bool = False

    @cached_property
    def home(self) -> "Home":
        """The home this command works on; nothing is created until it is used."""
        from tasks.home import Home

        return Home(self.root)

    def existing_home(self) -> "Home":
        """The home, which must be there.

        Raises:
            NotFoundError: nothing was ever stored here.
        """
        from millrace.errors import NotFoundError

        if not (self.root / "ledger.sqlite").is_file():
            raise NotFoundError(
                f"no Millrace home at {self.root}; `millrace demo` makes one, or name another with --home",
                home=str(self.root),
            )
        return self.home

    @cached_property
    def out(self) -> "Console":
        return _console(self.stdout)

    @cached_property
    def err(self) -> "Console":
        return _console(sys.stderr)

    @property
    def interactive(self) -> bool:
        """Whether a person can be asked here."""
        return not self.as_json and sys.stdin.isatty()

    def show(self, document: object, *human: "RenderableType") -> None:
        """The command's result, once: as a document for programs, or as text for people."""
        if self.as_json:
            self._write(document)
            return
        for renderable in human:
            self.out.print(renderable)

    def show_error(self, error_type: str, message: str, details: dict[str, object]) -> None:
        """What went wrong: one red line, or an error document when nothing else was written."""
        if self.as_json and not self._shown:
            self._write({"error": {"type": error_type, "message": message, "details": details}})
        else:
            self.say(message, style="bold red")

    def say(self, message: str, style: str | None = None) -> None:
        """A line on stderr."""
        self.err.print(message, style=style, markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def working(self, what: str) -> Iterator[None]:
        """Show that something takes its time: a spinner on a terminal, a line after two seconds elsewhere."""
        if self.err.is_terminal:
            with self.err.status(what):
                yield
            return
        timer = threading.Timer(2.0, self.say, [f"{what} ..."])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _write(self, document: object) -> None:
        self._shown = True
        text = json.dumps(document, indent=2, sort_keys=True, default=plain, ensure_ascii=False, allow_nan=False)
        self.stdout.write(text + "\n")
        self.stdout.flush()


def plain(value: object) -> object:
    """The JSON form of records, paths, times and sets."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str | None = None) -> "RenderableType":
    """A table of plain texts; columns whose name ends in ``#`` are numbers, right-aligned."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    shown = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    for column in columns:
        shown.add_column(column.removesuffix("#"), justify="right" if column.endswith("#") else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    return shown


def markdown(text: str) -> "RenderableType":
    """Markdown, rendered."""
    from rich.markdown import Markdown

    return Markdown(text)


def lines(*texts: str) -> "RenderableType":
    """Plain lines, taken literally."""
    from rich.text import Text

    return Text("\n".join(texts))


def mebibytes(n_bytes: int) -> str:
    """A size in MiB with one decimal."""
    return f"{n_bytes / 2**20:.1f} MiB"


def _console(stream: TextIO) -> "Console":
    from rich.console import Console

    console = Console(file=stream)
    return console if console.is_terminal else Console(file=stream, width=max(console.width, _PLAIN_WIDTH))
