"""The signing key: made once, readable by its owner only, named but never shown."""

import os
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from blocks.signing_key import make_key, open_signer, signing_key_path
from millrace.adapters.ed25519 import Ed25519Verifier
from millrace.errors import BadInputError, NotFoundError


def test_a_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        made = make_key(tmp_path / "home")
    finally:
        os.umask(before)
    assert made.created
    assert made.private_key == tmp_path / "home" / "keys" / "release-signing.pem"
    assert made.private_key.stat().st_mode & 0o777 == 0o600
    assert made.private_key.parent.stat().st_mode & 0o777 == 0o700
    load_pem_private_key(made.private_key.read_bytes(), None)
    assert made.private_key.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")  # PKCS8
    again = make_key(tmp_path / "home")
    assert (again.created, again.key_id, again.public_key) == (False, made.key_id, made.public_key)
    assert open_signer(tmp_path / "home").key_id == made.key_id
    assert Ed25519Verifier.from_pem(made.public_key.read_bytes(), "public").key_id == made.key_id


def test_the_environment_names_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_SIGNING_KEY", str(tmp_path / "vault" / "mill.pem"))
    made = make_key(tmp_path / "home")
    assert made.private_key == tmp_path / "vault" / "mill.pem"
    assert made.public_key == tmp_path / "vault" / "mill.pub.pem"
    assert not (tmp_path / "home").exists()
    monkeypatch.setenv("MILLRACE_SIGNING_KEY", " ")
    assert signing_key_path(tmp_path / "home") == tmp_path / "home" / "keys" / "release-signing.pem"


def test_the_public_half_goes_where_it_is_wanted_and_replaces_nothing(tmp_path: Path) -> None:
    out = tmp_path / "given" / "key.pem"
    made = make_key(tmp_path, out)
    assert made.public_key == out
    assert b"PUBLIC" in out.read_bytes()
    assert make_key(tmp_path, out).key_id == made.key_id
    out.write_text("somebody else's")
    with pytest.raises(BadInputError, match=r"key\.pem exists and is not this key"):
        make_key(tmp_path, out)
    assert out.read_text() == "somebody else's"


def test_without_a_key_the_command_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no signing key at .*release-signing\.pem: make one with `millrace rel"):
        open_signer(tmp_path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o644])
def test_a_key_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    made = make_key(tmp_path)
    made.private_key.chmod(mode)
    with pytest.raises(BadInputError, match=rf"read or written by others than its owner \(mode {mode:04o}\): `chmod"):
        open_signer(tmp_path)


def test_a_key_that_only_its_owner_reads_is_taken(tmp_path: Path) -> None:
    made = make_key(tmp_path)
    made.private_key.chmod(0o400)
    assert open_signer(tmp_path).key_id == made.key_id


def test_what_is_no_key_is_refused_without_showing_it(tmp_path: Path) -> None:
    path = signing_key_path(tmp_path)
    path.parent.mkdir()
    path.write_text("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n")
    path.chmod(0o600)
    with pytest.raises(BadInputError) as refused:
        make_key(tmp_path)
    assert "is no private key in PEM form" in str(refused.value)
    assert "c2VjcmV0" not in f"{refused.value} {refused.value.details} {refused.value.__cause__}"
    path.unlink()
    path.mkdir()
    with pytest.raises(BadInputError, match="cannot be read"):
        open_signer(tmp_path)


def test_of_several_that_make_one_key_all_get_the_same(tmp_path: Path) -> None:
    found: list[str] = []
    start = threading.Barrier(8)

    def make() -> None:
        start.wait()
        found.append(make_key(tmp_path).key_id)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == [
        "release-signing.pem",
        "release-signing.pub.pem",
    ]
