"""Processes: their names, by which a later one can tell whether they still live, their turns, their memory."""

import ctypes
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pyarrow as pa


def process_name() -> str:
    """``host:pid:start`` of this process; a later process can tell whether it still lives."""
    return f"{socket.gethostname()}:{os.getpid()}:{psutil.Process().create_time():.0f}"


def process_lives(name: str) -> bool:
    """Whether the named process runs on this host; another host's cannot be seen and counts as living."""
    host, pid, started = name.rsplit(":", 2)
    if host != socket.gethostname():
        return True
    try:
        return f"{psutil.Process(int(pid)).create_time():.0f}" == started
    except psutil.NoSuchProcess:
        return False


@contextmanager
def taking_turns(lock_file: Path) -> Iterator[None]:
    """Processes and threads that name the same file go one after the other; one that dies makes way."""
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    with lock_file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def give_back_memory() -> None:
    """Return freed memory to the system: allocators keep the holes that a step leaves, some hundred MiB."""
    pa.default_memory_pool().release_unused()
    with suppress(OSError, AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)
