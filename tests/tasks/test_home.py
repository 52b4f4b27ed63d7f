import secrets
import stat
from pathlib import Path

import pytest

from millrace.errors import BadInputError
from tasks.home import Home


def test_nothing_is_created_until_it_is_used(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    assert home.index_root == tmp_path / "home" / "index"
    assert home.run_folder("r") == tmp_path / "home" / "runs" / "r"
    assert not home.root.exists()


def test_secrets_are_for_the_owner_only(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert len(home.subject_key) == 32
    assert len(home.identity) == 64
    keys = sorted((tmp_path / "keys").iterdir())
    assert [path.name for path in keys] == ["home-id", "subject-key"]  # and no temporary file
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys} == {0o600}
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_a_home_keeps_its_identity_and_two_homes_differ(tmp_path: Path) -> None:
    first, again, other = Home(tmp_path / "one"), Home(tmp_path / "one"), Home(tmp_path / "two")
    assert first.identity == again.identity != other.identity
    assert first.subject_key == again.subject_key != other.subject_key
    assert first.identity != first.subject_key.hex()


def test_the_identity_moves_with_the_folder(tmp_path: Path) -> None:
    before = Home(tmp_path / "one").identity
    (tmp_path / "one").rename(tmp_path / "two")
    assert Home(tmp_path / "two").identity == before


def test_of_two_who_begin_a_home_at_once_the_first_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token, first = secrets.token_hex, []

    def overtaken(n_bytes: int) -> str:
        monkeypatch.setattr(secrets, "token_hex", token)
        first.append(Home(tmp_path).identity)
        return token(n_bytes)

    monkeypatch.setattr(secrets, "token_hex", overtaken)
    assert [Home(tmp_path).identity] == first
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["home-id"]


def test_the_environment_names_the_home_and_the_default_lies_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MILLRACE_HOME", raising=False)
    assert Home.from_environment().root == tmp_path / ".millrace"
    monkeypatch.setenv("MILLRACE_HOME", "elsewhere")
    assert Home.from_environment().root == tmp_path / "elsewhere"


@pytest.mark.parametrize("content", ["", "00", "no hexadecimal", "ab" * 31, "ab" * 33])
def test_a_damaged_secret_is_refused_and_never_taken_for_a_key(tmp_path: Path, content: str) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "subject-key").write_text(content)
    with pytest.raises(BadInputError, match="subject-key is damaged"):
        _ = Home(tmp_path).subject_key
