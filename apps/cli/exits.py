"""Exit codes, and which error means which.

0 done · 1 a finding: a difference, a failed or rejected run · 2 usage or bad input · 3 a service is unavailable ·
4 a run waits for a person · 130 interrupted
"""

from collections.abc import Callable
from traceback import print_exception

from apps.cli.terminal import Terminal

OK = 0
FINDING = 1
BAD_INPUT = 2
UNAVAILABLE = 3
WAITING = 4
INTERRUPTED = 130


def carry_out(terminal: Terminal, action: Callable[[], int | None]) -> int:
    """Run a command's body; an error becomes one line on stderr and its exit code, a traceback with ``--debug``."""
    try:
        return action() or OK
    except KeyboardInterrupt:
        terminal.show_error("Interrupted", "interrupted", {})
        return INTERRUPTED
    except Exception as error:
        if terminal.debug:
            print_exception(error)
        return report(terminal, error)


def report(terminal: Terminal, error: Exception) -> int:
    """Say what went wrong; returns the exit code."""
    from millrace.errors import BadInputError, MillraceError, UnavailableError

    if isinstance(error, MillraceError):
        terminal.show_error(type(error).__name__, str(error), error.details)
        if isinstance(error, UnavailableError):
            return UNAVAILABLE
        return BAD_INPUT if isinstance(error, BadInputError) else FINDING
    hint = "" if terminal.debug else "; --debug shows where"
    terminal.show_error(type(error).__name__, f"unexpected {type(error).__name__}: {error}{hint}", {})
    return FINDING
