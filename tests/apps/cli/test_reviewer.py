"""Reviewers and their codes at the command line."""

import json

import pytest

from millrace.ledger import approvals, audit_log, reviewers
from millrace.ledger.approval_settings import is_single_user

ADMIN = ["--role", "security_admin"]


@pytest.fixture
def ada(cli):
    """The home's first reviewer, whose key is here."""
    assert cli("reviewer", "add", "Ada Park", *ADMIN).code == 0
    return "Ada Park"


def test_the_first_reviewer_is_added_without_leave_and_the_key_lies_outside_the_home(cli, home, tmp_path):
    outcome = cli("reviewer", "add", "Ada Park", *ADMIN, "--json")
    assert outcome.code == 0, outcome.err
    (known,) = reviewers.list_reviewers(home.ledger)
    assert outcome.document["key_id"] == known.key_id
    assert outcome.document["private_key"] == str(tmp_path / "keys" / "Ada Park.pem")
    assert "PRIVATE" not in outcome.out + outcome.err
    assert not [path for path in home.root.rglob("*") if path.is_file() and b"PRIVATE KEY" in path.read_bytes()]


def test_later_ones_need_somebody_who_may_whose_key_is_here(cli, home, ada, tmp_path):
    assert cli("reviewer", "add", "Bo", "--role", "viewer").code == 0  # by the only key here
    outcome = cli("reviewer", "add", "Cy", "--role", "viewer")
    assert (outcome.code, "name one with --by" in outcome.err) == (2, True)
    assert cli("reviewer", "add", "Cy", "--role", "viewer", "--by", "Bo").code == 2
    assert cli("reviewer", "add", "Cy", "--role", "viewer", "--by", ada).code == 0
    assert not (tmp_path / "keys" / "Dee.pem").exists()
    assert [each.added_by for each in reviewers.list_reviewers(home.ledger)][1:] == [ada, ada]


def test_nobody_adds_reviewers_where_no_key_is(cli, ada, tmp_path):
    (tmp_path / "keys" / "Ada Park.pem").rename(tmp_path / "elsewhere.pem")
    outcome = cli("reviewer", "add", "Eve", *ADMIN, "--by", ada)
    assert (outcome.code, "no reviewer's key at" in outcome.err) == (2, True)
    assert cli("reviewer", "add", "Eve", *ADMIN).code == 2
    assert not (tmp_path / "keys" / "Eve.pem").exists()


def test_a_public_key_that_was_handed_over_is_taken(cli, home, ada, tmp_path):
    from millrace.adapters.ed25519 import Ed25519Signer, new_private_pem

    signer = Ed25519Signer.from_pem(new_private_pem(), "key")
    (tmp_path / "bo.pub").write_bytes(signer.verifier.pem)
    assert cli("reviewer", "add", "Bo", "--role", "viewer", "--public-key", tmp_path / "bo.pub").code == 0
    found = reviewers.find(home.ledger, "Bo")
    assert found.key_id == signer.key_id
    assert not (tmp_path / "keys" / "Bo.pem").exists()
    (tmp_path / "cy.pub").write_text("nothing")
    assert "no public key" in cli("reviewer", "add", "Cy", "--role", "viewer", "--public-key", tmp_path / "cy.pub").err


def test_unknown_roles_and_settings_are_refused(cli, ada):
    assert "no role 'boss'; there are viewer" in cli("reviewer", "add", "Bo", "--role", "boss").err
    assert "on or off" in cli("reviewer", "single-user", "maybe").err


def test_list_shows_roles_keys_and_whether_signatures_are_needed(cli, ada):
    cli("reviewer", "add", "Bo", "--role", "viewer")
    cli("reviewer", "revoke", "Bo", "--by", ada)
    listed = cli("reviewer", "list", "--json").document
    assert [
        (each["name"], each["role"], each["key_here"], bool(each["revoked_at"])) for each in listed["reviewers"]
    ] == [
        ("Ada Park", "security_admin", True, False),
        ("Bo", "viewer", True, True),
    ]
    assert listed["single_user"] is False
    assert "every decision needs a reviewer's signature" in cli("reviewer", "list").out


def test_roles_shows_the_table(cli, home):
    held = cli("reviewer", "roles", "--json").document["roles"]
    assert "delete_user_data" in held["compliance_officer"]
    assert "approve_week" not in held["viewer"]
    assert "manage_reviewers" in cli("reviewer", "roles").out
    assert not (home.root / "ledger.sqlite").exists()


