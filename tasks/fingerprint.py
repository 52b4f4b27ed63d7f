"""What code decides a stage's values: the files its function can reach by import, and the libraries they use."""

import hashlib
import importlib.util
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.metadata import packages_distributions, version
from pathlib import Path

import grimp

PACKAGES = ("blocks", "millrace", "tasks")

# These decide when a stage runs and where its bytes lie, never what it computes.
WRAPPERS = frozenset(
    f"tasks.{name}"
    for name in (
        "approval",
        "calls",
        "catalogue",
        "effect",
        "fingerprint",
        "home",
        "receipts",
        "requests",
        "run",
        "stage",
        "steps",
    )
)
PLUMBING = frozenset({"prefect", "sqlalchemy"})


@cache
def code_fingerprint(module: str) -> str:
    """sha256 over every source file and library version that functions of ``module`` can reach, 64 hex digits.

    Wrappers, and what only they import, are left out: a change there recomputes nothing.
    """
    reached = _reached(module)
    digest = hashlib.sha256()
    for name in sorted(reached):
        digest.update(f"{name}\0".encode())
        digest.update(_source(name) if name.split(".")[0] in PACKAGES else _version(name).encode())
    return digest.hexdigest()


@cache
def git_commit(folder: Path) -> str | None:
    """The commit checked out there, with ``-dirty`` when files differ; None outside a repository."""
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


@cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)


def _reached(module: str) -> set[str]:
    graph = _graph()
    reached: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in reached or name in PLUMBING or (name in WRAPPERS and name != module):
            continue
        reached.add(name)
        if name in graph.modules:
            waiting.extend(graph.find_modules_directly_imported_by(name))
    return reached


def _source(module: str) -> bytes:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return b""
    return Path(spec.origin).read_bytes()


def _version(package: str) -> str:
    """Versions of the distributions behind an import name; empty for the standard library."""
    return ",".join(f"{name}={version(name)}" for name in sorted(set(_distributions().get(package, ()))))


@cache
def _distributions() -> Mapping[str, list[str]]:
    return packages_distributions()
