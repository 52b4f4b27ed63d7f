"""Legal holds: placed, released, and never gone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from millrace.errors import BadInputError, NotFoundError
from millrace.ledger import holds
from millrace.ledger.holds import Hold
from millrace.ledger.store import Ledger

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)


def place(ledger: Ledger, held: str = "a" * 64, minutes: int = 0, **given: Any) -> Hold:
    about: dict[str, Any] = {"held_type": "dataset", "reason": "case 7", "by": "eve"} | given
    return holds.place(ledger, held=held, at=NOW + timedelta(minutes=minutes), **about)


def test_a_hold_is_in_force_until_it_is_released_and_stays_in_the_list(ledger: Ledger) -> None:
    first, second = place(ledger), place(ledger, "run-1", 1, held_type="run")
    assert holds.active(ledger) == [first, second]
    released = holds.release(ledger, first.hold_id, by="rosa", at=NOW + timedelta(days=1))
    assert (released.released_by, released.released_at) == ("rosa", NOW + timedelta(days=1))
    assert holds.active(ledger) == [second]
    assert holds.all_holds(ledger) == [released, second]


def test_holds_are_found_by_what_they_are_on(ledger: Ledger) -> None:
    user, tenant = place(ledger, "b" * 64, held_type="user"), place(ledger, "b" * 64, held_type="tenant")
    assert holds.active(ledger, "user") == [user]
    assert holds.active(ledger, "tenant", "b" * 64) == [tenant]
    assert holds.active(ledger, "user", "c" * 64) == []


def test_one_thing_can_be_held_twice_and_one_command_holds_once(ledger: Ledger) -> None:
    first = place(ledger)
    assert place(ledger) == first
    other = place(ledger, minutes=1)
    holds.release(ledger, first.hold_id, by="rosa", at=NOW)
    assert holds.active(ledger) == [other]


@pytest.mark.parametrize("wrong", [{"reason": " "}, {"by": ""}, {"held": ""}, {"held_type": "planet"}])
def test_half_a_hold_is_refused(ledger: Ledger, wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInputError):
        place(ledger, **wrong)
    assert holds.all_holds(ledger) == []


def test_a_hold_is_released_once_and_by_somebody(ledger: Ledger) -> None:
    hold = place(ledger)
    with pytest.raises(BadInputError, match="by"):
        holds.release(ledger, hold.hold_id, by=" ", at=NOW)
    holds.release(ledger, hold.hold_id, by="rosa", at=NOW)
    with pytest.raises(BadInputError, match="rosa released hold"):
        holds.release(ledger, hold.hold_id, by="ada", at=NOW)
    with pytest.raises(NotFoundError, match="millrace hold list"):
        holds.release(ledger, "none", by="rosa", at=NOW)
