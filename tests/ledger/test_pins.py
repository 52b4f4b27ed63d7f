import pytest

from millrace.errors import BadInputError
from millrace.ledger.pins import pin, pin_all, pins_named, pins_of
from millrace.ledger.store import Ledger


def test_the_first_value_pinned_stays(ledger: Ledger) -> None:
    assert pin(ledger, "r1", "window", ["2026-01-05", "2026-01-12"]) == ["2026-01-05", "2026-01-12"]
    assert pin(ledger, "r1", "window", "other") == ["2026-01-05", "2026-01-12"]
    assert pin(ledger, "r2", "window", "other") == "other"


def test_null_is_a_value_like_any_other(ledger: Ledger) -> None:
    assert pin(ledger, "r1", "reference", None) is None
    assert pin(ledger, "r1", "reference", 3) is None


def test_the_first_caller_sees_what_every_later_one_sees(ledger: Ledger) -> None:
    assert pin(ledger, "r1", "pair", (1, 2)) == [1, 2]  # the tuple comes as JSON has it


def test_several_are_pinned_together_or_not_at_all(ledger: Ledger) -> None:
    pin(ledger, "r1", "b", "first")
    assert pin_all(ledger, "r1", {"b": "second", "a": 1}) == {"b": "first", "a": 1}
    with pytest.raises(BadInputError):
        pin_all(ledger, "r1", {"c": 1, "d": float("inf")})
    assert list(pins_of(ledger, "r1").items()) == [("a", 1), ("b", "first")]


def test_a_run_without_pins_has_none(ledger: Ledger) -> None:
    assert pin_all(ledger, "r1", {}) == {}
    assert pins_of(ledger, "r1") == {}


def test_one_name_is_found_over_all_runs(ledger: Ledger) -> None:
    pin(ledger, "r2", "start", 2)
    pin(ledger, "r1", "start", 1)
    pin(ledger, "r3", "other", 3)
    assert list(pins_named(ledger, "start").items()) == [("r1", 1), ("r2", 2)]
    assert pins_named(ledger, "nothing") == {}
