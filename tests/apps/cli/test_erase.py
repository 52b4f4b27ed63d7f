"""Requests to delete a person's data: a handle is all that is shown, stored and told of them."""

import json

import pytest
import typer
from typer.testing import CliRunner

from apps.cli import erase
from apps.cli.erasures import take_in
from millrace.errors import BadInputError
from millrace.ledger import audit_log, erasures, subjects
from tasks.erasure import tell_once

MAIL = "mary@example.org"


@pytest.fixture
def asked(home):
    """Runs ``millrace erase ...`` on the home; gives exit code and output."""
    home.ledger  # noqa: B018  opening makes it
    app = typer.Typer()
    app.callback()(lambda: None)
    erase.register(app)

    def ask(*arguments, text=""):
        given = ["erase", *arguments, "--home", str(home.root)]
        outcome = CliRunner().invoke(app, given, input=text)
        return outcome.exit_code, outcome.stdout

    return ask


def test_a_request_is_a_handle_and_a_keyed_hash(asked, home):
    code, out = asked("request", "--by", "ada", "--json", text="user-77\n")
    assert code == 0
    handle = json.loads(out)["handle"]
    known = erasures.request_of(home.ledger, handle)
    assert known.subject_hash == subjects.keyed_hash(home.subject_key, "user", "user-77")
    (entry,) = audit_log.entries(home.ledger)
    assert (entry.action, entry.actor, entry.subject) == ("erasure-requested", "ada", handle)
    assert entry.details == {"subject_hash": known.subject_hash, "tenant_hash": None}
    assert not any(b"user-77" in path.read_bytes() for path in home.root.rglob("*") if path.is_file())


def test_two_requests_have_two_handles_and_are_listed_without_hashes(asked):
    for tenant in ([], ["--tenant", "mill"]):
        assert asked("request", "--by", "ada", "--user", "u", *tenant)[0] == 0
    listed = json.loads(asked("list", "--json")[1])["requests"]
    assert len({each["handle"] for each in listed}) == 2
    assert not any("subject_hash" in each for each in listed)


def test_an_empty_id_is_refused(asked, home):
    assert asked("request", "--by", "ada", text="\n")[0] == 2
    for given in (("", None, "ada"), ("u", " ", "ada"), ("u", None, "")):
        with pytest.raises(BadInputError, match="must not be empty"):
            take_in(home, *given)


def test_an_address_is_looked_for_by_the_pseudonym_it_came_in_under(home):
    from millrace.methods.pseudonyms import pseudonym
    from millrace.methods.redaction import Redactor
    from tasks.tables import redaction_rules

    alias = subjects.keyed_hash(home.subject_key, "user", pseudonym(MAIL, Redactor(redaction_rules("pii"))).text)
    plain = subjects.keyed_hash(home.subject_key, "user", MAIL)
    before = take_in(home, MAIL, None, "ada")
    assert erasures.request_of(home.ledger, before.handle).subject_hash == plain
    subjects.index_subjects(home.ledger, "1" * 64, [("user", alias)])
    after = take_in(home, MAIL, None, "ada")
    assert (erasures.request_of(home.ledger, after.handle).subject_hash, after.n_datasets) == (alias, 1)


def test_the_status_shows_steps_and_ends_as_a_finding_when_something_remains(asked, home):
    code, out = asked("request", "--by", "ada", "--user", "u", "--json")
    handle = json.loads(out)["handle"]

    class OfRun:
        run_id = "r"

    OfRun.home = home
    for _ in range(2):  # of an entry that was killed
        tell_once(OfRun, "erasure-step", handle, {"run": "r", "step": "write-successors", "counts": {"rows": 3}})
    assert asked("status", handle)[0] == 0
    erasures.end_request(home.ledger, handle, "partial", "r", erasures.request_of(home.ledger, handle).requested_at)
    code, out = asked("status", handle, "--json")
    assert code == 1
    assert [(each["step"], each["said"]) for each in json.loads(out)["steps"]] == [("write-successors", "rows 3")]
    assert asked("status", "e-none")[0] != 0
