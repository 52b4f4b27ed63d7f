import stat
import threading
from pathlib import Path

import pytest

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


def test_all_who_begin_a_home_at_once_read_one_secret(tmp_path: Path) -> None:
    n_threads = 8
    start, found = threading.Barrier(n_threads), []

    def begin() -> None:
        home = Home(tmp_path)
        start.wait()
        found.append(home.identity)

    threads = [threading.Thread(target=begin) for _ in range(n_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == n_threads
    assert len(set(found)) == 1
    assert len(found[0]) == 64


def test_the_environment_names_the_home_and_the_default_lies_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MILLRACE_HOME", raising=False)
    assert Home.from_environment().root == tmp_path / ".millrace"
    monkeypatch.setenv("MILLRACE_HOME", "elsewhere")
    assert Home.from_environment().root == tmp_path / "elsewhere"
