"""Tagging a checkout: what is dirty, which tags are one's own, and that nothing of the repository is run."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from millrace.adapters.git import GitCheckout, Tag
from millrace.errors import BadInputError, NotFoundError
from tests.support.distilled import git, new_repository

AT = datetime(2026, 11, 16, 10, tzinfo=UTC)
MESSAGE = "Release 1.0.0\n\nManifest-SHA256: abc\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return new_repository(tmp_path / "repository")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # no user's git settings
    for name in list(os.environ):
        if name.startswith(("GIT_", "XDG_", "EMAIL")):
            monkeypatch.delenv(name)


def change(repository: Path) -> None:
    (repository / "code.py").write_text("x = 2\n")


def stage_change(repository: Path) -> None:
    change(repository)
    git(repository, "add", ".")


def add_untracked(repository: Path) -> None:
    (repository / "in").mkdir()
    (repository / "in" / "n\u00fc w.txt").write_text("")


def remove(repository: Path) -> None:
    (repository / "code.py").unlink()


def rename(repository: Path) -> None:
    git(repository, "mv", "code.py", "moved.py")


@pytest.mark.parametrize(
    ("spoil", "files"),
    [
        (change, ["code.py"]),
        (stage_change, ["code.py"]),
        (add_untracked, ["in/n\u00fc w.txt"]),
        (remove, ["code.py"]),
        (rename, ["code.py", "moved.py"]),
    ],
)
def test_every_way_to_be_dirty_is_seen(repository: Path, spoil: Callable[[Path], None], files: list[str]) -> None:
    assert GitCheckout(repository).dirty_files() == []
    spoil(repository)
    assert GitCheckout(repository).dirty_files() == files


def test_a_folder_of_the_checkout_stands_for_all_of_it(repository: Path) -> None:
    (repository / "inner").mkdir()
    change(repository)
    checkout = GitCheckout(repository / "inner")
    assert checkout.root == repository
    assert checkout.dirty_files() == ["code.py"]


def test_ignored_files_are_not_dirty(repository: Path) -> None:
    (repository / ".millrace").mkdir()
    (repository / ".millrace" / "ledger.sqlite").write_text("")
    assert GitCheckout(repository).dirty_files() == []


def test_what_is_no_checkout_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no folder"):
        GitCheckout(tmp_path / "nowhere")
    with pytest.raises(NotFoundError, match=r"is no git checkout: .*not a git repository"):
        GitCheckout(tmp_path)
    git(tmp_path, "init", "--quiet")
    with pytest.raises(BadInputError, match="has no commit yet"):
        GitCheckout(tmp_path).head()


def test_a_tag_is_annotated_stands_at_the_commit_and_holds_the_message(repository: Path) -> None:
    checkout = GitCheckout(repository)
    assert checkout.tag("v1") is None
    checkout.add_tag("v1", checkout.head(), MESSAGE, AT)
    assert checkout.tag("v1") == Tag(checkout.head(), MESSAGE)
    written = git(repository, "cat-file", "-p", "v1")
    assert "tagger Millrace <millrace@localhost> 1794823200 +0000" in written
    assert written.endswith("Manifest-SHA256: abc")


def test_the_tagger_is_whom_git_is_set_up_for(repository: Path) -> None:
    git(repository, "config", "user.name", "Ada")
    git(repository, "config", "user.email", "ada@example.com")
    checkout = GitCheckout(repository)
    checkout.add_tag("v1", checkout.head(), MESSAGE, AT)
    assert "tagger Ada <ada@example.com>" in git(repository, "cat-file", "-p", "v1")


def test_tagging_again_changes_nothing(repository: Path) -> None:
    checkout = GitCheckout(repository)
    checkout.add_tag("v1", checkout.head(), MESSAGE, AT)
    before = git(repository, "rev-parse", "refs/tags/v1")
    checkout.add_tag("v1", checkout.head(), MESSAGE, datetime(2027, 1, 1, tzinfo=UTC))
    assert git(repository, "rev-parse", "refs/tags/v1") == before


def test_a_tag_of_another_message_commit_or_kind_is_refused_and_left_alone(repository: Path) -> None:
    checkout = GitCheckout(repository)
    first = checkout.head()
    checkout.add_tag("v1", first, MESSAGE, AT)
    git(repository, "tag", "light")
    git(repository, "commit", "--quiet", "--allow-empty", "--message=second")
    before = git(repository, "for-each-ref")
    for name, commit, message in (
        ("v1", first, "another"),
        ("v1", checkout.head(), MESSAGE),
        ("light", first, MESSAGE),
    ):
        with pytest.raises(BadInputError, match=f"the tag {name} exists in .*, and is not this release's"):
            checkout.add_tag(name, commit, message, AT)
    assert git(repository, "for-each-ref") == before


@pytest.mark.parametrize("name", ["", "-v1", "a..b", "a b", "v1.lock", "v1/", "@{1}", "v~1", "v1\n", "refs:x"])
def test_what_cannot_be_a_tag_is_refused(repository: Path, name: str) -> None:
    with pytest.raises(BadInputError, match="cannot be the name of a git tag"):
        GitCheckout(repository).check_tag_name(name)


def test_a_tag_at_no_commit_is_told(repository: Path) -> None:
    with pytest.raises(BadInputError, match="git made no tag v1"):
        GitCheckout(repository).add_tag("v1", "0" * 40, MESSAGE, AT)


def test_no_hook_signer_or_watcher_of_the_repository_is_run(repository: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    hook = repository / ".git" / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(trap.read_text())
    hook.chmod(0o755)
    for name, value in (
        ("core.fsmonitor", str(trap)),
        ("tag.gpgSign", "true"),
        ("gpg.program", str(trap)),
        ("core.editor", str(trap)),
    ):
        git(repository, "config", name, value)
    checkout = GitCheckout(repository)
    checkout.dirty_files()
    checkout.add_tag("v1", checkout.head(), MESSAGE, AT)
    assert checkout.tag("v1") is not None
    assert not (tmp_path / "sprung").exists()


def test_another_repository_in_the_environment_is_not_tagged(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = new_repository(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    checkout = GitCheckout(repository)
    checkout.add_tag("v1", checkout.head(), MESSAGE, AT)
    assert git(repository, "tag") == "v1"
    assert git(other, "tag") == ""
