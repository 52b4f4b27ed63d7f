"""Stages: keyed by content, cached within one home, retried only for what may heal, pinned across a pause."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prefect.artifacts import Artifact

import tasks.steps
from millrace.datasets.manifest import DatasetRef
from millrace.errors import BadInputError, UnavailableError
from millrace.records.base import Record
from millrace.records.receipt import Receipt
from millrace.records.source import SourceRef
from millrace.records.trace import utc
from tasks.approval import ask_person
from tasks.home import Home
from tasks.parts import read_dataset, write_dataset
from tasks.stage import Stage, stage
from tests.support.approving import decide
from tests.tasks.turns import Turn, make_ratings, ratings_table

Receipts = Callable[[str], dict[str, Receipt]]
CALLS: list[Any] = []


class Shifted(Record):
    ratings: DatasetRef
    highest: float


@pytest.fixture(autouse=True)
def _no_calls() -> None:
    CALLS.clear()


@stage
def shift_ratings(ratings: DatasetRef, by: float = 1.0) -> Shifted:
    """Every rating plus ``by``."""
    CALLS.append(by)
    table = read_dataset(ratings).to_arrow()
    shifted = ratings_table(table.num_rows, first=int(by))
    return Shifted(ratings=write_dataset("human_ratings", shifted), highest=max(shifted.column("value").to_pylist()))


@stage
def read_file(source: SourceRef) -> str:
    CALLS.append(source.path)
    return Path(source.path).read_text()


@stage
def count_letters(text: str) -> int:
    CALLS.append(text)
    return len(text)


@stage
def fail_twice(kind: str) -> int:
    CALLS.append(kind)
    if len(CALLS) <= 2:
        raise {"away": UnavailableError("the service is away"), "network": ConnectionError("reset")}[kind]
    return len(CALLS)


@stage(retries=1)
def fail_always(kind: str) -> int:
    CALLS.append(kind)
    raise {"bad": BadInputError("the settings are wrong", row=3), "away": UnavailableError("away")}[kind]


def hasten(step: Stage[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let retries follow each other at once."""
    quick = step._task.with_options(retry_delay_seconds=[0.01], retry_jitter_factor=0.0)
    monkeypatch.setattr(step, "_task", quick)


def shift_three() -> Shifted:
    return shift_ratings(make_ratings(3), 5.0)


def test_a_stage_returns_the_functions_own_type_and_leaves_a_receipt(turn: Turn, receipts: Receipts) -> None:
    result = turn(shift_three)
    assert result.highest == 7.0  # 0, 1, 2 become 5, 6, 7
    receipt = receipts("run")["shift-ratings"]
    assert receipt.outputs == [result.ratings.name]
    assert receipt.inputs == receipts("run")["make-ratings"].outputs
    assert (receipt.counts.rows_in, receipt.counts.rows_out, receipt.counts.rows_skipped) == (3, 3, 0)
    assert (receipt.cached, receipt.attempts, receipt.step_type) == (False, 1, "stage")
    assert receipt.arguments["by"] == 5.0
    assert receipt.output == result.model_dump(mode="json")


@pytest.mark.prefect
def test_both_ways_of_running_give_one_key_and_one_dataset(plain: Turn, prefect: Turn, receipts: Receipts) -> None:
    first, second = plain(shift_three, "one"), prefect(shift_three, "two")
    assert first == second
    assert {name: each.key for name, each in receipts("one").items()} == {
        name: each.key for name, each in receipts("two").items()
    }


def test_steps_of_one_name_are_numbered_and_the_origin_says_where_a_dataset_came_from(
    plain: Turn, receipts: Receipts, home: Home
) -> None:
    second = plain(lambda: (shift_ratings(make_ratings(2)), shift_ratings(make_ratings(3)))[1])
    assert set(receipts("run")) == {"make-ratings", "make-ratings-2", "shift-ratings", "shift-ratings-2"}
    origin = home.datasets.open(second.ratings).manifest.origin
    receipt = receipts("run")["shift-ratings-2"]
    assert origin.stage == receipt.function
    assert (origin.inputs, origin.code_fingerprint) == (receipt.inputs, receipt.code_fingerprint)


