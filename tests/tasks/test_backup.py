"""A backup holds all that cannot be computed again, as it was at one moment, in one file of the owner's."""

import hashlib
import os
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest

import tasks.backup
from millrace.datasets.files import write_atomic
from millrace.errors import BadInputError, NotFoundError
from millrace.governance import backup_contents
from millrace.governance.backup_blocks import Block, blocks
from millrace.governance.backup_check import verify_backup
from millrace.governance.backup_reading import read_backup
from millrace.ledger import audit_log, catalogue, pins
from millrace.ledger.store import Ledger
from millrace.records.backup import Backup
from tasks.backup import make_backup
from tasks.home import Home
from tests.support.backups import KEPT, LEFT, no_show, rate, small_home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return small_home(tmp_path / "home")


def made(home: Home, out: Path) -> Backup:
    return make_backup(home, out, no_show, actor="ada")


def unpacked(file: Path, into: Path) -> Path:
    with file.open("rb") as stream:
        assert read_backup(stream, lambda _: None, into, no_show).findings == []
    return into


def test_everything_is_in_it_but_what_is_unfinished_or_computed_again(home: Home, tmp_path: Path) -> None:
    backup = made(home, tmp_path / "b.tar.zst")
    copy = unpacked(tmp_path / "b.tar.zst", tmp_path / "copy")
    names = {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()}
    (ref,) = home.datasets.refs()
    of_dataset = {
        f"datasets/{ref.kind}/{ref.content_hash}/{name}" for name in ("manifest.json", "part-00000-000.parquet")
    }
    assert names == {*KEPT, *of_dataset, "keys/subject-key", "ledger.sqlite"}
    assert not names & set(LEFT)
    assert all((copy / name).read_bytes() == content for name, content in KEPT.items())
    assert backup.about.secrets == ["keys/subject-key"]
    assert backup.about.left_out == []
    assert backup.about.kinds == {"human_ratings": 1}


def test_it_is_the_owners_alone_and_known_by_its_sha256(home: Home, tmp_path: Path) -> None:
    backup = made(home, tmp_path)
    path = Path(backup.file)
    assert path.parent == tmp_path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert hashlib.sha256(path.read_bytes()).hexdigest() == backup.sha256
    assert path.stat().st_size == backup.n_packed_bytes
    assert (path.stat().st_nlink, sorted(tmp_path.iterdir())) == (1, sorted([home.root, path]))
    assert [each.name for each in home.root.iterdir() if each.name.startswith(".")] == []


def test_the_audit_log_tells_of_it(home: Home, tmp_path: Path) -> None:
    backup = made(home, tmp_path / "b.tar.zst")
    (entry,) = audit_log.entries(home.ledger)
    assert (entry.action, entry.actor, entry.subject) == ("backup-made", "ada", "b.tar.zst")
    assert entry.details["sha256"] == backup.sha256


def test_files_with_holes_are_read_without_filling_the_disk(home: Home, tmp_path: Path) -> None:
    made(home, tmp_path / "b.tar.zst")
    copied = unpacked(tmp_path / "b.tar.zst", tmp_path / "copy") / "index/abc/shard/page.dat"
    assert copied.read_bytes() == KEPT["index/abc/shard/page.dat"]
    assert copied.stat().st_blocks * 512 < 1_000_000


@pytest.mark.parametrize("place", ["home/b.tar.zst", "home/runs/b.tar.zst", "taken.tar.zst", "b.zip"])
def test_a_place_in_the_home_or_taken_or_oddly_named_is_refused(home: Home, tmp_path: Path, place: str) -> None:
    (tmp_path / "taken.tar.zst").write_bytes(b"somebody's")
    with pytest.raises(BadInputError, match="--out"):
        made(home, tmp_path / place)
    assert (tmp_path / "taken.tar.zst").read_bytes() == b"somebody's"
    with pytest.raises(NotFoundError, match="no folder"):
        made(home, tmp_path / "nowhere" / "b.tar.zst")
    assert list(audit_log.entries(home.ledger)) == []


def test_a_folder_that_lies_elsewhere_is_refused_and_a_link_to_a_file_is_told_of(home: Home, tmp_path: Path) -> None:
    (home.root / "note").symlink_to(tmp_path / "missing")
    assert made(home, tmp_path / "b.tar.zst").about.left_out == ["note"]
    (tmp_path / "big disk").mkdir()
    (home.root / "models").symlink_to(tmp_path / "big disk")
    with pytest.raises(BadInputError, match="models is a link to another folder"):
        made(home, tmp_path / "c.tar.zst")


def test_a_dataset_that_is_being_removed_is_left_out_and_a_damaged_one_is_not(home: Home, tmp_path: Path) -> None:
    half, damaged = rate(home, 2), rate(home, 3)
    (home.datasets.folder(half) / "part-00000-000.parquet").unlink()
    (home.datasets.folder(damaged) / "manifest.json").write_text("damaged")
    backup = made(home, tmp_path / "b.tar.zst")
    assert backup.about.left_out == [f"datasets/human_ratings/{half.content_hash}"]
    copy = unpacked(tmp_path / "b.tar.zst", tmp_path / "copy")
    assert (copy / "datasets/human_ratings" / damaged.content_hash / "part-00000-000.parquet").is_file()


