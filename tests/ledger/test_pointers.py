from datetime import UTC, datetime, timedelta

import pytest

from millrace.errors import BadInputError
from millrace.ledger.pointers import ABSENT, pointer, pointer_history_of, pointers_under, set_pointer
from millrace.ledger.store import Ledger

T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)
LATER = T0 + timedelta(hours=1)


def test_a_pointer_never_set_points_nowhere(ledger: Ledger) -> None:
    assert pointer(ledger, "golden/demo") is None
    assert pointer_history_of(ledger, "golden/demo") == []


def test_the_last_value_counts_and_all_are_kept(ledger: Ledger) -> None:
    set_pointer(ledger, "golden/demo", "1.0.0", T0, "r1")
    set_pointer(ledger, "golden/demo", "1.1.0", LATER, "r2")
    set_pointer(ledger, "golden/demo", "1.0.0", LATER, "rollback")
    set_pointer(ledger, "golden/other", "2.0.0", LATER, "r1")
    now = pointer(ledger, "golden/demo")
    assert now is not None
    assert (now.value, now.run_id, now.at) == ("1.0.0", "rollback", LATER)
    history = [(entry.value, entry.run_id) for entry in pointer_history_of(ledger, "golden/demo")]
    assert history == [("1.0.0", "r1"), ("1.1.0", "r2"), ("1.0.0", "rollback")]


def test_of_two_publishers_that_expect_the_same_one_wins(ledger: Ledger) -> None:
    set_pointer(ledger, "index", {"hash": "a"}, T0, "r1", expected=ABSENT)
    with pytest.raises(BadInputError, match="was not to exist yet but is"):
        set_pointer(ledger, "index", {"hash": "b"}, T0, "r2", expected=ABSENT)
    set_pointer(ledger, "index", {"hash": "b"}, T0, "r2", expected={"hash": "a"})
    with pytest.raises(BadInputError, match="set by run r2") as caught:
        set_pointer(ledger, "index", {"hash": "c"}, T0, "r3", expected={"hash": "a"})
    assert caught.value.details["found"] == {"hash": "b"}
    assert len(pointer_history_of(ledger, "index")) == 2


def test_a_publisher_that_runs_again_after_a_crash_has_already_won(ledger: Ledger) -> None:
    first = set_pointer(ledger, "index", "b", T0, "r2", expected=ABSENT)
    assert set_pointer(ledger, "index", "b", LATER, "r2", expected=ABSENT) == first
    assert len(pointer_history_of(ledger, "index")) == 1


def test_a_value_is_expected_of_a_pointer_that_exists(ledger: Ledger) -> None:
    with pytest.raises(BadInputError, match="does not exist"):
        set_pointer(ledger, "index", "b", T0, "r1", expected="a")
    with pytest.raises(BadInputError, match="cannot point to nothing"):
        set_pointer(ledger, "index", None, T0, "r1")


def test_pointers_of_a_family_are_listed_where_they_point_now(ledger: Ledger) -> None:
    for name, value in (("weeks/a_/2", "old"), ("weeks/a_/1", "x"), ("weeks/a_/2", "new"), ("weeks/ab/1", "other")):
        set_pointer(ledger, name, value, T0, f"run of {value}")
    assert [(entry.name, entry.value) for entry in pointers_under(ledger, "weeks/a_/")] == [
        ("weeks/a_/1", "x"),
        ("weeks/a_/2", "new"),
    ]
    assert pointers_under(ledger, "nothing/") == []
