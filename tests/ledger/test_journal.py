from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.errors import BadInputError, NotFoundError
from millrace.ledger.journal import begin_effect, effects_of, finish_effect
from millrace.ledger.pins import pin, pins_of
from millrace.ledger.store import Ledger

T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)
LATER = T0 + timedelta(hours=1)


def test_an_effect_is_intended_until_it_is_done(ledger: Ledger) -> None:
    assert begin_effect(ledger, "k", "notify", "r1", T0).status == "intended"
    again = begin_effect(ledger, "k", "notify", "r1", LATER)  # after a crash in between
    assert (again.status, again.intended_at, again.result) == ("intended", T0, None)
    finish_effect(ledger, "k", {"sent": 1}, LATER)
    done = begin_effect(ledger, "k", "notify", "r2", LATER)
    assert (done.status, done.result, done.run_id, done.done_at) == ("done", {"sent": 1}, "r1", LATER)


def test_the_first_result_stays(ledger: Ledger) -> None:
    begin_effect(ledger, "k", "notify", "r1", T0)
    first = finish_effect(ledger, "k", None, T0)
    assert finish_effect(ledger, "k", "other", LATER) == first
    assert (first.result, first.done_at) == (None, T0)


def test_an_effect_never_begun_cannot_be_finished(ledger: Ledger) -> None:
    with pytest.raises(NotFoundError, match="never begun"):
        finish_effect(ledger, "k", 1, T0)


def test_a_key_belongs_to_one_effect(ledger: Ledger) -> None:
    begin_effect(ledger, "k", "notify", "r1", T0)
    with pytest.raises(BadInputError, match="belongs to notify, not to publish"):
        begin_effect(ledger, "k", "publish", "r1", T0)


def test_effects_are_listed_by_intention(ledger: Ledger) -> None:
    begin_effect(ledger, "z", "notify", "r1", T0)
    begin_effect(ledger, "b", "notify", "r1", LATER)
    begin_effect(ledger, "a", "notify", "r1", LATER)
    begin_effect(ledger, "c", "notify", "r2", T0)
    assert [state.key for state in effects_of(ledger, "r1")] == ["z", "a", "b"]


def test_a_change_in_the_ledger_and_its_journal_entry_are_one(ledger: Ledger) -> None:
    begin_effect(ledger, "k", "pin", "r1", T0)

    def crash() -> None:
        with ledger.write():
            pin(ledger, "r1", "x", 1)
            finish_effect(ledger, "k", 1, T0)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        crash()
    assert begin_effect(ledger, "k", "pin", "r1", T0).status == "intended"
    assert pins_of(ledger, "r1") == {}


call = st.tuples(st.sampled_from(["begin", "finish"]), st.sampled_from("abc"), st.integers(0, 9))


@settings(max_examples=25, deadline=None)
@given(st.lists(call, max_size=20))
def test_any_sequence_of_calls_leaves_each_effect_with_its_first_result(sequence: list[tuple[str, str, int]]) -> None:
    results: dict[str, int | None] = {}  # the model: key -> first result, None while only intended
    with TemporaryDirectory() as folder, Ledger.open(Path(folder) / "ledger.sqlite") as ledger:
        for step, (name, key, value) in enumerate(sequence):
            at = T0 + timedelta(seconds=step)
            if name == "begin":
                state = begin_effect(ledger, key, "effect", "r1", at)
                results.setdefault(key, None)
            elif key in results:
                state = finish_effect(ledger, key, value, at)
                results[key] = value if results[key] is None else results[key]
            else:
                with pytest.raises(NotFoundError):
                    finish_effect(ledger, key, value, at)
                continue
            assert (state.result, state.status == "done") == (results[key], results[key] is not None)
        assert {state.key: state.result for state in effects_of(ledger, "r1")} == results
