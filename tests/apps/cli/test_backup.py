"""``millrace backup`` and ``millrace restore`` at the command line."""

import json

import pytest

from apps.cli.backup import shown_progress
from apps.cli.terminal import Terminal
from tests.support.backups import small_home


@pytest.fixture
def home(tmp_path):
    return small_home(tmp_path / "home")


def test_a_backup_is_made_verified_and_restored(cli, home, tmp_path):
    made = cli("backup", "--out", tmp_path / "b.tar.zst", "--json").document
    assert made["file"] == str(tmp_path / "b.tar.zst")
    assert made["about"]["secrets"] == ["keys/subject-key"]
    verified = cli("backup", "--verify", tmp_path / "b.tar.zst", "--json")
    assert (verified.code, verified.document["verified"], verified.document["findings"]) == (0, True, [])
    home.root.rename(tmp_path / "old")
    restored = cli("restore", tmp_path / "b.tar.zst", "--json").document
    assert (restored["home"], restored["unended_runs"]) == (str(home.root), ["waits"])
    assert not (home.root / "prefect").exists()
    assert [run["status"] for run in cli("runs", "--json").document["runs"]] == ["waiting"]
    again = cli("restore", tmp_path / "b.tar.zst", "--json")
    assert (again.code, again.document["error"]["type"]) == (2, "BadInputError")


def test_people_are_told_what_is_secret_and_what_to_do(cli, home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = cli("backup")
    (file,) = tmp_path.glob("millrace-*.tar.zst")
    assert str(file) in made.out
    assert "  keys/subject-key" in made.out
    assert "every byte as it was written" in cli("backup", "--verify", file).out
    home.root.rename(tmp_path / "old")
    told = cli("restore", file).out
    assert "ask for these erasures once more" in told
    assert "  waits" in told


def test_a_damaged_backup_is_a_finding_with_names(cli, home, tmp_path):
    file = tmp_path / "b.tar.zst"
    cli("backup", "--out", file)
    data = bytearray(file.read_bytes())
    data[200] ^= 1
    file.write_bytes(bytes(data))
    verdict = cli("backup", "--verify", file)
    assert verdict.code == 1
    assert "NOT as it was written" in verdict.out
    assert "exports/distil-1/train.jsonl" in verdict.out
    home.root.rename(tmp_path / "old")
    refused = cli("restore", file, "--json")
    assert refused.code == 2
    assert "nothing was restored" in json.loads(refused.out)["error"]["message"]


def test_what_is_not_there_is_said(cli, home, tmp_path):
    home.root.rename(tmp_path / "old")
    for arguments in (["backup"], ["backup", "--verify", tmp_path / "none"], ["restore", tmp_path / "none"]):
        assert cli(*arguments).code == 2
    assert not home.root.exists()


def test_progress_is_said_now_and_then(tmp_path, monkeypatch, capsys):
    now = iter([0.0, 1.0, 3.0, 3.0, 3.5])
    monkeypatch.setattr("apps.cli.backup.monotonic", lambda: next(now))
    show = shown_progress(Terminal(as_json=True, root=tmp_path, debug=False), "backed up")
    for done in (1, 2, 3):
        show(done * 2**20, 5 * 2**20)
    assert capsys.readouterr().err == "backed up 2.0 MiB of 5.0 MiB\n"