@pytest.mark.parametrize("moment", ["copy_sqlite", "_hold"])
def test_nobody_can_write_to_the_ledger_while_the_home_is_held_still(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    real = getattr(backup_contents, moment)
    refused = []

    def meanwhile(*paths: Path) -> object:
        with closing(sqlite3.connect(home.root / "ledger.sqlite", timeout=0)) as other:
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")
            refused.append(paths)
        return real(*paths)

    monkeypatch.setattr(backup_contents, moment, meanwhile)
    made(home, tmp_path / "b.tar.zst")
    assert refused


def test_ledger_and_files_are_of_one_moment_while_a_run_goes_on(home: Home, tmp_path: Path) -> None:
    stop = threading.Event()
    note = home.root / "runs/waits/note.json"
    thread = threading.Thread(target=_run, args=(home, note, stop))
    thread.start()
    try:
        for number in range(2):
            made(home, tmp_path / f"{number}.tar.zst")
    finally:
        stop.set()
        thread.join()
    for number in range(2):
        copy = unpacked(tmp_path / f"{number}.tar.zst", tmp_path / f"copy-{number}")
        store = Home(copy).datasets
        with Ledger.open(copy / "ledger.sqlite") as ledger:
            named = [entry.ref for digit in "0123456789abcdef" for entry in catalogue.find(ledger, digit)]
            n_pinned = len(pins.pins_of(ledger, "waits"))
        for ref in named:
            store.open(ref).verify()
        noted = copy / note.relative_to(home.root)
        assert (int(noted.read_text()) if noted.exists() else 0) - n_pinned in (0, 1)


def _run(home: Home, note: Path, stop: threading.Event) -> None:
    """A dataset, a file that says how many there are, and a pin, again and again."""
    with Ledger.open(home.root / "ledger.sqlite") as ledger:
        for number in range(1, 5_000):
            if stop.is_set():
                return
            ref = rate(Home(home.root), number + 1)
            write_atomic(note, str(number).encode())
            pins.pin(ledger, "waits", f"rating-{number}", ref.content_hash)


def test_a_file_replaced_meanwhile_is_in_it_as_it_was(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = tasks.backup.write_backup

    def replace_first(*args: object) -> object:
        path = home.root / "golden/main/1.0.0/version.json"
        path.with_name("new").write_bytes(b"later")
        os.replace(path.with_name("new"), path)
        (home.root / "releases/1.0.0/MANIFEST.json").unlink()
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(tasks.backup, "write_backup", replace_first)
    made(home, tmp_path / "b.tar.zst")
    copy = unpacked(tmp_path / "b.tar.zst", tmp_path / "copy")
    assert (copy / "golden/main/1.0.0/version.json").read_bytes() == b"{}"
    assert (copy / "releases/1.0.0/MANIFEST.json").is_file()


def test_where_files_cannot_have_two_names_they_are_copied(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(backup_contents.os, "link", refuse)
    stage = tmp_path / "stage"
    stage.mkdir()
    assert backup_contents.hold_still(home.root, home.ledger, stage) == []
    assert (stage / "exports/distil-1/train.jsonl").read_bytes() == KEPT["exports/distil-1/train.jsonl"]


def test_any_damaged_byte_is_found_and_the_files_that_it_hits_are_named(home: Home, tmp_path: Path) -> None:
    path = Path(made(home, tmp_path / "b.tar.zst").file)
    whole = path.read_bytes()
    assert verify_backup(path, no_show).verified
    with path.open("rb") as stream:
        places = [(each, each.at + len(each.packed) // 2) for each in blocks(stream) if isinstance(each, Block)]
    for block, place in places:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        verdict = verify_backup(path, no_show)
        assert not verdict.verified
        names = {finding.name for finding in verdict.findings}
        assert all(f"between byte {block.at} and" in f.message or block.is_end for f in verdict.findings)
        if not (block.is_list or block.is_end):
            assert names <= {*KEPT, "ledger.sqlite", "keys/subject-key"} | {
                n for n in names if n and n[:8] == "datasets"
            }
            assert len(names) >= 1
            assert None not in names
    holey = next(block for block, _ in places if block.place > 1_000_000)  # within the large file of the index
    path.write_bytes(whole[: holey.at] + bytes([whole[holey.at] ^ 1]) + whole[holey.at + 1 :])
    assert [finding.name for finding in verify_backup(path, no_show).findings] == ["index/abc/shard/page.dat"]
    path.write_bytes(whole[: len(whole) // 2])
    assert "reading came as far as home/" in verify_backup(path, no_show).findings[0].message
