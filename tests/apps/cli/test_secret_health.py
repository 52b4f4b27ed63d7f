"""What others could read is found: keys, files with keys, the home; what lies safe is not complained of."""

import pytest

from apps.cli.secret_health import secret_findings
from blocks.signing_key import make_key


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A home that only its owner enters, in a folder that everybody reaches, as far as these tests see."""
    monkeypatch.setenv("MILLRACE_REVIEWER_KEYS", str(tmp_path / "reviewers"))
    monkeypatch.setattr("apps.cli.secret_health._world_reaches", lambda _path: True)
    root = tmp_path / "home"
    root.mkdir(mode=0o700)
    return root


def warned(root):
    return {(each.subject, each.status): each for each in secret_findings(root) if each.remedy}


def test_a_home_as_millrace_makes_it_is_in_order(place):
    make_key(place)
    (place / "reviewers").mkdir(mode=0o700)
    assert warned(place) == {}
    assert [each.found for each in secret_findings(place) if each.subject == "keys"] == [
        "1 files with keys, each for its owner only"
    ]


def test_millrace_makes_homes_that_nobody_else_enters(home, make_run):
    make_run()
    assert home.root.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("mode", "said"),
    [(0o755, "everybody on this machine"), (0o701, "everybody"), (0o770, "the group may write"), (0o750, None)],
)
def test_who_may_enter_the_home(place, mode, said):
    place.chmod(mode)
    found = warned(place).get(("home", "warning"))
    assert (found is None) == (said is None)
    assert found is None or (said in found.found and "chmod" in found.remedy)


def test_a_home_that_lies_behind_a_closed_folder_is_no_finding(place, monkeypatch):
    monkeypatch.undo()
    place.chmod(0o755)
    place.parent.chmod(0o700)
    assert ("home", "warning") not in warned(place)
    place.parent.chmod(0o755)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_private_key_that_others_may_read_or_replace_is_wrong(place, mode):
    path = make_key(place).private_key
    path.chmod(mode)
    found = warned(place)[("private key", "wrong")]
    assert str(path) in found.found
    assert f"chmod 600 {path}" in found.remedy


def test_the_signing_key_is_looked_at_where_the_variable_names_it(place, tmp_path, monkeypatch):
    key = tmp_path / "elsewhere.pem"
    key.write_text("key")
    key.chmod(0o644)
    monkeypatch.setenv("MILLRACE_SIGNING_KEY", str(key))
    assert str(key) in warned(place)[("private key", "wrong")].found


def test_reviewers_keys_and_their_folder_are_looked_at_and_public_halves_are_for_all(place, tmp_path):
    folder = tmp_path / "reviewers"
    folder.mkdir(mode=0o700)
    (folder / "ann.pem").write_text("key")
    (folder / "ann.pem").chmod(0o600)
    (folder / "ann.pub.pem").write_text("public")
    (folder / "ann.pub.pem").chmod(0o644)
    assert warned(place) == {}
    folder.chmod(0o770)
    assert "others may put keys" in warned(place)[("private key", "wrong")].found
    folder.chmod(0o700)
    (folder / "ann.pem").chmod(0o640)
    assert "ann.pem" in warned(place)[("private key", "wrong")].found


def test_reviewers_keys_in_the_home_are_wrong(place, monkeypatch):
    monkeypatch.setenv("MILLRACE_REVIEWER_KEYS", str(place / "keys"))
    assert "must not lie in the home" in warned(place)[("reviewers' keys", "wrong")].found


@pytest.mark.parametrize(
    "variable", ["MILLRACE_GATEWAY_KEY_FILE", "MILLRACE_RERANKER_KEY_FILE", "MILLRACE_QDRANT_API_KEY_FILE"]
)
def test_a_mounted_key_is_named_by_its_variable_and_never_shown(place, tmp_path, monkeypatch, variable):
    key = tmp_path / "key"
    key.write_text("sk-planted")
    key.chmod(0o644)
    monkeypatch.setenv(variable, str(key))
    found = warned(place)[(variable, "warning")]
    assert "mode 0644" in found.found
    assert "sk-planted" not in repr(list(secret_findings(place)))
    key.chmod(0o400)
    assert warned(place) == {}


def test_every_key_file_that_blocks_read_is_looked_at():
    """A new variable must be added here too."""
    from apps.cli import secret_health
    from blocks import gateway_key, reranker, vector_index

    read = {each.KEY_FILE_VARIABLE for each in (gateway_key, reranker, vector_index)}
    assert read == set(secret_health._KEY_FILES)


def test_an_env_file_beside_the_work_or_the_home_is_looked_at(place, tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-planted")
    (tmp_path / ".env").chmod(0o664)
    assert "mode 0664" in warned(place)[(".env", "warning")].found
    (tmp_path / ".env").chmod(0o600)
    assert warned(place) == {}


def test_nothing_is_made_by_looking(tmp_path, monkeypatch):
    monkeypatch.setenv("MILLRACE_REVIEWER_KEYS", str(tmp_path / "reviewers"))
    assert [each.found for each in secret_findings(tmp_path / "none")] == ["none lies here"]
    assert list(tmp_path.iterdir()) == []
