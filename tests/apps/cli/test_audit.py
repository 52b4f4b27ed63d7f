"""``millrace audit`` and ``millrace hold``."""

import json
import sqlite3

import pytest
import typer
from typer.testing import CliRunner

from apps.cli import audit, hold
from blocks.signing_key import make_key
from millrace.ledger import audit_log
from tasks.audit_log import tell_audit_log
from tasks.home import Home
from tests.support.old_home import write_ratings, write_traces

app = typer.Typer(rich_markup_mode=None)
audit.register(app)
hold.register(app)


@pytest.fixture
def call(home: Home):
    def run(*arguments: object):
        return CliRunner().invoke(app, [*map(str, arguments), "--home", str(home.root)])

    return run


def tell(home: Home, n: int = 3) -> None:
    for number in range(n):
        action = "approval-decided" if number % 2 else "approval-asked"
        tell_audit_log(home, action, actor="ada", subject=f"run-{number}", details={"n": number})


def test_entries_are_shown_and_chosen(call, home):
    tell(home, 4)

    def shown(*options: object) -> list[int]:
        return [each["sequence"] for each in json.loads(call("audit", "show", "--json", *options).stdout)["entries"]]

    assert shown() == [1, 2, 3, 4]
    assert shown("--after", 2) == [3, 4]
    assert shown("--action", "approval-asked") == [1, 3]
    assert shown("--subject", "run-1") == [2]
    assert shown("--limit", 2) == [1, 2]
    assert json.loads(call("audit", "show", "--json", "--limit", 2).stdout)["more"] is True
    assert "more: --after 2" in call("audit", "show", "--limit", 2).stdout
    assert call("audit", "show", "--action", "danced").exit_code == 2


def test_a_whole_log_ends_with_0_and_one_that_somebody_was_at_with_1(call, home):
    tell(home)
    whole = call("audit", "verify")
    assert whole.exit_code == 0
    assert "whole: 3 entries, 1 witnesses" in whole.stdout
    home.ledger.close()
    with sqlite3.connect(home.root / "ledger.sqlite") as connection:
        connection.execute("DROP TRIGGER audit_log_no_update")
        connection.execute("UPDATE audit_log SET actor = x'00', at = 'now' WHERE sequence = 2")
    found = call("audit", "verify", "--json")
    assert found.exit_code == 1
    assert json.loads(found.stdout)["first_bad"] == 2
    assert "unreadable: entry 2" in call("audit", "verify").stdout
    entry = json.loads(call("audit", "show", "--json").stdout)["entries"][1]
    assert entry["sequence"] == 2
    assert "no whole number" in entry["problem"]


def test_an_anchor_is_taken_signed_kept_elsewhere_and_held_against_the_log(call, home, tmp_path):
    tell(home)
    out = tmp_path / "away" / "heads.jsonl"
    unsigned = call("audit", "anchor", "--json")
    assert json.loads(unsigned.stdout)["signed"] is False
    assert "not signed" in unsigned.stderr
    key = make_key(home.root)
    assert call("audit", "anchor", "--out", out).exit_code == 0
    assert [each.action for each in audit_log.entries(home.ledger)][3:] == ["head-anchored", "head-anchored"]
    assert call("audit", "verify", "--anchor", out, "--key", key.public_key).exit_code == 0
    (tmp_path / "plain").write_text(json.loads(unsigned.stdout)["line"])
    assert call("audit", "verify", "--anchor", tmp_path / "plain").exit_code == 0
    assert call("audit", "verify", "--anchor", tmp_path / "plain", "--key", key.public_key).exit_code == 1
    assert call("audit", "verify", "--anchor", tmp_path / "none").exit_code == 2
    assert call("audit", "verify", "--key", tmp_path / "none").exit_code == 2
    home.ledger.close()
    (home.root / "audit" / "head.json").unlink()
    with sqlite3.connect(home.root / "ledger.sqlite") as connection:
        connection.execute("DROP TRIGGER audit_log_no_delete")
        connection.execute("DELETE FROM audit_log WHERE sequence > 2")
    assert call("audit", "verify").exit_code == 0
    cut = call("audit", "verify", "--anchor", out)
    assert cut.exit_code == 1
    assert "truncated: heads.jsonl:1: the log ends at entry 2" in cut.stdout


def test_the_help_says_which_audit_is_which(call):
    assert "millrace run audit" in CliRunner().invoke(app, ["audit", "--help"]).stdout


def test_without_a_home_there_is_nothing_to_check(call):
    assert call("audit", "verify").exit_code == 2


def test_a_hold_is_placed_listed_released_and_told(call, home):
    ref = write_ratings(home, 1, days=1)
    placed = call("hold", "place", "--dataset", ref.content_hash[:8], "--reason", "case 7", "--by", "eve", "--json")
    document = json.loads(placed.stdout)
    assert (document["hold"]["held"], document["n_datasets"]) == (ref.content_hash, 1)
    hold_id = document["hold"]["hold_id"]
    assert "case 7" in call("hold", "list").stdout
    assert call("hold", "release", hold_id, "--by", "rosa").exit_code == 0
    assert call("hold", "release", hold_id, "--by", "rosa").exit_code == 2
    assert json.loads(call("hold", "list", "--json").stdout)["holds"] == []
    assert "rosa" in call("hold", "list", "--all").stdout
    told = [(each.actor, each.action, each.subject) for each in audit_log.entries(home.ledger)]
    assert told == [("eve", "hold-placed", ref.content_hash), ("rosa", "hold-released", ref.content_hash)]


@pytest.mark.parametrize("on", ["--user", "--tenant"])
def test_a_person_is_nowhere_but_by_keyed_hash(call, home, on):
    name = "maria-of-the-mill"
    tell(home)
    assert call("hold", "place", on, name, "--reason", "case 7", "--by", "eve").exit_code == 0
    home.ledger.close()
    assert [path for path in home.root.rglob("*") if path.is_file() and name.encode() in path.read_bytes()] == []


@pytest.mark.parametrize(
    "given",
    [
        [],
        ["--user", "u", "--tenant", "t"],
        ["--dataset", "abcdef"],
        ["--dataset", "not hex"],
        ["--run", "none"],
        ["--user", " "],
    ],
)
def test_a_hold_is_on_one_thing_that_is_there(call, home, given):
    write_traces(home, "t", days=1)
    assert call("hold", "place", *given, "--reason", "case 7", "--by", "eve").exit_code == 2
    assert json.loads(call("hold", "list", "--json").stdout)["holds"] == []
    assert audit_log.head(home.ledger) == audit_log.START
