from millrace.adapters.gateway_outage import Outage


def failing(n_times: int, seconds_apart: float) -> Outage:
    outage = Outage(after_s=10.0, n_tries=5, probe_every_s=2.0)
    for number in range(n_times):
        outage.failed(number * seconds_apart)
    return outage


def test_few_failures_forbid_nothing_however_long_ago_the_first_was() -> None:
    assert not failing(4, seconds_apart=100.0).forbids(1000.0)


def test_many_failures_at_once_forbid_nothing_yet() -> None:
    assert not failing(100, seconds_apart=0.0).forbids(9.9)


def test_a_gateway_that_fails_long_and_often_is_probed_now_and_then_only() -> None:
    down = failing(5, seconds_apart=2.5)  # the last at 10 s
    assert not down.forbids(10.0)  # the probe
    assert down.forbids(11.9)
    assert not down.forbids(12.0)  # the next one
    assert down.forbids(13.0)


def test_the_first_success_forgets_all_failures() -> None:
    back = failing(5, seconds_apart=2.5)
    back.succeeded()
    assert not back.forbids(10.0)
    assert not back.forbids(10.1)
    back.failed(11.0)
    assert not back.forbids(100.0)
