"""Nothing in a backup is believed: what a home cannot hold, and what is newer, is refused before it is written."""

import io
import tarfile
from pathlib import Path

import pytest

from millrace.errors import NewerHomeError
from millrace.governance.backup_check import verify_backup
from millrace.governance.backup_reading import FoundError, check_known, read_backup
from millrace.ledger.schema import SCHEMA_VERSION
from tests.support.backups import about, archive, entry, listed, no_show, record

ABOUT = record("backup.json", about())
GOOD = entry("home/runs/a.json", b"{}")


def taken(data: bytes, into: Path) -> list[tuple[str | None, str]]:
    try:
        found = read_backup(io.BytesIO(data), check_known, into, no_show).findings
    except FoundError as error:
        found = [error.finding]
    return [(finding.name, finding.problem) for finding in found]


def test_a_good_one_is_taken(tmp_path: Path) -> None:
    into = tmp_path / "into"
    assert taken(archive(ABOUT, GOOD, files=(listed("runs/a.json", b"{}"),)), into) == []
    assert (into / "runs/a.json").read_bytes() == b"{}"


@pytest.mark.parametrize(
    "bad",
    [
        entry("/etc/passwd"),
        entry("home//etc/passwd"),
        entry("home/../outside"),
        entry("home/a/../../outside"),
        entry("outside"),
        entry("home/"),
        entry("home/./a"),
        entry("home/a\\b"),
        entry("home/link", type=tarfile.SYMTYPE, linkname="/etc"),
        entry("home/link", type=tarfile.LNKTYPE, linkname="home/runs/a.json"),
        entry("home/device", type=tarfile.CHRTYPE),
        entry("home/pipe", type=tarfile.FIFOTYPE),
        entry("home/folder", type=tarfile.DIRTYPE),
        entry("home/runs/a.json", b"again"),
        entry("home/runs/a.json/b", b"inside of a file"),
    ],
    ids=lambda each: f"{each[0].name}-{each[0].type.decode()}",
)
def test_what_no_home_can_hold_is_refused(bad: tuple[tarfile.TarInfo, bytes], tmp_path: Path) -> None:
    into = tmp_path / "into"
    ((name, problem),) = taken(archive(ABOUT, GOOD, bad), into)
    assert (name, problem) == (repr(bad[0].name), "unsafe")
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if not path.is_dir()] == [
        "into/runs/a.json"
    ]


def test_what_is_missing_additional_or_changed_is_named(tmp_path: Path) -> None:
    files = (listed("runs/a.json", b"[]"), listed("runs/gone.json", b""))
    found = taken(archive(ABOUT, GOOD, entry("home/more"), files=files), tmp_path / "into")
    assert found == [("more", "additional"), ("runs/a.json", "changed"), ("runs/gone.json", "missing")]


def test_more_than_it_says_of_itself_is_not_written(tmp_path: Path) -> None:
    said = record("backup.json", about(n_bytes=1))
    assert taken(archive(said, GOOD), tmp_path / "into") == [("runs/a.json", "additional")]
    assert not (tmp_path / "into").exists()


@pytest.mark.parametrize(
    "data",
    [b"", b"text", archive(GOOD), archive(), archive(entry("backup.json", b"{}")), archive(ABOUT, GOOD)[:100]],
    ids=["empty", "text", "no heading", "no entry", "no record", "cut off"],
)
def test_what_is_no_backup_is_said_to_be_none(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "b.tar.zst").write_bytes(data)
    assert not verify_backup(tmp_path / "b.tar.zst", no_show).verified
    assert taken(data, tmp_path / "into") != []
    assert not (tmp_path / "into").exists()


def test_something_behind_the_list_is_found(tmp_path: Path) -> None:
    data = archive(ABOUT, record("manifest.json", about()), GOOD)
    assert taken(data, tmp_path / "into") == [(None, "unreadable")]
    twice = archive(ABOUT, entry("manifest.json", b'{"files": []}'))
    assert taken(twice, tmp_path / "into") == [("'manifest.json'", "additional")]


@pytest.mark.parametrize(
    "newer",
    [{"format": 2}, {"schema_version": SCHEMA_VERSION + 1}, {"kinds": {"traces": 99}}, {"kinds": {"telepathy": 1}}],
    ids=str,
)
def test_what_is_newer_is_refused_before_any_file_is_read(newer: dict[str, object], tmp_path: Path) -> None:
    data = archive(record("backup.json", about(**newer)), GOOD)
    with pytest.raises(NewerHomeError, match="upgrade Millrace"):
        taken(data, tmp_path / "into")
    assert not (tmp_path / "into").exists()
