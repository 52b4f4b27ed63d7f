"""Processes: their names, so that a later one can tell whether a run's process still lives, and their memory."""

import ctypes
import os
import socket
from contextlib import suppress

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


def give_back_memory() -> None:
    """Return freed memory to the system: allocators keep the holes that a step leaves, some hundred MiB."""
    pa.default_memory_pool().release_unused()
    with suppress(OSError, AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)
