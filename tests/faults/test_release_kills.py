"""A freeze killed around its release and its tag gives the release that an undisturbed one gives, byte for byte."""

import signal
from collections.abc import Callable

import pytest

from millrace.releases.check import check_release
from tests.faults import plans
from tests.faults.conftest import StageOf
from tests.faults.harness import Stage
from tests.faults.table import PROPERTY
from tests.support.distilled import git
from tests.support.disturbances import Disturbance

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def freeze(stage_of: StageOf) -> Stage:
    return stage_of("release-freeze")


def points_of_the_release(stage: Stage, n_points: int) -> list[int]:
    """Around everything that happens to the release itself, and the commit that notes it."""
    events = stage.whole.events
    own = [number for number, (_, path) in enumerate(events, 1) if path.startswith("releases/")]
    renames = [number for number in own if events[number - 1].kind in ("rename", "renamed")]
    committed = next(n for n, (kind, _) in enumerate(events, 1) if kind == "commit" and n > own[-1])
    return sorted({*renames, committed, *own[:: max(1, len(own) // n_points)]})


def check_release_is_whole(stage: Stage) -> None:
    """A release that exists under its name is whole, at any moment."""
    from blocks.signing_key import open_signer

    release = stage.home / "releases" / "1.0.0"
    if release.exists():
        assert check_release(release, open_signer(stage.home).verifier).findings == []


def test_killed_around_its_release_a_freeze_ends_like_an_undisturbed_one(
    freeze: Stage, torture: bool, record_property: Callable[[str, object], None]
) -> None:
    for fatal in points_of_the_release(freeze, 40 if torture else 2):
        where = f"killed at operation {fatal}: {freeze.whole.events[fatal - 1]}"
        freeze.renew()
        assert freeze.play(Disturbance("kill", fatal))[0].status == -signal.SIGKILL, where
        check_release_is_whole(freeze)
        assert freeze.play()[0].status == 0, where
        check_release_is_whole(freeze)
        assert freeze.difference() is None, where
        assert [path.name for path in (freeze.home / "releases").iterdir()] == ["1.0.0"]
        record_property(PROPERTY, ("release-freeze", plans.KILLED, True))


def test_killed_between_tag_and_its_receipt_the_tag_stays_as_it_is(freeze: Stage) -> None:
    events, repository = freeze.whole.events, freeze.home / "repository"
    receipt = next(n for n, (kind, path) in enumerate(events, 1) if "tag-release" in path and kind == "open")
    commits = [n for n, (kind, _) in enumerate(events, 1) if kind == "commit" and n < receipt]
    freeze.renew()
    assert freeze.play(Disturbance("kill", commits[-1]))[0].status == -signal.SIGKILL  # tagged, not yet noted as done
    before = git(repository, "rev-parse", "refs/tags/data-v1.0.0")
    assert freeze.play()[0].status == 0
    assert git(repository, "rev-parse", "refs/tags/data-v1.0.0") == before
    assert git(repository, "rev-parse", "data-v1.0.0^{commit}") == git(repository, "rev-parse", "HEAD")
