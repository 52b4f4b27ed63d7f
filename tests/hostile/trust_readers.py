"""What is signed, sealed or secret: releases, keys, approval codes, backups."""

import json
import os
import shutil
import tempfile
from datetime import timedelta
from functools import cache
from pathlib import Path

from apps.cli.release_verification import read_public_key, verdict_lines
from blocks.gateway_key import KEY_FILE_VARIABLE, gateway_key
from blocks.signing_key import open_signer
from millrace.adapters.ed25519 import new_private_pem
from millrace.governance.approval_codes import CodeContent, CodeQuestion, CodeRules, check_code, write_code
from millrace.ledger.reviewers import Reviewer
from millrace.records.trace import utc
from millrace.releases.check import check_release
from millrace.releases.dsse import read_envelope, sign
from millrace.releases.statement import PAYLOAD_TYPE
from tasks.backup import make_backup
from tasks.home import Home
from tasks.restore import restore_backup
from tasks.tables import role_table
from tests.hostile.annotation_readers import make_home
from tests.hostile.cases import BINARY_WORDS, JSON_WORDS, Reader, one_file, the_file
from tests.hostile.home_readers import files_of
from tests.hostile.mutation import Files
from tests.support.releases import SIGNER, build


def readers() -> list[Reader]:
    """One for each."""
    return [
        Reader("release", _read_release, _release, JSON_WORDS, ("millrace.releases.dsse",), is_folder=True, share=1.5),
        Reader("release:signed", _read_signed, _statements, JSON_WORDS, ("millrace.releases.statement",)),
        Reader(
            "key:public",
            lambda folder, _: read_public_key(the_file(folder)),
            lambda: one_file("in.pem", SIGNER.verifier.pem),
            BINARY_WORDS,
            ("millrace.adapters.ed25519",),
            share=0.5,
        ),
        Reader(
            "key:signing",
            _read_signing,
            lambda: [{"keys/release-signing.pem": _private()}],
            BINARY_WORDS,
            ("millrace.adapters.ed25519",),
            share=0.5,
        ),
        Reader("key:gateway", _read_gateway_key, lambda: one_file("in.txt", b"sk-1234\n"), BINARY_WORDS, (), share=0.3),
        Reader("approval-code", _read_code, _codes, BINARY_WORDS, ("millrace.governance.approval_codes",), share=0.5),
        Reader("backup", _restore, _backups, BINARY_WORDS, ("millrace.governance.backup_reading",)),
    ]


def _release() -> list[Files]:
    with tempfile.TemporaryDirectory() as place:
        return [files_of(build(Path(place) / "release"))]


def _read_release(folder: Path, _scratch: Path) -> None:
    verdict = check_release(folder, SIGNER.verifier)
    verdict_lines(verdict)
    json.dumps(verdict.model_dump(mode="json"), ensure_ascii=False, allow_nan=False).encode()


def _statements() -> list[Files]:
    return one_file("statement.json", read_envelope(_release()[0]["release.dsse.json"]).payload)  # type: ignore[arg-type]


def _read_signed(folder: Path, _scratch: Path) -> None:
    """As the key's owner could sign it."""
    statement = folder / "statement.json"
    payload = statement.read_bytes()[:1_000_000] if statement.is_file() else b""
    statement.unlink()
    (folder / "release.dsse.json").write_bytes(sign(PAYLOAD_TYPE, payload, [SIGNER]).to_json())
    _read_release(folder, _scratch)


@cache
def _private() -> bytes:
    return new_private_pem()


def _read_signing(folder: Path, _scratch: Path) -> None:
    key = folder / "keys" / "release-signing.pem"
    if key.is_file() and not key.is_symlink():
        key.chmod(0o600)
    open_signer(folder)


def _read_gateway_key(folder: Path, _scratch: Path) -> None:
    os.environ[KEY_FILE_VARIABLE] = str(the_file(folder))
    gateway_key(variables=("MILLRACE_NO_SUCH_VARIABLE",))


_AT = utc(2026, 11, 22, 9)
_QUESTION = CodeQuestion(run_id="run-1", key="approval-1", pinned_hash="a" * 64)


@cache
def _code() -> str:
    content = CodeContent(reviewer="ada", decision="approve", expires_at=_AT + timedelta(hours=1))
    return write_code(_QUESTION, content, SIGNER, at=_AT)


def _codes() -> list[Files]:
    return one_file("in.txt", _code().encode())


def _read_code(folder: Path, _scratch: Path) -> None:
    path = the_file(folder)
    text = (path.read_bytes() if path.is_file() else b"").decode(errors="surrogateescape")
    given = {"role": "compliance_officer", "public_key": "-", "key_id": SIGNER.key_id, "added_by": "x", "added_at": _AT}
    known = Reviewer.model_validate({"name": "ada", **given})
    rules = CodeRules(reviewer=None, decision="approve", permission="approve_week", roles=role_table())
    find = {"ada": (known, SIGNER.verifier)}.get
    verdict = check_code(text, _QUESTION, rules, find=find, used=False, at=_AT)
    verdict.model_dump_json()
    assert verdict.holds == (text.strip() == _code()), "a changed code was taken"


def _backups() -> list[Files]:
    with tempfile.TemporaryDirectory() as place:
        home = Home(Path(place) / "home")
        make_home(home.root)
        (home.root / "keys").mkdir()
        (home.root / "keys" / "subject-key").write_bytes(b"ab" * 32)
        made = make_backup(home, Path(place) / "made.tar.zst", lambda *_: None, actor="ann")
        return one_file("in.tar.zst", Path(made.file).read_bytes())


def _restore(folder: Path, scratch: Path) -> None:
    restored = scratch / "restored"
    shutil.rmtree(restored, ignore_errors=True)
    restore_backup(the_file(folder), restored, lambda *_: None, actor="ann")
