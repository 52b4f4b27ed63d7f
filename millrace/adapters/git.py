"""A git checkout, as far as tagging a release needs it; no hook, prompt or signing program of it is ever run."""

import os
import re
import subprocess
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from millrace.errors import BadInputError, NotFoundError, UnavailableError

_TIMEOUT_S = 120
_QUIET = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "tag.gpgSign=false"),
    *("-c", "tag.forceSignAnnotated=false", "-c", "core.quotePath=false", "--no-optional-locks", "--no-pager"),
)
_NOBODY = {"NAME": "Millrace", "EMAIL": "millrace@localhost"}
_TAG_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+-]{0,199}")


@dataclass(frozen=True)
class Tag:
    """An annotated tag: the commit it stands at, and its message."""

    commit: str
    message: str


class GitCheckout:
    """The checkout that a folder lies in."""

    def __init__(self, folder: Path) -> None:
        """Find it.

        Raises:
            NotFoundError: no such folder, or none of a git checkout.
            UnavailableError: there is no git.
        """
        if not folder.is_dir():
            raise NotFoundError(f"no folder {folder}", folder=str(folder))
        self.root = folder
        found = self._git("rev-parse", "--show-toplevel")
        if found.returncode != 0:
            raise NotFoundError(f"{folder} is no git checkout: {_said(found)}", folder=str(folder))
        self.root = Path(found.stdout.decode().removesuffix("\n"))

    def head(self) -> str:
        """The commit that is checked out.

        Raises:
            BadInputError: there is none yet.
        """
        found = self._git("rev-parse", "--verify", "HEAD^{commit}")
        if found.returncode != 0:
            raise BadInputError(f"{self.root} has no commit yet", folder=str(self.root))
        return found.stdout.decode().strip()

    def dirty_files(self) -> list[str]:
        """Files that differ from the commit, and those that are neither in it nor ignored; sorted."""
        listed = self._done("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")
        return sorted(entry[3:].decode("utf-8", "backslashreplace") for entry in listed.split(b"\0") if entry)

    def check_tag_name(self, name: str) -> None:
        """Refuse what git would not take as a tag's name, or would take as something else.

        Raises:
            BadInputError: it cannot be one.
        """
        usable = _TAG_NAME.fullmatch(name) and self._git("check-ref-format", f"refs/tags/{name}").returncode == 0
        if not usable:
            raise BadInputError(f"{name!r} cannot be the name of a git tag", tag=name)

    def tag(self, name: str) -> Tag | None:
        """The tag of that name; None when there is none. The message of one without annotation is empty."""
        form = "%(objecttype)%00%(objectname)%00%(*objectname)%00%(contents)"
        found = self._done("for-each-ref", f"--format={form}", f"refs/tags/{name}").decode("utf-8", "replace")
        if not found:
            return None
        kind, own, target, message = found.removesuffix("\n").split("\0", 3)
        return Tag(target, message) if kind == "tag" else Tag(own, "")

    def add_tag(self, name: str, commit: str, message: str, at: datetime) -> None:
        """Make an annotated tag, or leave one that says the same of the same commit as it is.

        Raises:
            BadInputError: the name is taken by another tag, or git refuses.
        """
        known = self.tag(name)
        if known is None:
            arguments = ("tag", "--annotate", "--cleanup=verbatim", "--file=-", "--", name, commit)
            made = self._git(*arguments, said=message.encode(), more=self._tagger(at))
            known = self.tag(name)  # of two that tag at once, one is told that the other was first
            if known is None:
                raise BadInputError(f"git made no tag {name} in {self.root}: {_said(made)}", tag=name)
        if known.commit != commit or known.message.strip() != message.strip():
            raise BadInputError(
                f"the tag {name} exists in {self.root}, at {known.commit}, and is not this release's", tag=name
            )

    def _tagger(self, at: datetime) -> dict[str, str]:
        """Whom git is set up for, else Millrace; the time makes equal tags equal objects."""
        named = self._git("var", "GIT_COMMITTER_IDENT").returncode == 0
        who = {} if named else {f"GIT_COMMITTER_{key}": value for key, value in _NOBODY.items()}
        return who | {"GIT_COMMITTER_DATE": f"{int(at.timestamp())} +0000"}

    def _done(self, *arguments: str) -> bytes:
        done = self._git(*arguments)
        if done.returncode != 0:
            raise BadInputError(f"git {arguments[0]} failed in {self.root}: {_said(done)}", folder=str(self.root))
        return done.stdout

    def _git(
        self, *arguments: str, said: bytes = b"", more: dict[str, str] | None = None
    ) -> "subprocess.CompletedProcess[bytes]":
        clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        clean |= {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"} | (more or {})
        try:
            return subprocess.run(
                ["git", *_QUIET, *arguments],
                cwd=self.root,
                env=clean,
                input=said,
                capture_output=True,
                timeout=_TIMEOUT_S,
                check=False,
            )
        except FileNotFoundError:
            raise BadInputError("a repository can only be tagged where git is installed") from None
        except subprocess.TimeoutExpired:
            raise UnavailableError(f"git {arguments[0]} took more than {_TIMEOUT_S} s in {self.root}") from None


def _said(done: "subprocess.CompletedProcess[bytes]") -> str:
    return done.stderr.decode("utf-8", "replace").strip() or f"exit code {done.returncode}"
