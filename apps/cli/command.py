"""Registering commands: every one takes ``--json``, ``--home`` and ``--debug``."""

import inspect
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec

import typer

from apps.cli.environment import home_root, set_variables
from apps.cli.exits import carry_out
from apps.cli.terminal import Terminal

P = ParamSpec("P")
Body = Callable[Concatenate[Terminal, P], int | None]

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout and nothing else there.")]
HomeOption = Annotated[Path | None, typer.Option(help="Home folder; default MILLRACE_HOME, else .millrace.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]

_COMMON: dict[str, tuple[Any, Any]] = {
    "json": (JsonOption, False),
    "home": (HomeOption, None),
    "debug": (DebugOption, False),
}


def command(app: typer.Typer, name: str | None = None) -> Callable[[Body[P]], Body[P]]:
    """Register a function as a command of ``app``.

    The function gets its :class:`Terminal` first, then its own options; it returns an exit code, None meaning 0.
    """

    def decorate(body: Body[P]) -> Body[P]:
        def run(**given: Any) -> None:
            as_json, home, debug = (given.pop(option) for option in _COMMON)
            raise typer.Exit(_run(partial(body, **given), as_json=as_json, home=home, debug=debug))

        run.__doc__ = body.__doc__
        run.__name__ = body.__name__
        run.__signature__ = _with_common(body)  # type: ignore[attr-defined]
        run.__annotations__ = {name: each.annotation for name, each in inspect.signature(run).parameters.items()}
        app.command(name or body.__name__.replace("_", "-"))(run)
        return body

    return decorate


def _run(body: Callable[..., int | None], *, as_json: bool, home: Path | None, debug: bool) -> int:
    terminal = Terminal(as_json=as_json, root=home_root(home), debug=debug)
    set_variables(terminal.root)
    if not as_json:
        return carry_out(terminal, partial(body, terminal))
    with redirect_stdout(sys.stderr):  # whatever a library prints must not spoil the document
        return carry_out(terminal, partial(body, terminal))


def _with_common(body: Callable[..., Any]) -> inspect.Signature:
    own = list(inspect.signature(body, eval_str=True).parameters.values())[1:]
    common = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
        for name, (annotation, default) in _COMMON.items()
    ]
    return inspect.Signature([each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own] + common)
