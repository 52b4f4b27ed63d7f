"""Whatever the gateway does, every case gets its outcome, every failure its reason, and nothing is paid twice."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import get_args

import pytest

from millrace.errors import UnavailableError
from millrace.ports import ChatFailureReason, JudgeOutcome
from tests.support.gateway import BROKEN, BUSY, CUT, Asked, Play, PlayedGateway, Script
from tests.support.judge_cases import Memory, case, judges
from tests.support.judge_replies import (
    FAULTS,
    HALF_A_REPLY,
    OTHER_FORM,
    SLOW,
    judging,
    with_faults,
    with_lasting_faults,
)
from tests.support.judge_run import Journal

ROOT = Path(__file__).parents[2]
REFUSED = Play(status=422, error="no")
IMPATIENT = {"total_s": 0.5, "max_tries": 2}
CASES = [case(number) for number in range(40)]


def judged(script: Script, n_cases: int, **patience: float) -> tuple[dict[str, list[JudgeOutcome]], PlayedGateway]:
    """What all judges say at once."""
    with (
        PlayedGateway(script) as gateway,
        judges(gateway.url, patience=patience) as opened,
        ThreadPoolExecutor() as pool,
    ):
        running = {metric: pool.submit(judge.judge, CASES[:n_cases]) for metric, judge in opened.items()}
        return {metric: future.result() for metric, future in running.items()}, gateway


def test_faults_that_pass_change_no_value() -> None:
    undisturbed, _ = judged(judging, 20)
    disturbed, gateway = judged(with_faults(0.05, [BROKEN, HALF_A_REPLY, OTHER_FORM, CUT]), 20)
    values = {metric: [outcome.value for outcome in outcomes] for metric, outcomes in disturbed.items()}
    assert values == {metric: [outcome.value for outcome in outcomes] for metric, outcomes in undisturbed.items()}
    n_calls = sum(outcome.n_calls for outcomes in disturbed.values() for outcome in outcomes)
    assert (
        n_calls == len(gateway.requests) > sum(each.n_calls for outcomes in undisturbed.values() for each in outcomes)
    )


def test_no_case_is_lost_to_faults_that_last_and_each_is_named() -> None:
    undisturbed, _ = judged(judging, 40)
    disturbed, gateway = judged(with_lasting_faults(0.05, FAULTS), 40, **IMPATIENT)
    failures = [outcome for outcomes in disturbed.values() for outcome in outcomes if outcome.failed]
    assert failures
    assert {outcome.reason for outcome in failures} == {
        "server_error", "timeout", "invalid_json", "wrong_schema", "connection",
    }  # fmt: skip
    for metric, outcomes in disturbed.items():
        assert len(outcomes) == len(CASES)
        for outcome, before in zip(outcomes, undisturbed[metric], strict=True):
            assert outcome.failed or outcome.value == before.value
    # a try that ended before its request had arrived counts as well
    assert sum(outcome.n_calls for outcomes in disturbed.values() for outcome in outcomes) >= len(gateway.requests)


@pytest.mark.parametrize(
    ("play", "reason"),
    [
        (BROKEN, "server_error"),
        (SLOW, "timeout"),
        (HALF_A_REPLY, "invalid_json"),
        (OTHER_FORM, "wrong_schema"),
        (CUT, "connection"),
        (REFUSED, "refused"),
        (Play(refusal="I will not"), "refused"),
        (Play(text=None), "empty_choice"),
        (Play(status=429, headers={"retry-after": "60"}), "rate_limited"),
    ],
)
def test_every_judge_names_every_failure(play: Play, reason: str) -> None:
    assert reason in get_args(ChatFailureReason)
    outcomes, _ = judged(lambda asked: play, 1, **IMPATIENT)
    for metric, [outcome] in outcomes.items():
        assert (metric, outcome.value, outcome.failed, outcome.reason) == (metric, None, True, reason)
        assert outcome.message
        assert outcome.n_calls > 0 or metric == "criteria_politeness"


def test_a_busy_gateway_is_waited_for() -> None:
    outcomes, _ = judged(with_faults(0.05, [BUSY]), 10)
    assert all(outcome.value is not None for each in outcomes.values() for outcome in each)


class Full(Memory):
    """A journal that cannot be written after a few replies."""

    def put(self, replies: object) -> dict[str, object]:  # type: ignore[override]
        raise UnavailableError("the disk is full")


def test_a_journal_that_cannot_be_written_stops_the_judge_instead_of_failing_cases() -> None:
    with PlayedGateway(judging) as gateway, judges(gateway.url, journal=Full()) as opened:  # type: ignore[arg-type]
        for judge in opened.values():
            with pytest.raises(UnavailableError, match="disk is full"):
                judge.judge(CASES)
    assert len(gateway.requests) <= len(opened) * 16  # of hundreds


@pytest.mark.faults
def test_after_a_kill_only_the_calls_in_flight_are_paid_again(tmp_path: Path) -> None:
    n_cases, ledger = 12, tmp_path / "ledger.sqlite"
    children: list[subprocess.Popen[str]] = []

    def fatal(asked: Asked) -> Play:
        if asked.number == 50:
            os.kill(children[0].pid, signal.SIGKILL)
        return judging(asked)

    with PlayedGateway(fatal, latency_s=0.01) as gateway:
        command = [sys.executable, "-m", "tests.support.judge_run", gateway.url, str(ledger), str(n_cases)]
        children.append(subprocess.Popen(command, cwd=ROOT, text=True))
        assert children[0].wait() == -signal.SIGKILL
        n_before = len(gateway.requests)
        cases = [case(number) for number in range(n_cases)]
        for n_paid_anew in (None, 0):
            n_start = len(gateway.requests)
            with judges(gateway.url, journal=Journal(ledger)) as opened:
                outcomes = {metric: judge.judge(cases) for metric, judge in opened.items()}
            assert n_paid_anew is None or len(gateway.requests) - n_start == n_paid_anew
    n_calls = sum(outcome.n_calls for each in outcomes.values() for outcome in each)
    assert all(outcome.value is not None for each in outcomes.values() for outcome in each)
    assert 50 < n_before < n_calls <= len(gateway.requests) <= n_calls + 2 * 8  # in flight, or not yet durable