def test_single_user_is_set_audited_and_said_where_reviewers_are_added(cli, home):
    assert cli("reviewer", "single-user", "on", "--json").document == {"single_user": True, "changed": True}
    assert is_single_user(home.ledger)
    assert "single-user off" in cli("reviewer", "add", "Ada", *ADMIN).out
    assert cli("reviewer", "single-user", "off").code == 0
    actions = [each.action for each in audit_log.entries(home.ledger)]
    assert actions == ["single-user-set", "reviewer-added", "single-user-set"]


def test_a_code_is_printed_alone_and_decides(cli, home, ada, asking):
    outcome = cli("code", asking, "--decision", "approve")
    assert outcome.code == 0, outcome.err
    (line,) = outcome.out.splitlines()
    assert line.startswith("MR1.")
    given = cli("approve", asking, "--decision", "approve", "--reviewer", ada, "--code", line, "--json")
    assert given.code == 0, given.err
    assert given.document["proof"] == "signed"
    assert line not in given.out + given.err
    (decided,) = approvals.approvals_of(home.ledger, asking)
    assert (decided.decision, decided.reviewer, decided.role, decided.proof) == (
        "approve",
        ada,
        "security_admin",
        "signed",
    )


def test_a_code_names_what_it_is_for_and_how_long(cli, ada, asking, home):
    made = cli("code", asking, "--decision", "reject", "--valid-hours", "0.5", "--json").document
    (asked,) = approvals.waiting(home.ledger, asking)
    assert (made["run_id"], made["key"], made["pinned_hash"]) == (asking, asked.key, asked.pinned_hash)
    assert (made["decision"], made["reviewer"]) == ("reject", ada)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--decision", "perhaps"], "decision must be"),
        (["--decision", "approve", "--valid-hours", "0"], "at most 720"),
        (["--decision", "approve", "--valid-hours", "721"], "at most 720"),
        (["--decision", "approve", "--valid-hours", "nan"], "at most 720"),
        (["--decision", "approve", "--reviewer", "Bo"], "no reviewer's key of Bo here"),
    ],
)
def test_a_code_that_cannot_be_made_is_explained(cli, ada, asking, options, problem):
    outcome = cli("code", asking, *options)
    assert (outcome.code, outcome.out) == (2, "")
    assert problem in outcome.err


def test_the_key_here_signs_by_itself(cli, home, ada, asking):
    outcome = cli("approve", asking, "--decision", "approve", "--note", "fine")
    assert outcome.code == 0, outcome.err
    assert "signing as Ada Park (security_admin)" in outcome.err
    (decided,) = approvals.approvals_of(home.ledger, asking)
    assert (decided.reviewer, decided.proof, decided.note) == (ada, "signed", "fine")


def test_of_several_keys_one_is_named(cli, home, ada, asking):
    cli("reviewer", "add", "Bo", "--role", "compliance_officer")
    assert "a decision must be signed" in cli("approve", asking, "--decision", "approve").err
    assert cli("approve", asking, "--decision", "approve", "--reviewer", "Bo").code == 0
    assert approvals.approvals_of(home.ledger, asking)[0].reviewer == "Bo"


def test_a_role_without_the_permission_is_refused_here_and_logged(cli, home, ada, asking):
    cli("reviewer", "add", "Vic", "--role", "viewer")
    outcome = cli("approve", asking, "--decision", "approve", "--reviewer", "Vic")
    assert (outcome.code, "Vic is viewer and may not approve_week" in outcome.err) == (2, True)
    assert approvals.waiting(home.ledger, asking)
    last = list(audit_log.entries(home.ledger))[-1]
    assert (last.action, last.subject, last.details["reasons"]) == ("approval-refused", asking, ["not_permitted"])


def test_a_used_code_and_a_code_in_the_wrong_field_reach_no_log(cli, home, ada, asking):
    code = cli("code", asking, "--decision", "approve").out.strip()
    assert cli("approve", asking, "--decision", code, "--reviewer", ada, "--code", code).code == 2
    assert cli("approve", asking, "--decision", "approve", "--code", f"{code}x", "--reviewer", ada).code == 2
    logged = [each.model_dump(mode="json") for each in audit_log.entries(home.ledger)]
    assert [each["details"]["reasons"] for each in logged[-2:]] == [["decision", "other_decision"], ["malformed"]]
    assert code not in json.dumps(logged)
