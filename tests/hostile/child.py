"""Runs a reader on inputs in forked children, where one may hang, die or take memory without taking the test with it.

A child reads one batch and says of each input when it begins and how it ended. Its processor time is limited for each
input by a signal that ends the process, its memory by the operating system; the input at which it died is a failure,
and the next child goes on after it. Time on the wall is limited too, generously: other work may hold a child up.
"""

import faulthandler
import gc
import json
import os
import resource
import select
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from apps.cli.terminal import plain
from millrace.errors import MillraceError
from tests.hostile.mutation import Files, Link

CPU_SECONDS = 2.0
WALL_SECONDS = 60.0
PEAK_BYTES = 500 * 2**20
_ADDRESS_BYTES = 3 * 2**30  # more than was there before: a last resort for the machine; PEAK_BYTES is what counts
_MESSAGE_BYTES = 64 * 2**10

Read = Callable[[Path, Path], object]
"""Reads the input in the first folder; the second is the child's own, empty at first and kept between inputs."""


@dataclass(frozen=True)
class Input:
    """What is to be read, made in the child, and what reads it."""

    make: Callable[[], Files]
    read: Read


@dataclass(frozen=True)
class Outcome:
    """How an input ended, by its place in the list; ``failure`` is None after a result, or an error of ours."""

    place: int
    ending: str
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    failure: str | None = None


def run(inputs: Sequence[Input], folder: Path) -> Iterator[Outcome]:
    """Each input's outcome, in order; as many children as it takes. The folder is there, and becomes theirs."""
    place = 0
    while place < len(inputs):
        done, died = _one_child(inputs[place:], folder)
        yield from (replace(each, place=place + each.place) for each in done)
        place += len(done)
        if died is not None and place < len(inputs):
            yield Outcome(place, "died", failure=died)
            place += 1


def write(files: Files, folder: Path, outside: Path) -> None:
    """Put an input into an empty folder."""
    folder.mkdir(parents=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Link):
            path.symlink_to(content.target.format(outside=outside))
        else:
            path.write_bytes(content)


def _one_child(inputs: Sequence[Input], folder: Path) -> tuple[list[Outcome], str | None]:
    """What the child said, and how it died; None when it lived to the end."""
    trace = folder / "last-words.txt"
    reading, writing = os.pipe()
    gc.collect()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _live(inputs, folder, writing, trace)
    os.close(writing)
    try:
        with os.fdopen(reading, "rb") as said:
            done, in_time = _listen(said)
    finally:
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    shutil.rmtree(folder / "input", ignore_errors=True)
    shutil.rmtree(folder / "scratch", ignore_errors=True)
    if len(done) == len(inputs):
        return done, None
    if not in_time:
        return done, f"nothing for {WALL_SECONDS:g} s"
    ended = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
    name = f"exit {os.waitstatus_to_exitcode(status)}" if ended is None else signal.Signals(ended).name
    over = f": over {CPU_SECONDS:g} s of processor time" if ended == signal.SIGPROF else ""
    words = trace.read_text(errors="replace")[:3000] if trace.is_file() else ""
    return done, f"the process ended by {name}{over}\n{words}"


def _listen(said: Any) -> tuple[list[Outcome], bool]:
    done: list[Outcome] = []
    descriptor, held = said.fileno(), b""
    while True:
        ready, _, _ = select.select([descriptor], [], [], WALL_SECONDS)
        if not ready:
            return done, False
        piece = os.read(descriptor, 65_536)
        if not piece:
            return done, True
        *lines, held = (held + piece).split(b"\n")
        done += [Outcome(**json.loads(line)) for line in lines]


def _live(inputs: Sequence[Input], folder: Path, writing: int, trace: Path) -> None:
    """The child's life; never returns."""
    try:
        with trace.open("w") as words:
            _limit(words)
            outside, scratch, base = folder / "outside", folder / "scratch", _peak()
            scratch.mkdir()
            for place, each in enumerate(inputs):
                write(each.make(), folder / "input", outside)
                outcome = replace(_outcome(each.read, folder / "input", scratch, base), place=place)
                shutil.rmtree(folder / "input", ignore_errors=True)
                os.write(writing, json.dumps(outcome.__dict__).encode() + b"\n")
        os.close(writing)
    finally:
        # Neither exit handlers nor what is buffered: both are the parent's.
        os._exit(0)


def _limit(words: Any) -> None:
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    faulthandler.enable(words)
    faulthandler.register(signal.SIGPROF, words, all_threads=False, chain=True)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + _ADDRESS_BYTES, used + _ADDRESS_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)


def _outcome(read: Read, place: Path, scratch: Path, base: int) -> Outcome:
    before, begun = _peak(), time.process_time()
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    ending, failure = "result", None
    try:
        read(place, scratch)
    except MillraceError as error:
        ending, failure = type(error).__name__, _unfit(error)
    except BaseException as error:
        ending = type(error).__name__
        failure = "".join(traceback.format_exception(error, limit=-12))[-6000:].encode(errors="replace").decode()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    peak = _peak()
    grown = peak - base if peak > before else 0  # what an earlier input took is not this one's
    if failure is None and grown > PEAK_BYTES:
        failure = f"{grown / 2**20:.0f} MiB more memory than before"
    return Outcome(0, ending, time.process_time() - begun, grown, failure)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _unfit(error: MillraceError) -> str | None:
    """Why an error of ours could not be told as the command line tells it; None when it could."""
    try:
        told = {"message": str(error), "details": error.details}
        n_bytes = len(json.dumps(told, default=plain, ensure_ascii=False, allow_nan=False).encode())
    except Exception as failure:
        return (
            f"the error cannot be shown: {failure!r}\n{''.join(traceback.format_exception(error, limit=-12))[-5000:]!a}"
        )
    if n_bytes > _MESSAGE_BYTES:
        return f"the error's message is {n_bytes} bytes long\n{traceback.format_exc(limit=-12)[:3000]!a}"
    return None
