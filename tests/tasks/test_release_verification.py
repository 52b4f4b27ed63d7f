"""What the verify gate finds: every change to what a release rests on, with its name."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from millrace.ledger import catalogue
from millrace.records.release import GateResult
from tasks.home import Home
from tasks.release_plan import ReleaseSettings, plan_release
from tasks.release_verification import check_distillation
from tests.support.distilled import AT, DISTILL, prepare
from tests.tasks.turns import plain_turn


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("template")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MILLRACE_HOME", str(root))
        prepare(Home(root))
    return root


@pytest.fixture
def ready(home: Home, template: Path) -> Home:
    shutil.copytree(template, home.root, dirs_exist_ok=True)
    return home


def verify() -> GateResult:
    found: list[GateResult] = plain_turn(
        lambda: [check_distillation(plan_release(ReleaseSettings(version="1.0.0", as_of=AT)))]
    )
    return found[0]


def dataset(home: Home, kind: str) -> Path:
    return next((home.root / "datasets" / kind).glob("*/part-*.parquet"))


def test_an_untouched_run_passes(ready: Home) -> None:
    result = verify()
    assert (result.name, result.status, result.reason, result.output) == ("verify", "passed", None, [])


def drop_dataset(home: Home) -> str:
    path = dataset(home, "evidence")
    path.unlink()
    return str(path)


def swap_dataset(home: Home) -> str:
    path = dataset(home, "evidence_scores")
    shutil.copy(dataset(home, "evidence"), path)
    return str(path)


def erase_dataset(home: Home) -> str:
    path = dataset(home, "eval_examples").parent
    catalogue.bury(home.ledger, path.name, reason="erased", at=AT)
    return f"eval_examples:{path.name} was erased since"


def change_export(home: Home) -> str:
    path = home.root / "exports" / DISTILL / "rag" / "train.jsonl"
    path.write_bytes(path.read_bytes() + b"{}\n")
    return "exports/rag/train.jsonl: expected"


def drop_export(home: Home) -> str:
    path = home.root / "exports" / DISTILL / "rag" / "README.md"
    path.unlink()
    return f"{path} cannot be read: No such file or directory"


def link_export(home: Home) -> str:
    path = home.root / "exports" / DISTILL / "rag" / "train.jsonl"
    shutil.move(path, path.with_name("moved"))
    path.symlink_to("moved")
    return f"{path} cannot be read"


def edit_receipt(home: Home) -> str:
    path = home.run_folder(DISTILL) / "receipts" / "score-evidence.json"
    receipt = json.loads(path.read_text())
    receipt["outputs"] = []
    path.write_text(json.dumps(receipt))
    return f"the receipts of {DISTILL} make another run hash"


def spoil_receipt(home: Home) -> str:
    (home.run_folder(DISTILL) / "receipts" / "score-evidence.json").write_text("{}")
    return f"the receipts of {DISTILL} cannot be read"


def name_file_outside(home: Home) -> str:
    path = home.run_folder(DISTILL) / "receipts" / "publish-exports.json"
    path.write_text(path.read_text().replace(f"exports/{DISTILL}/rag/train", f"exports/{DISTILL}/../../keys/train"))
    return "which is no file of its exports"


def publish_nothing(home: Home) -> str:
    (home.run_folder(DISTILL) / "receipts" / "publish-exports.json").unlink()
    return "no receipt of publish-exports"


def change_golden(home: Home) -> str:
    path = home.root / "golden" / "main" / "1.0.0" / "rows.jsonl"
    path.write_text(path.read_text().replace("20 kg", "30 kg"))
    return f"{path} does not hold the rows of golden:"


def drop_golden(home: Home) -> str:
    (home.root / "golden" / "main" / "1.0.0" / "rows.jsonl").unlink()
    return "golden dataset main 1.0.0 cannot be read"


@pytest.mark.parametrize(
    "spoil",
    [
        drop_dataset,
        swap_dataset,
        erase_dataset,
        change_export,
        drop_export,
        link_export,
        edit_receipt,
        spoil_receipt,
        name_file_outside,
        publish_nothing,
        change_golden,
        drop_golden,
    ],
)
def test_every_change_fails_the_gate_and_is_named(ready: Home, spoil: Callable[[Home], str]) -> None:
    expected = spoil(ready)
    result = verify()
    assert result.status == "failed"
    assert any(expected in problem for problem in result.output), result.output
    assert str(result.reason).startswith(f"{len(result.output)} difference")
