"""Processes by name, so that a later one can tell whether a run's process still lives."""

import os
import socket

import psutil


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
