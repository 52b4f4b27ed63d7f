import os
import threading
from pathlib import Path

import pytest

from millrace.datasets.files import write_atomic


def test_the_file_holds_exactly_the_bytes_and_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"a longer first version")
    write_atomic(path, b"second\r\n\x00")
    assert path.read_bytes() == b"second\r\n\x00"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"old")

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, failing, full_disk)
    with pytest.raises(OSError, match="No space"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_bytes_are_durable_before_the_name_and_the_name_before_it_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    real_fsync, real_replace = os.fsync, os.replace

    def fsync(descriptor: int) -> None:
        done.append("folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "bytes")
        real_fsync(descriptor)

    def replace(source: Path, target: Path) -> None:
        done.append("name")
        assert source.parent == target.parent  # a rename is atomic within one file system only
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    write_atomic(tmp_path / "file", b"data")
    assert done == ["bytes", "name", "folder"]


def test_threads_that_write_one_file_leave_one_of_their_versions_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    versions = [bytes([65 + number]) * 50_000 for number in range(8)]
    start = threading.Barrier(len(versions))

    def write(data: bytes) -> None:
        start.wait()
        for _ in range(3):
            write_atomic(path, data)

    threads = [threading.Thread(target=write, args=(data,)) for data in versions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in versions
    assert os.listdir(tmp_path) == ["file"]