def test_the_key_changes_with_settings_inputs_code_and_numeric_profile(
    plain: Turn, receipts: Receipts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def key(run_id: str, n_rows: int = 3, by: float = 5.0) -> str:
        plain(lambda: shift_ratings(make_ratings(n_rows), by), run_id)
        return receipts(run_id)["shift-ratings"].key

    keys = [key("a"), key("b", n_rows=4), key("c", by=6.0)]
    monkeypatch.setattr(tasks.steps, "numeric_profile", lambda: "another machine")
    keys.append(key("d"))
    monkeypatch.setattr(tasks.steps, "code_fingerprint", lambda module: "edited")
    keys.append(key("e"))
    assert len(set(keys)) == 5


def test_a_source_that_moved_has_the_same_key(plain: Turn, receipts: Receipts, tmp_path: Path) -> None:
    for run_id in ("one", "two"):
        (tmp_path / run_id).write_text("same")
        source = SourceRef(path=str(tmp_path / run_id), name="file", sha256="a" * 64)
        plain(lambda source=source: read_file(source), run_id)
    assert receipts("one")["read-file"].key == receipts("two")["read-file"].key


def test_a_stage_outside_a_flow_is_refused_and_its_function_is_not_wrapped() -> None:
    with pytest.raises(BadInputError, match="called outside a flow"):
        fail_always("bad")
    assert (shift_ratings.name, shift_ratings.__doc__) == ("shift-ratings", "Every rating plus ``by``.")


def test_datasets_are_written_inside_a_step_only(plain: Turn) -> None:
    with pytest.raises(BadInputError, match="written inside a stage or effect"):
        plain(lambda: write_dataset("human_ratings", ratings_table(1)))


@pytest.mark.prefect
def test_a_second_run_takes_the_result_from_the_cache(prefect: Turn, receipts: Receipts) -> None:
    first, second = prefect(shift_three, "one"), prefect(shift_three, "two")
    assert CALLS == [5.0]
    assert first == second
    assert [receipts(run_id)["shift-ratings"].cached for run_id in ("one", "two")] == [False, True]


@pytest.mark.prefect
def test_a_cached_result_whose_dataset_is_gone_is_computed_again(prefect: Turn, home: Home, receipts: Receipts) -> None:
    first = prefect(shift_three, "one")
    shutil.rmtree(home.datasets.folder(first.ratings))
    assert prefect(shift_three, "two") == first
    assert CALLS == [5.0, 5.0]
    assert home.datasets.exists(first.ratings)
    assert receipts("two")["shift-ratings"].cached is False
    prefect(shift_three, "three")
    assert len(CALLS) == 2


@pytest.mark.prefect
def test_another_home_does_not_see_this_ones_results(
    prefect: Turn, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = prefect(shift_three)
    monkeypatch.setenv("MILLRACE_HOME", str(tmp_path / "other"))
    assert prefect(shift_three) == first
    assert CALLS == [5.0, 5.0]
    assert Home(tmp_path / "other").datasets.exists(first.ratings)


@pytest.mark.prefect
def test_a_result_without_datasets_stays_in_its_home_too(
    prefect: Turn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "one", "two"):
        monkeypatch.setenv("MILLRACE_HOME", str(tmp_path / name))
        assert prefect(lambda: count_letters("letters")) == 7
    assert CALLS == ["letters", "letters"]


@pytest.mark.prefect
def test_edited_code_is_a_miss(prefect: Turn, monkeypatch: pytest.MonkeyPatch) -> None:
    prefect(shift_three, "one")
    monkeypatch.setattr(tasks.steps, "code_fingerprint", lambda module: "edited")
    prefect(shift_three, "two")
    assert CALLS == [5.0, 5.0]


@pytest.mark.prefect
@pytest.mark.parametrize("kind", ["away", "network"])
def test_what_may_heal_is_tried_again_and_the_attempts_are_told(
    prefect: Turn, receipts: Receipts, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    hasten(fail_twice, monkeypatch)
    assert prefect(lambda: fail_twice(kind)) == 3
    assert receipts("run")["fail-twice"].attempts == 3


@pytest.mark.prefect
@pytest.mark.parametrize(("kind", "tries"), [("bad", 1), ("away", 2)])
def test_bad_input_fails_at_once_and_an_outage_after_its_retries(
    prefect: Turn, monkeypatch: pytest.MonkeyPatch, kind: str, tries: int
) -> None:
    hasten(fail_always, monkeypatch)
    with pytest.raises(BadInputError if kind == "bad" else UnavailableError) as caught:
        prefect(lambda: fail_always(kind))
    assert len(CALLS) == tries
    assert caught.value.details == ({"row": 3} if kind == "bad" else {})


def test_without_prefect_nothing_is_tried_again(plain: Turn) -> None:
    with pytest.raises(UnavailableError):
        plain(lambda: fail_always("away"))
    assert len(CALLS) == 1


@pytest.mark.prefect
def test_every_computed_stage_leaves_an_artifact_and_a_cached_one_none(prefect: Turn) -> None:
    prefect(shift_three, "one")
    artifact: Any = Artifact.get("receipt-shift-ratings")
    assert artifact is not None
    assert "| rows in / out / skipped / quarantined | 3 / 3 / 0 / 0 |" in str(artifact.data)
    prefect(shift_three, "two")
    latest: Any = Artifact.get("receipt-shift-ratings")
    assert latest is not None
    assert latest.id == artifact.id


def test_after_the_pause_a_step_is_what_people_saw_though_code_changed(
    plain: Turn, home: Home, receipts: Receipts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def body() -> tuple[Shifted, Shifted]:
        before = shift_three()
        ask_person("Approve?", "a page", permission="approve_week")
        return before, shift_three()

    with pytest.raises(BadInputError, match="waits for a decision"):
        plain(body)
    shown = receipts("run")["shift-ratings"]
    decide(home, "run", at=utc(2026, 11, 9))

    monkeypatch.setattr(tasks.steps, "code_fingerprint", lambda module: "edited")
    before, after = plain(body)
    assert CALLS == [5.0, 5.0]  # once before the pause, once after it, never again before it
    assert before == after
    assert receipts("run")["shift-ratings"] == shown
    assert receipts("run")["shift-ratings-2"].code_fingerprint == "edited"
