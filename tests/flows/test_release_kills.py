"""A freeze killed anywhere and entered again gives the release that an undisturbed one gives, byte for byte."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from millrace.releases.check import check_release
from tests.support.distilled import git, new_repository, prepare
from tests.support.kills import Event

pytestmark = pytest.mark.faults

ROOT = Path(__file__).parents[2]
Play = Callable[[Path, int], dict[str, Any]]
MEASURED = ("duration_s", "started_at", "finished_at")


@pytest.fixture(scope="module")
def server() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.support.release_freezer"]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which everything is ready, and a repository."""
    from tasks.home import Home

    folder = tmp_path_factory.mktemp("template")
    with pytest.MonkeyPatch.context() as patch:
        (folder / "home").mkdir()
        patch.setenv("MILLRACE_HOME", str(folder / "home"))
        prepare(Home(folder / "home"))
    new_repository(folder / "repository")
    return folder


@pytest.fixture
def play(server: subprocess.Popen[str]) -> Play:
    """Freeze in a process of its own: ``play(folder, fatal)``."""

    def send(folder: Path, fatal: int) -> dict[str, Any]:
        assert server.stdin is not None
        assert server.stdout is not None
        order = {"home": str(folder / "home"), "repository": str(folder / "repository"), "fatal": fatal}
        server.stdin.write(json.dumps(order) + "\n")
        server.stdin.flush()
        answer: dict[str, Any] = json.loads(server.stdout.readline())
        return answer

    return send


def fresh(template: Path, folder: Path) -> Path:
    shutil.copytree(template, folder)
    return folder


def state(folder: Path) -> dict[str, Any]:
    """The release without what was measured and what follows from that, and the tag."""
    home = folder / "home"
    release = home / "releases" / "1.0.0"
    files = {path.relative_to(release).as_posix(): path for path in release.rglob("*") if path.is_file()}
    derived = {"release-manifest.json", "release-manifest.md", "release.dsse.json", "gates.json"}
    manifest = json.loads((release / "release-manifest.json").read_bytes())
    for file in manifest["files"]:
        if file["name"] == "gates.json":
            file.clear()
    gates = json.loads((release / "gates.json").read_bytes())
    return {
        "files": {name: path.read_bytes() for name, path in files.items() if name not in derived},
        "names": sorted(files),
        "manifest": {name: value for name, value in manifest.items() if name != "approval"},
        "approval": {name: value for name, value in manifest["approval"].items() if name != "pinned_hash"},
        "gates": [{name: value for name, value in gate.items() if name not in MEASURED} for gate in gates],
        "tag": git(folder / "repository", "rev-parse", "data-v1.0.0^{commit}"),
        "others": sorted(path.name for path in (home / "releases").iterdir()),
    }


def check_whole(folder: Path) -> None:
    """A release that exists under its name is whole, at any moment."""
    from blocks.signing_key import open_signer

    release = folder / "home" / "releases" / "1.0.0"
    if release.exists():
        assert check_release(release, open_signer(folder / "home").verifier).findings == []


def fatal_points(events: list[Event], n_points: int) -> list[int]:
    """Around everything that happens to the release itself, and spread over the rest."""
    own = [number for number, (_, path) in enumerate(events, 1) if "releases" in path]
    renames = [number for number in own if events[number - 1][0] in ("rename", "renamed")]
    committed = next(n for n, (kind, _) in enumerate(events, 1) if kind == "commit" and n > own[-1])
    return sorted({*renames, committed, *own[:: max(1, len(own) // n_points)]})


def test_a_killed_freeze_ends_like_an_undisturbed_one(
    template: Path, play: Play, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    undisturbed = fresh(template, tmp_path / "undisturbed")
    answer = play(undisturbed, 0)
    assert answer["status"] == 0
    expected = state(undisturbed)
    assert expected["others"] == ["1.0.0"]
    n_points = 1_000 if request.config.getoption("--torture") else 4
    points = fatal_points(answer["events"], n_points)
    assert {kind for kind, _ in (answer["events"][point - 1] for point in points)} >= {"rename", "renamed", "commit"}
    for fatal in points:
        where = f"killed at operation {fatal}: {answer['events'][fatal - 1]}"
        folder = fresh(template, tmp_path / f"killed-{fatal}")
        assert play(folder, fatal)["status"] == -signal.SIGKILL, where
        check_whole(folder)
        assert play(folder, 0)["status"] == 0, where
        check_whole(folder)
        assert state(folder) == expected, where
        shutil.rmtree(folder)


def test_killed_between_tag_and_its_receipt_the_tag_stays_as_it_is(template: Path, play: Play, tmp_path: Path) -> None:
    undisturbed = fresh(template, tmp_path / "undisturbed")
    events = play(undisturbed, 0)["events"]
    receipt = next(n for n, (kind, path) in enumerate(events, 1) if "tag-release" in path and kind == "open")
    commits = [n for n, (kind, _) in enumerate(events, 1) if kind == "commit" and n < receipt]
    folder = fresh(template, tmp_path / "killed")
    assert play(folder, commits[-1])["status"] == -signal.SIGKILL  # tagged, and not yet noted as done
    before = git(folder / "repository", "rev-parse", "refs/tags/data-v1.0.0")
    assert play(folder, 0)["status"] == 0
    assert git(folder / "repository", "rev-parse", "refs/tags/data-v1.0.0") == before
