"""Reviewers' keys: outside the home, their owner's only, and the ones that the ledger knows."""

from pathlib import Path

import pytest

from blocks.reviewer_key import (
    has_reviewer_key,
    make_reviewer_key,
    open_reviewer_signer,
    open_reviewer_verifier,
    reviewer_keys_folder,
)
from millrace.errors import BadInputError, NotFoundError
from millrace.ledger.reviewers import Reviewer
from millrace.records.trace import utc


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MILLRACE_REVIEWER_KEYS", str(tmp_path / "keys"))
    return tmp_path / "home"


def known(root: Path, name: str = "Ada") -> Reviewer:
    key = make_reviewer_key(root, name)
    return Reviewer(
        name=name,
        role="viewer",
        public_key=key.public_key,
        key_id=key.key_id,
        added_by="x",
        added_at=utc(2026, 11, 22),
    )


def test_a_key_is_made_once_and_its_halves_fit(root: Path, tmp_path: Path) -> None:
    assert not has_reviewer_key(root, "Ada")
    ada = known(root)
    assert has_reviewer_key(root, "Ada")
    again = make_reviewer_key(root, "Ada")
    assert (again.created, again.key_id) == (False, ada.key_id)
    signature = open_reviewer_signer(root, ada).sign(b"x")
    assert open_reviewer_verifier(ada).verify(b"x", signature)
    (file,) = (tmp_path / "keys").iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == ("Ada.pem", 0o600)
    assert file.parent.stat().st_mode & 0o077 == 0
    assert not root.exists()
    assert "PRIVATE" not in repr(again) + again.model_dump_json()


def test_the_folder_is_the_users_own_by_default(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MILLRACE_REVIEWER_KEYS")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert reviewer_keys_folder(root) == tmp_path / ".config" / "millrace" / "keys"


@pytest.mark.parametrize("place", ["", "keys", "a/../keys"])
def test_a_folder_in_the_home_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setenv("MILLRACE_REVIEWER_KEYS", str(root / place))
    with pytest.raises(BadInputError, match="must not lie in the home"):
        make_reviewer_key(root, "Ada")
    assert not root.exists()


def test_a_link_into_the_home_is_refused_too(root: Path, tmp_path: Path) -> None:
    (root / "inside").mkdir(parents=True)
    (tmp_path / "keys").symlink_to(root / "inside")
    with pytest.raises(BadInputError, match="must not lie in the home"):
        reviewer_keys_folder(root)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622])
def test_a_key_that_others_can_read_or_write_is_refused(root: Path, tmp_path: Path, mode: int) -> None:
    ada = known(root)
    (tmp_path / "keys" / "Ada.pem").chmod(mode)
    with pytest.raises(BadInputError, match="can be read or written by others"):
        open_reviewer_signer(root, ada)


def test_a_key_that_is_not_here_or_another_one_is_refused(root: Path, tmp_path: Path) -> None:
    ada, bo = known(root), known(root, "Bo")
    (tmp_path / "keys" / "Ada.pem").unlink()
    with pytest.raises(NotFoundError, match="no reviewer's key at"):
        open_reviewer_signer(root, ada)
    (tmp_path / "keys" / "Bo.pem").rename(tmp_path / "keys" / "Ada.pem")
    with pytest.raises(BadInputError, match="not the key that Ada is a reviewer with"):
        open_reviewer_signer(root, ada)
    with pytest.raises(BadInputError, match="not the one of its id"):
        open_reviewer_verifier(ada.model_copy(update={"public_key": bo.public_key}))
