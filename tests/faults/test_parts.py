"""Every flow that can be deployed is disturbed."""

import yaml

from tests.faults import plans
from tests.faults.conftest import ROOT
from tests.faults.parts import PARTS
from tests.support.disturbances import BAD_DISK_FAILS, HALF_WRITTEN
from tests.support.kills import Event


def deployed() -> list[str]:
    return [each["name"] for each in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]]


def test_every_flow_and_every_deployment_has_a_part() -> None:
    modules = {path.stem.replace("_", "-") for path in (ROOT / "flows").glob("[!_]*.py")}
    assert sorted(modules.union(deployed()) - set(PARTS)) == []


EVENTS = [
    *(Event(kind, f"datasets/{n}") for n in range(30) for kind in ("open", "torn", "fsync", "rename", "renamed")),
    Event("torn-commit", "ledger.sqlite"),
    Event("torn-commit", "ledger.sqlite"),
    Event("torn-commit", "ledger.sqlite"),
    Event("open", "runs/r/receipts/.step.json.tmp"),
    Event("torn", "runs/r/receipts/.step.json.tmp"),
    Event("renamed", "runs/r/receipts/step.json"),
]


def test_a_torture_disturbs_each_kind_of_operation_and_the_bounds_of_a_step() -> None:
    faults = plans.torture(EVENTS)
    assert {fault.kind for fault in faults} == set(plans.N_IN_TORTURE)
    killed_at = [EVENTS[fault.at - 1] for fault in faults if fault.kind == plans.KILLED]
    assert len(killed_at) == plans.N_IN_TORTURE[plans.KILLED]
    assert {kind for kind, _ in killed_at} == {kind for kind, _ in EVENTS}
    assert any("receipts" in path for _, path in killed_at)
    assert 153 in [fault.at for fault in faults if fault.kind == plans.KILLED]  # an effect's third commit


def test_a_disk_fails_only_at_operations_that_it_can_fail_at() -> None:
    for kind, fails in ((plans.HALF_A_WRITE, HALF_WRITTEN), (plans.BAD, BAD_DISK_FAILS)):
        at = [fault.at for fault in plans.faults_of(kind, EVENTS, 6)]
        assert len(at) == 6
        assert {EVENTS[number - 1].kind for number in at} <= fails


def test_samples_of_all_flows_hold_every_kind() -> None:
    kinds = {fault.kind for turn in range(len(PARTS)) for fault in plans.sample(EVENTS, turn)}
    assert kinds == set(plans.N_IN_TORTURE)
