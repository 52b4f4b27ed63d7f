"""Listing what fired and what became of it."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.cli import alerts
from apps.cli.main import app
from millrace.ledger import runs
from millrace.ledger.alerts import claim_alerts, confirm_alerts, log_unreceived, release_alerts
from tests.support.alert_sender import fired

T0 = datetime(2026, 11, 21, 6, tzinfo=UTC)
if "alerts" not in {each.callback.__name__ for each in app.registered_commands if each.callback}:
    alerts.register(app)


@pytest.fixture
def told(home):
    """Three runs: sent to one receiver and refused by another; suppressed; without a receiver."""
    for place, run_id in enumerate(("daily-1", "daily-2", "daily-3")):
        at = T0 + timedelta(minutes=10 * place)
        runs.start_run(home.ledger, run_id, flow="daily-eval", config={}, started_at=at, process="elsewhere:1:1")
    confirm_alerts(home.ledger, claim(home, "daily-1", 0, "slack/a"), T0)
    release_alerts(home.ledger, claim(home, "daily-1", 0, "slack/b"), "the receiver of slack/b answered 404")
    assert claim(home, "daily-2", 10, "slack/a") == []
    assert len(claim(home, "daily-2", 10, "slack/c")) == 1
    log_unreceived(home.ledger, [fired()], scope="all tenants", run_id="daily-3", at=T0 + timedelta(minutes=20))


def claim(home, run_id, minute, receiver):
    return claim_alerts(
        home.ledger, [fired()], receiver=receiver, scope="all tenants", run_id=run_id,
        at=T0 + timedelta(minutes=minute), quiet=timedelta(minutes=30),
    ).mine  # fmt: skip


@pytest.mark.usefixtures("told")
def test_alerts_are_listed_the_newest_first(cli):
    document = cli("alerts", "--json").document
    assert [(each["run_id"], each["receiver"], each["status"]) for each in document["alerts"]] == [
        ("daily-3", None, "no_receiver"),
        ("daily-2", "slack/c", "claimed"),
        ("daily-2", "slack/a", "suppressed"),
        ("daily-1", "slack/b", "not_sent"),
        ("daily-1", "slack/a", "sent"),
    ]
    assert document["more"] is False
    first = document["alerts"][0]
    assert (first["rule_id"], first["playbook"], first["fired_at"]) == (
        "groundedness-dropped",
        "groundedness",
        "2026-11-21T06:20:00Z",
    )


@pytest.mark.usefixtures("told")
def test_of_one_run_and_not_more_than_asked_for(cli):
    assert {each["run_id"] for each in cli("alerts", "--run", "daily-2", "--json").document["alerts"]} == {"daily-2"}
    assert cli("alerts", "--run", "daily-9").code == 2
    limited = cli("alerts", "--limit", 2, "--json").document
    assert (len(limited["alerts"]), limited["more"]) == (2, True)
    assert cli("alerts", "--limit", 5, "--json").document["more"] is False
    assert len(cli("alerts", "--limit", 0, "--json").document["alerts"]) == 5


@pytest.mark.usefixtures("told")
def test_people_read_what_became_of_each(cli):
    shown = " ".join(cli("alerts").out.split())
    for words in (
        "sent 06:00",
        "suppressed, sent 06:00",
        "not sent: the",
        "404",
        "unconfirmed, claimed 06:10",
        "nobody",
        "critical groundedness-dropped",
        "Answers are less supported by their passages: 0.41.",
        "playbook groundedness",
        "5 alerts",
    ):
        assert words in shown


def test_a_home_without_alerts_says_so(cli, home):
    home.ledger.close()
    assert cli("alerts", "--json").document == {"alerts": [], "more": False}
    assert "0 alerts" in cli("alerts").out
