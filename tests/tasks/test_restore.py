"""A home made of a backup, in another place: everything opens there, and what waited goes on."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from apps.cli.run_names import lives
from millrace.errors import BadInputError, UnavailableError
from millrace.ledger import approvals, audit_log, runs
from millrace.records.backup import Restored
from tasks.backup import make_backup
from tasks.home import Home
from tasks.processes import process_name
from tasks.restore import restore_backup
from tests.support import embedder, wheel
from tests.support.backups import KEPT, about, archive, entry, no_show, record, small_home
from tests.support.inputs import write_inputs
from tests.support.state import check_whole, state_of


def backed_up(home: Home, tmp_path: Path) -> Path:
    return Path(make_backup(home, tmp_path / "b.tar.zst", no_show, actor="ada").file)


def restored(file: Path, root: Path) -> Restored:
    return restore_backup(file, root, no_show, actor="bob")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return backed_up(small_home(tmp_path / "home"), tmp_path)


def test_it_is_the_home_again_with_its_secrets_the_owners_alone(file: Path, tmp_path: Path) -> None:
    old, new = Home(tmp_path / "home"), Home(tmp_path / "deep" / "new")
    restored(file, new.root)
    assert all((new.root / name).read_bytes() == content for name, content in KEPT.items())
    assert new.subject_key == old.subject_key
    assert [stat.S_IMODE(path.stat().st_mode) for path in (new.root, new.root / "keys")] == [0o700, 0o700]
    assert stat.S_IMODE((new.root / "keys" / "subject-key").stat().st_mode) == 0o600
    assert new.datasets.refs() == old.datasets.refs()
    for ref in new.datasets.refs():
        new.datasets.open(ref).verify()
    assert list(new.root.parent.iterdir()) == [new.root]


def test_the_audit_log_goes_on_and_tells_of_it(file: Path, tmp_path: Path) -> None:
    restored(file, tmp_path / "new")
    home = Home(tmp_path / "new")
    (entry,) = audit_log.entries(home.ledger)  # the backup was made before its own entry
    assert (entry.action, entry.actor, entry.subject) == ("home-restored", "bob", "b.tar.zst")
    assert audit_log.head(home.ledger).sequence == 1
    assert (home.root / "audit" / "head.json").is_file()


def test_runs_belong_to_the_new_home_alone(file: Path, tmp_path: Path) -> None:
    assert restored(file, tmp_path / "new").unended_runs == ["waits"]
    ledger = Home(tmp_path / "new").ledger
    run, (asked,) = runs.run_of(ledger, "waits"), approvals.waiting(ledger, "waits")
    assert (run.status, run.process, run.prefect_run_id, asked.prefect_run_id) == (
        "waiting",
        process_name(),
        None,
        None,
    )
    there = runs.run_of(Home(tmp_path / "home").ledger, "waits")
    assert there.prefect_run_id == "p1"
    assert lives(there)


def test_an_ended_run_keeps_its_process(tmp_path: Path) -> None:
    home = small_home(tmp_path / "home")
    runs.update_run(home.ledger, "waits", status="completed")
    restored(backed_up(home, tmp_path), tmp_path / "new")
    assert runs.run_of(Home(tmp_path / "new").ledger, "waits") == runs.run_of(home.ledger, "waits")


def test_a_place_that_is_taken_is_left_as_it_is(file: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "mine").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "new")
    for place in (taken, taken / "mine", tmp_path / "link"):
        with pytest.raises(BadInputError, match="nothing is ever restored over"):
            restored(file, place)
    assert [path.name for path in taken.iterdir()] == ["mine"]
    empty = tmp_path / "empty"
    empty.mkdir()
    assert restored(file, empty).home == str(empty)


def test_nothing_of_a_damaged_backup_becomes_visible(file: Path, tmp_path: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 3] ^= 1
    file.write_bytes(bytes(data))
    with pytest.raises(BadInputError, match=r"nothing was restored: \w+/.+: damaged between byte") as caught:
        restored(file, tmp_path / "new" / "home")
    assert caught.value.details["findings"]
    assert list((tmp_path / "new").iterdir()) == []


def test_too_little_room_is_said_before_anything_is_unpacked(tmp_path: Path) -> None:
    file = tmp_path / "b.tar.zst"
    file.write_bytes(archive(record("backup.json", about(n_disk_bytes=2**60)), entry("home/a")))
    with pytest.raises(UnavailableError, match="are free"):
        restored(file, tmp_path / "new")
    assert list(tmp_path.iterdir()) == [file]


def test_a_week_that_waited_is_continued_in_another_place_and_so_is_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same as in the home that was never moved, which is taken away before."""
    monkeypatch.setattr("blocks.embedder._block", embedder.stand_in)
    (tmp_path / "inputs").mkdir()
    inputs = write_inputs(tmp_path / "inputs")
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (tmp_path / "reports", old):
        folder.mkdir()
    monkeypatch.chdir(tmp_path / "reports")
    monkeypatch.setenv("MILLRACE_HOME", str(old))
    wheel.import_file(inputs / "traces.jsonl")
    assert wheel.week() is None
    with Home(old).ledger:
        file = backed_up(Home(old), tmp_path)

    def decided() -> dict[str, Any]:
        wheel.answer_tasks()
        wheel.approve()
        assert wheel.week() is not None
        state = state_of(Path(os.environ["MILLRACE_HOME"]))
        state.pop("audit log", None)  # here it tells of the backup, there of the restoring
        return state

    expected = decided()
    old.rename(tmp_path / "gone")
    restored(file, new)
    monkeypatch.setenv("MILLRACE_HOME", str(new))
    assert decided() == expected
    assert wheel.week("next") is None
    wheel.approve("next")
    assert wheel.week("next") is not None
    check_whole(new)
