"""Whatever happens to a flow at one of its operations, it ends clearly and goes on as though nothing had been.

Killed at the bounds of every step, and before, inside and after writes, renames and the ledger's commits; on disks that
are full, bad or slow; beside another process; under a clock that jumps.
"""

import signal
from collections.abc import Callable

import pytest

from tests.faults import plans
from tests.faults.conftest import StageOf
from tests.faults.parts import PARTS
from tests.faults.table import PROPERTY
from tests.support.disturbances import Disturbance

pytestmark = pytest.mark.faults
Record = Callable[[str, object], None]


@pytest.mark.parametrize("flow", PARTS)
def test_a_disturbed_flow_ends_like_an_undisturbed_one(
    flow: str, stage_of: StageOf, torture: bool, record_property: Record
) -> None:
    stage = stage_of(flow)
    events = stage.whole.events
    faults = plans.torture(events) if torture else plans.sample(events, list(PARTS).index(flow))
    problems = []
    for fault in faults:
        problems.append(stage.problem_after(fault))
        record_property(PROPERTY, (flow, fault.kind, problems[-1] is None))
    assert list(filter(None, problems)) == []


def test_a_flow_entered_again_and_again_while_it_is_killed_ends_like_an_undisturbed_one(stage_of: StageOf) -> None:
    # An entry that goes on makes fewer operations than a whole one, so each number lies further into the flow.
    stage = stage_of("weekly-flywheel")
    stage.renew()
    deaths = [stage.play(Disturbance("kill", number))[0].status for number in (400, 420, 440, 460)]
    assert deaths.count(-signal.SIGKILL) >= 3
    assert [stage.play()[0].status for _ in range(2)] == [0, 0]
    assert stage.difference() is None
