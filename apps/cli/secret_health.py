"""Whether others on this machine can read keys, or what a home holds."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from apps.cli.finding import Finding, judged

_KEY_FILES = ("MILLRACE_GATEWAY_KEY_FILE", "MILLRACE_RERANKER_KEY_FILE", "MILLRACE_QDRANT_API_KEY_FILE")
_OTHERS = 0o077  # group and world
_WORLD_ENTERS, _WORLD_READS = 0o001, 0o007


def secret_findings(root: Path) -> Iterator[Finding]:
    """Private keys, files with keys, and the home itself, by who may read or write them."""
    yield from _home(root)
    found = [*_private_keys(root), *_mounted(), *_env_files(root)]
    yield from found
    if not any(each.remedy for each in found):
        yield judged("keys", f"{len(found)} files with keys, each for its owner only" if found else "none lies here")


def _home(root: Path) -> Iterator[Finding]:
    """Traces lie in it unencrypted, and so does Prefect's database with whatever its blocks hold."""
    if not root.is_dir():
        return
    mode = _mode(root)
    if mode & _WORLD_READS and _world_reaches(root):
        found = f"everybody on this machine may enter {root} (mode {mode:04o}): traces, reports, Prefect's database"
        yield judged("home", found, f"`chmod 700 {root}`")
    elif mode & 0o020:
        yield judged("home", f"the group may write into {root} (mode {mode:04o})", f"`chmod g-w {root}`")


def _private_keys(root: Path) -> Iterator[Finding]:
    """Whoever reads one can sign in its owner's name, so Millrace itself refuses keys that others can read."""
    from blocks.reviewer_key import reviewer_keys_folder
    from blocks.signing_key import PUBLIC_SUFFIX, signing_key_path
    from millrace.errors import BadInputError

    try:
        reviewers = reviewer_keys_folder(root)
    except BadInputError as error:
        yield judged("reviewers' keys", str(error), "move them out of the home", wrong=True)
        reviewers = None
    folders = [root / "keys", *([reviewers] if reviewers is not None else [])]
    inside = [path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir()) if path.is_file()]
    private = [path for path in inside if not path.name.endswith(PUBLIC_SUFFIX)]
    for path in dict.fromkeys([*private, signing_key_path(root)]):
        if path.is_file():
            remedy = f"`chmod 600 {path}`; where others could have read it, make a new one"
            yield _file(path, "private key", remedy, wrong=True)
    for folder in folders:
        if folder.is_dir() and _mode(folder) & 0o022:
            found = f"others may put keys into {folder} (mode {_mode(folder):04o})"
            yield judged("private key", found, f"`chmod 700 {folder}`", wrong=True)


def _mounted() -> Iterator[Finding]:
    for variable in _KEY_FILES:
        named = os.environ.get(variable)
        if named and Path(named).is_file():
            yield _file(Path(named), variable, f"`chmod 600 {named}`, or mount it for this user only")


def _env_files(root: Path) -> Iterator[Finding]:
    for path in dict.fromkeys([Path.cwd() / ".env", root / ".env", root.parent / ".env"]):
        if path.is_file():
            yield _file(path, ".env", f"`chmod 600 {path}`")


def _file(path: Path, subject: str, remedy: str, *, wrong: bool = False) -> Finding:
    mode = _mode(path)
    if mode & _OTHERS:
        return judged(subject, f"{path} is open to others than its owner (mode {mode:04o})", remedy, wrong=wrong)
    return judged(subject, f"{path}, for its owner only")


def _world_reaches(path: Path) -> bool:
    """Whether nothing above keeps everybody out."""
    return all(_mode(folder) & _WORLD_ENTERS for folder in path.resolve().parents)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
