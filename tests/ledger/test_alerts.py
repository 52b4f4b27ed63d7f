"""Claims on alerts: one at a time for each key, scope and receiver, confirmed, given back, or left to lapse."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from millrace.ledger.alerts import (
    Claims,
    LoggedAlert,
    alert_log,
    claim_alerts,
    confirm_alerts,
    doubt_alerts,
    log_unreceived,
    release_alerts,
)
from millrace.ledger.store import Ledger
from millrace.records.monitoring import FiredAlert
from millrace.records.trace import utc

T0 = utc(2026, 11, 21, 6)
QUIET = timedelta(minutes=30)
FIRST, SECOND = "a" * 64, "b" * 64


def minute(number: float) -> datetime:
    return T0 + timedelta(minutes=number)


def alert(key: str = FIRST) -> FiredAlert:
    return FiredAlert(
        key=key, rule_id="r", severity="critical", day="2026-11-20", figure="pipeline/failed_share", value=0.2,
        bound="> 5 %", message="m", playbook="p",
    )  # fmt: skip


def claim(ledger: Ledger, run_id: str, at: float = 0, *keys: str, **changed: Any) -> Claims:
    settings: dict[str, Any] = {"receiver": "slack/a", "scope": "all", "quiet": QUIET} | changed
    return claim_alerts(ledger, [alert(key) for key in keys or (FIRST,)], run_id=run_id, at=minute(at), **settings)


def outcome(claims: Claims) -> str:
    (logged,) = [*claims.mine, *claims.settled]
    return "mine" if claims.mine else logged.status


def test_a_claim_is_confirmed_and_holds_what_fired(ledger: Ledger) -> None:
    claims = claim(ledger, "r1", 0, FIRST, SECOND)
    assert claims.settled == []
    assert [each.alert.key for each in claims.mine] == [FIRST, SECOND]
    sent = confirm_alerts(ledger, claims.mine, minute(1))
    assert [(each.status, each.claimed_at, each.sent_at) for each in sent] == [("sent", T0, minute(1))] * 2
    assert alert_log(ledger) == sent[::-1]
    assert sent[0].alert == alert(FIRST)


@pytest.mark.parametrize(
    ("at", "expected"),
    [(0.5, "suppressed"), (30.9, "suppressed"), (31, "mine"), (500, "mine"), (-28, "suppressed"), (-29, "mine")],
)
def test_what_was_sent_is_suppressed_for_thirty_minutes_from_the_sending(
    ledger: Ledger, at: float, expected: str
) -> None:
    confirm_alerts(ledger, claim(ledger, "r1").mine, minute(1))
    claims = claim(ledger, "r2", at)
    assert outcome(claims) == expected
    if expected == "suppressed":
        assert claims.settled[0].last_sent_at == minute(1)
        assert claims.settled[0].problem is None


def test_a_claim_that_nobody_confirms_counts_as_sent_for_thirty_minutes_and_says_so(ledger: Ledger) -> None:
    claim(ledger, "r1")
    (held,) = claim(ledger, "r2", 29).settled
    assert (held.status, held.last_sent_at) == ("suppressed", T0)
    assert held.problem == "run r1 claimed it and has not confirmed that it was sent: it counts as sent"
    assert outcome(claim(ledger, "r1", 29)) == "claimed"  # the run itself cannot know either
    assert outcome(claim(ledger, "r1", 30)) == "mine"
    assert outcome(claim(ledger, "r2", 31)) == "suppressed"


def test_what_a_run_has_sent_it_never_sends_again(ledger: Ledger) -> None:
    confirm_alerts(ledger, claim(ledger, "r1").mine, T0)
    assert outcome(claim(ledger, "r1", 10_000)) == "sent"


def test_being_suppressed_makes_the_silence_no_longer(ledger: Ledger) -> None:
    confirm_alerts(ledger, claim(ledger, "r1").mine, T0)
    for at in (10, 20, 29):
        assert outcome(claim(ledger, f"r{at}", at)) == "suppressed"
    assert outcome(claim(ledger, "r30", 30)) == "mine"


def test_a_claim_given_back_is_anybodys_and_keeps_its_problem(ledger: Ledger) -> None:
    (released,) = release_alerts(ledger, claim(ledger, "r1").mine, "it answered 500")
    assert (released.status, released.claimed_at, released.problem) == ("not_sent", None, "it answered 500")
    (mine,) = claim(ledger, "r1", 1).mine
    assert (mine.status, mine.problem, mine.fired_at) == ("claimed", None, T0)
    release_alerts(ledger, [mine], "again")
    assert outcome(claim(ledger, "r2", 2)) == "mine"


def test_a_doubtful_sending_keeps_the_claim(ledger: Ledger) -> None:
    (doubtful,) = doubt_alerts(ledger, claim(ledger, "r1").mine, "no answer in time")
    assert (doubtful.status, doubtful.claimed_at, doubtful.problem) == ("claimed", T0, "no answer in time")
    assert outcome(claim(ledger, "r2", 29)) == "suppressed"
    assert outcome(claim(ledger, "r2", 30)) == "mine"


def test_another_key_receiver_or_scope_is_another_alert(ledger: Ledger) -> None:
    claim(ledger, "r1")
    assert outcome(claim(ledger, "r2", 1, SECOND)) == "mine"
    assert outcome(claim(ledger, "r2", 1, receiver="slack/b")) == "mine"
    assert outcome(claim(ledger, "r2", 1, scope="tenant a")) == "mine"
    assert outcome(claim(ledger, "r2", 1)) == "suppressed"


def test_new_alerts_are_claimed_beside_suppressed_ones(ledger: Ledger) -> None:
    claim(ledger, "r1")
    claims = claim(ledger, "r2", 1, FIRST, SECOND)
    assert [each.alert.key for each in claims.mine] == [SECOND]
    assert [each.alert.key for each in claims.settled] == [FIRST]


def test_the_quiet_time_is_the_callers(ledger: Ledger) -> None:
    confirm_alerts(ledger, claim(ledger, "r1").mine, T0)
    assert outcome(claim(ledger, "r2", 6, quiet=timedelta(minutes=5))) == "mine"


def test_a_clock_that_was_far_ahead_silences_nobody(ledger: Ledger) -> None:
    confirm_alerts(ledger, claim(ledger, "r1", 60 * 24 * 365).mine, minute(60 * 24 * 365))
    assert outcome(claim(ledger, "r2", 0)) == "mine"


def test_a_sender_that_confirms_late_does_not_undo_what_was_settled(ledger: Ledger) -> None:
    mine = claim(ledger, "r1").mine
    release_alerts(ledger, mine, "refused")
    assert [each.status for each in confirm_alerts(ledger, mine, minute(1))] == ["not_sent"]


def test_the_log_is_the_newest_first_of_all_runs_or_one(ledger: Ledger) -> None:
    log_unreceived(ledger, [alert(FIRST), alert(SECOND)], scope="all", run_id="r1", at=T0)
    claim(ledger, "r2", 1)
    assert [(each.run_id, each.alert.key, each.status) for each in alert_log(ledger)] == [
        ("r2", FIRST, "claimed"),
        ("r1", SECOND, "no_receiver"),
        ("r1", FIRST, "no_receiver"),
    ]
    assert [each.receiver for each in alert_log(ledger, run_id="r1")] == [None, None]
    assert len(alert_log(ledger, 1)) == 1
    log_unreceived(ledger, [alert(FIRST)], scope="all", run_id="r1", at=minute(5))
    assert len(alert_log(ledger)) == 3
    assert outcome(claim(ledger, "r3", 40)) == "mine"  # what nobody was told suppresses nothing


Step = tuple[int, float, str]  # run, minutes since the last step, how the sending ends
STEPS = st.lists(
    st.tuples(st.integers(0, 3), st.floats(0, 40), st.sampled_from(["confirm", "release", "doubt", "die"])), max_size=15
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_between_two_messages_that_may_have_arrived_lies_the_quiet_time(ledger: Ledger, steps: list[Step]) -> None:
    clock, arrived, scope = 0.0, [], str(len(alert_log(ledger)))  # one ledger for all examples
    for run, passed, ending in steps:
        clock += passed
        mine = claim(ledger, f"r{run}", clock, scope=scope).mine
        if mine and ending != "release":
            arrived.append(clock)
        end(ledger, mine, ending, clock)
    assert all(later - sooner >= 30 - 1e-6 for sooner, later in pairwise(arrived))


def end(ledger: Ledger, mine: list[LoggedAlert], ending: str, at: float) -> None:
    if ending == "confirm":
        confirm_alerts(ledger, mine, minute(at))
    elif ending == "release":
        release_alerts(ledger, mine, "refused")
    elif ending == "doubt":
        doubt_alerts(ledger, mine, "no answer")
