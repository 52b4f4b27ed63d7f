"""Every step of the code base can be made again from its receipt: arguments and results survive JSON."""

import importlib
import json
import pkgutil
from pathlib import Path
from typing import Any

import pytest

import tasks
from blocks.signing_key import make_key
from flows.acceptance import AcceptanceConfig
from flows.acceptance import acceptance as accept
from flows.audit import AuditConfig, audit
from flows.distill import distill
from flows.import_feedback import ImportFeedbackConfig, import_feedback
from millrace.datasets.manifest import DatasetRef
from millrace.ledger import pointers
from tasks.calls import find_step, function_name, refs_in
from tasks.effect import Effect
from tasks.golden_removal import GoldenRemovalConfig, golden_remove
from tasks.home import Home
from tasks.receipts import read_receipts
from tasks.stage import Stage
from tasks.steps import Step, StepResult
from tests.support import acceptance, erasures, old_home, replays, wheel
from tests.support import distilled as releases
from tests.support.days import evaluate
from tests.support.inputs import write_lines

BY_PREFECT_ONLY = {"tasks.notify:notify_person"}  # needs a saved block: tests/tasks/test_notify.py


def all_steps() -> set[str]:
    """``module:name`` of every stage and effect in ``tasks``."""
    modules = [importlib.import_module(f"tasks.{module.name}") for module in pkgutil.iter_modules(tasks.__path__)]
    steps = [each for module in modules for each in vars(module).values() if isinstance(each, Stage | Effect)]
    return {function_name(step.function) for step in steps}


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(value, allow_nan=False))


def test_arguments_and_result_of_every_step_survive_json(
    home: Home, inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[str] = set()
    close = Step.close

    def checked(step: Step, key: str, result: StepResult, *, cached: bool) -> Any:
        output = close(step, key, result, cached=cached)
        arguments = step.signature.from_json(through_json(step.signature.to_json(step.arguments)))
        assert arguments == step.arguments, step.name
        assert list(refs_in(arguments)) == list(refs_in(step.arguments))
        assert step.signature.result_from_json(through_json(result.output)) == output, step.name
        seen.add(function_name(step.function))
        return output

    monkeypatch.setattr(Step, "close", checked)
    wheel.turn(inputs, home.root)
    version = pointers.pointer(home.ledger, "golden/main")
    assert version is not None
    row = home.datasets.open(DatasetRef.model_validate(version.value["dataset"])).to_arrow().to_pylist()[0]
    golden_remove(GoldenRemovalConfig(golden_id=row["golden_id"], reason="a test"), run_id="removal")
    evaluate(0)
    evaluate(30)  # no traffic: an alert
    said = [{"trace_id": "trace-0001", "tenant_id": "mill", "rating": True, "time": "2026-11-10T00:00:00Z"}]
    file = write_lines(inputs / "feedback.jsonl", said)
    import_feedback.fn(ImportFeedbackConfig(file=str(file)), run_id="feedback")
    _distil_and_freeze(home, inputs)
    old_home.write_ratings(home, 1, days=31)
    old_home.enforced(home)
    erasures.requested(home, user="user-0")
    erasures.carried_out()
    assert seen == all_steps() - BY_PREFECT_ONLY

    for receipt in (each for folder in home.root.glob("runs/*") for each in read_receipts(folder)):
        step = find_step(receipt.function)
        assert function_name(step.function) == receipt.function
        assert step.signature.to_json(step.signature.from_json(receipt.arguments)) == receipt.arguments


def _distil_and_freeze(home: Home, inputs: Path) -> None:
    """Everything that follows a turn of the wheel: distilled, accepted, audited, replayed, frozen and tagged."""
    settings = acceptance.settings(home.root / "reports", streams=["traces", "annotations", "golden", "feedback"])
    distill.fn(settings, run_id="distilled")
    accepting = AcceptanceConfig(near_match=False, reports_folder=str(home.root / "reports"))
    accept.fn(accepting, run_id="acceptance")
    audit.fn(AuditConfig(acceptance_timeout_s=0.01, reports_folder=str(home.root / "reports")), run_id="audit")
    file = replays.write_tasks(inputs)
    replays.replayed(file, "baseline", retrieval="none")
    replays.replayed(file, "replay")
    replays.replayed(file, "dry-run", dry_run=True, retrieval="none")
    make_key(home.root)
    repository = releases.new_repository(inputs / "repository")
    assert releases.freeze(repository=str(repository)) is None
    releases.decide()
    assert releases.freeze(repository=str(repository)) is not None
