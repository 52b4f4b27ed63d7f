from dataclasses import replace
from datetime import UTC, datetime, timedelta

from millrace.ledger.requests import Spending, keep_replies, known_replies, spending_of
from millrace.ledger.store import Ledger
from millrace.ports import ChatReply

T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)
REPLY = ChatReply(
    model="main",
    text="yes",
    fault=None,
    truncated=False,
    retried_for=("timeout", "rate_limited"),
    duration_ms=12.5,
    input_tokens=10,
    output_tokens=2,
    cost_usd=0.000045,
    cost_reason=None,
)
USELESS = replace(REPLY, text="maybe", fault="wrong_schema")
EMPTY = replace(REPLY, text=None, fault="empty_choice", input_tokens=None, cost_usd=None, cost_reason="no usage")


def test_a_reply_comes_back_as_it_was_kept(ledger: Ledger) -> None:
    kept = keep_replies(ledger, {"k1": REPLY, "k2": EMPTY}, "r1", T0)
    assert kept == {"k1": REPLY, "k2": EMPTY} == known_replies(ledger, ["k1", "k2", "k3"], "r1")


def test_nothing_to_keep_and_nothing_to_look_for(ledger: Ledger) -> None:
    assert keep_replies(ledger, {}, "r1", T0) == {} == known_replies(ledger, [], "r1")


def test_a_usable_reply_serves_every_run_and_the_first_one_stays(ledger: Ledger) -> None:
    keep_replies(ledger, {"k": REPLY}, "r1", T0)
    assert known_replies(ledger, ["k"], "r2") == {"k": REPLY}
    other = replace(REPLY, text="another")
    assert keep_replies(ledger, {"k": other}, "r2", T0 + timedelta(hours=1)) == {"k": REPLY}
    assert keep_replies(ledger, {"k": USELESS}, "r1", T0) == {"k": REPLY}


def test_a_reply_of_no_use_serves_its_own_run_only(ledger: Ledger) -> None:
    keep_replies(ledger, {"k": USELESS}, "r1", T0)
    assert known_replies(ledger, ["k"], "r1") == {"k": USELESS}
    assert known_replies(ledger, ["k"], "r2") == {}
    assert keep_replies(ledger, {"k": REPLY}, "r1", T0) == {"k": USELESS}  # after a crash the run goes the same way


def test_another_run_replaces_a_reply_of_no_use(ledger: Ledger) -> None:
    keep_replies(ledger, {"k": USELESS}, "r1", T0)
    assert keep_replies(ledger, {"k": REPLY}, "r2", T0) == {"k": REPLY}
    assert known_replies(ledger, ["k"], "r1") == {"k": REPLY}


def test_many_replies_are_kept_and_found_at_once(ledger: Ledger) -> None:
    replies = {f"k{number}": replace(REPLY, text=str(number)) for number in range(6_000)}  # more than one IN list takes
    assert keep_replies(ledger, replies, "r1", T0) == replies
    assert known_replies(ledger, replies, "r2") == replies


def test_a_runs_spending_is_that_of_the_replies_it_paid_for(ledger: Ledger) -> None:
    keep_replies(ledger, {"k1": REPLY, "k2": REPLY, "k3": USELESS, "k4": EMPTY}, "r1", T0)
    keep_replies(ledger, {"k1": REPLY, "k5": REPLY}, "r2", T0)
    # three at 0.000045 and one without a price; 3 x 10 and 4 x 2 tokens
    expected = Spending(n_replies=4, n_unpriced=1, input_tokens=30, output_tokens=8, cost_usd=0.000045 * 3)
    assert spending_of(ledger, "r1") == expected
    assert spending_of(ledger, "r2").n_replies == 1
    assert spending_of(ledger, "r3") == Spending(
        n_replies=0, n_unpriced=0, input_tokens=0, output_tokens=0, cost_usd=0.0
    )
