import fcntl
import threading
from pathlib import Path

from tasks.removal import REMOVING_PREFIX, remove_build, remove_folder, size_of


def filled(folder: Path, n_files: int = 3) -> Path:
    folder.mkdir(parents=True)
    for number in range(n_files):
        (folder / f"part-{number}").write_bytes(b"12345")
    return folder


def test_a_folder_goes_and_says_whether_it_was_there(tmp_path: Path) -> None:
    folder = filled(tmp_path / "dataset")
    assert remove_folder(folder)
    assert list(tmp_path.iterdir()) == []
    assert not remove_folder(folder)
    assert not remove_folder(tmp_path / "nowhere" / "dataset")


def test_what_an_earlier_removal_left_goes_too(tmp_path: Path) -> None:
    filled(tmp_path / f"{REMOVING_PREFIX}dataset")
    assert remove_folder(tmp_path / "dataset")
    filled(tmp_path / f"{REMOVING_PREFIX}dataset")
    assert remove_folder(filled(tmp_path / "dataset"))
    assert list(tmp_path.iterdir()) == []


def test_several_may_remove_one_folder_at_once(tmp_path: Path) -> None:
    errors: list[BaseException] = []

    def remove(folder: Path) -> None:
        try:
            remove_folder(folder)
        except BaseException as error:
            errors.append(error)

    for number in range(10):
        folder = filled(tmp_path / str(number), n_files=50)
        threads = [threading.Thread(target=remove, args=(folder,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert errors == []
    assert list(tmp_path.iterdir()) == []


def test_a_build_goes_unless_a_process_is_at_it(tmp_path: Path) -> None:
    build = filled(tmp_path / "traces-key")
    with (tmp_path / "traces-key.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert not remove_build(build)
    assert build.is_dir()
    assert remove_build(build)
    assert not build.exists()


def test_links_count_for_nothing(tmp_path: Path) -> None:
    folder = filled(tmp_path / "dataset")
    (folder / "link").symlink_to(folder / "part-0")
    assert size_of(folder) == 15
