"""Plays orders in forks of a process that has imported everything once, so that a killed one costs no imports."""

import contextlib
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from millrace.errors import MillraceError

CLEAR, UNCLEAR = 3, 1  # exit status after an error that says what was wrong, and after any other
Job = Callable[[], dict[str, Any]]


def play_at_once(jobs: Sequence[Job], folder: Path) -> list[dict[str, Any]]:
    """Each job in a process of its own, all let go at the same time.

    Returns:
        Of each what it gave, if it came to that, its exit ``status`` and the ``error`` it ended with.
    """
    reader, writer = os.pipe()
    answers = [folder / f"answer-{place}.json" for place in range(len(jobs))]
    children = [_fork(job, (reader, writer), answer) for job, answer in zip(jobs, answers, strict=True)]
    os.close(writer)
    statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    os.close(reader)
    return [
        {"status": status, "error": None} | json.loads(answer.read_text())
        for status, answer in zip(statuses, answers, strict=True)
    ]


def serve(answer: Callable[[dict[str, Any], Path], object]) -> None:
    """Answer lines of JSON by lines of JSON until the input ends; ``answer`` is given the order and a folder."""
    with tempfile.TemporaryDirectory() as folder:
        for line in sys.stdin:
            sys.stdout.write(json.dumps(answer(json.loads(line), Path(folder))) + "\n")
            sys.stdout.flush()


def _fork(job: Job, starting_line: tuple[int, int], answer: Path) -> int:
    answer.write_text("{}")
    child = os.fork()
    if child == 0:
        status = UNCLEAR
        try:
            reader, writer = starting_line
            os.close(writer)
            os.read(reader, 1)  # ends when the parent closes the other end
            _tell(answer, job())
            status = 0
        except BaseException as error:
            status = CLEAR if isinstance(error, MillraceError | OSError) else UNCLEAR
            if status == UNCLEAR:
                traceback.print_exc()
            with contextlib.suppress(OSError):
                _tell(answer, {"error": f"{type(error).__name__}: {error}"})
        finally:
            os._exit(status)
    return child


def _tell(answer: Path, content: dict[str, Any]) -> None:
    answer.write_text(json.dumps(content))
