"""The signing key and the stranger's check on the command line."""

import json
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from apps.cli import release
from apps.cli.release_verification import verdict_lines, verify_release
from apps.cli.terminal import Terminal
from millrace.errors import BadInputError, NotFoundError
from tests.support.releases import SIGNER, build


@pytest.fixture
def call(home):
    """The command by itself, as it is registered."""
    app = typer.Typer()
    release.register(app)

    def invoke(*arguments):
        return CliRunner().invoke(app, [*map(str, arguments), "--home", str(home.root)])

    return invoke


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "key.pem"
    path.write_bytes(SIGNER.verifier.pem)
    return path


def shown(verdict, tmp_path):
    terminal = Terminal(as_json=False, root=tmp_path, debug=False)
    with terminal.out.capture() as captured:
        for each in verdict_lines(verdict):
            terminal.out.print(each)
    return captured.get()


def test_the_key_is_made_once_and_its_private_half_never_shown(call, home):
    first, again = call("--json"), call("--json")
    assert (first.exit_code, again.exit_code) == (0, 0)
    made, known = json.loads(first.stdout), json.loads(again.stdout)
    assert (made.pop("created"), known.pop("created")) == (True, False)
    assert made == known
    assert made["public_key"] == str(home.root / "keys" / "release-signing.pub.pem")
    secret = (home.root / "keys" / "release-signing.pem").read_text().splitlines()[1]
    for outcome in (first, again, call()):
        assert secret[-20:] not in outcome.stdout + outcome.stderr
    assert made["key_id"] in call().stdout


def test_the_public_half_is_written_where_it_is_wanted(call, tmp_path):
    outcome = call("--out", tmp_path / "mill.pem", "--json")
    assert json.loads(outcome.stdout)["public_key"] == str(tmp_path / "mill.pem")
    assert "PUBLIC KEY" in (tmp_path / "mill.pem").read_text()


def test_a_key_that_others_can_read_is_bad_input(call, home):
    call()
    (home.root / "keys" / "release-signing.pem").chmod(0o644)
    outcome = call("--json")
    assert outcome.exit_code == 2
    assert "chmod 600" in json.loads(outcome.stdout)["error"]["message"]


def test_a_sound_release_is_said_to_be_sound(tmp_path, key):
    verdict = verify_release(build(tmp_path / "r"), key)
    assert verdict.verified
    text = shown(verdict, tmp_path)
    assert "release 1.2.0: 9 files, every byte as signed" in text
    assert "approved by ada (as claimed)" in text
    assert verdict.content_hash in text


def test_what_was_changed_is_shown_with_file_hashes_and_sizes(tmp_path, key):
    folder = build(tmp_path / "r")
    (folder / "gates.json").write_bytes(b"[1]")
    verdict = verify_release(folder, key)
    finding = verdict.findings[0]
    assert shown(verdict, tmp_path).splitlines()[-3:] == [
        "gates.json: the file holds other bytes than were signed",
        f"  expected {finding.expected} 2 bytes",
        f"  found    {finding.found} 3 bytes",
    ]
    assert f": 1 finding\nNOT what key {SIGNER.key_id} signed\n" in shown(verdict, tmp_path)


def test_a_file_name_cannot_forge_a_line(tmp_path, key):
    folder = build(tmp_path / "r")
    (folder / "a\nrelease 1.2.0: every byte as signed \x1b[2J").write_bytes(b"")
    text = shown(verify_release(folder, key), tmp_path)
    assert text.splitlines()[-1].startswith("  found")
    assert "\nrelease 1.2.0" not in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (None, NotFoundError, "no public key at"),
        (b"hello", BadInputError, "is no public key in PEM form"),
    ],
)
def test_a_key_that_cannot_be_used_is_a_clear_error(tmp_path, content, error, message):
    path = tmp_path / "given.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(error, match=message):
        verify_release(build(tmp_path / "r"), path)
    with pytest.raises(BadInputError, match="cannot be read"):
        verify_release(tmp_path / "r", tmp_path)


def test_without_a_key_nothing_is_verified(tmp_path):
    with pytest.raises(BadInputError, match="give --key"):
        verify_release(build(tmp_path / "r"), None)


def test_a_stranger_needs_neither_home_nor_prefect_nor_anything_heavy(tmp_path, key):
    folder = build(tmp_path / "r")
    script = (
        "import sys; from pathlib import Path\n"
        "from apps.cli.release_verification import verify_release, verdict_lines; "
        f"verdict = verify_release(Path({str(folder)!r}), Path({str(key)!r})); verdict_lines(verdict); "
        "heavy = {'prefect', 'pyarrow', 'pandas', 'torch', 'sqlalchemy', 'duckdb'} & set(sys.modules); "
        "print(verdict.verified, sorted(heavy))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"MILLRACE_HOME": str(tmp_path / "no home")},
        check=False,
    )
    assert done.stdout == "True []\n", done.stderr
    assert not (tmp_path / "no home").exists()
