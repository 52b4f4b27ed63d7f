"""Checking a release: whatever was changed is named, and nothing outside of the folder is ever opened."""

import json
import os
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.adapters.ed25519 import Ed25519Signer, new_private_pem
from millrace.datasets.files import is_safe_name
from millrace.errors import BadInputError, NotFoundError
from millrace.records.release import ReleaseFinding, ReleaseVerdict
from millrace.releases.check import check_release
from millrace.releases.dsse import Envelope, Signature, read_envelope, sign
from millrace.releases.statement import PAYLOAD_TYPE
from tests.support.releases import CONTENTS, SIGNER, build, manifest_for, set_subject, sign_again, statement_of

ENVELOPE = "release.dsse.json"


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return build(tmp_path / "release")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One release for many changes, each taken back."""
    return build(tmp_path_factory.mktemp("sound") / "release")


def check(folder: Path) -> ReleaseVerdict:
    return check_release(folder, SIGNER.verifier)


def found(folder: Path) -> list[tuple[str, str]]:
    verdict = check(folder)
    assert verdict.verified == (not verdict.findings)
    return [(each.problem, each.file) for each in verdict.findings]


def the_finding(folder: Path) -> ReleaseFinding:
    (finding,) = check(folder).findings
    return finding


def test_a_sound_release_verifies(release: Path) -> None:
    verdict = check(release)
    assert (verdict.verified, verdict.findings) == (True, [])
    assert (verdict.version, verdict.approved_by, verdict.key_id) == ("1.2.0", "ada", SIGNER.key_id)
    assert verdict.n_files == len(CONTENTS) + 2  # the manifest in its two forms
    assert verdict.content_hash == manifest_for(CONTENTS).content_hash


FILES = sorted([*CONTENTS, "release-manifest.json", "release-manifest.md", ENVELOPE])


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_changed_byte_anywhere_is_named(sound: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([each for each in FILES if (sound / each).stat().st_size]))
    content = (sound / name).read_bytes()
    place = data.draw(st.integers(0, len(content) - 1))
    changed = bytearray(content)
    changed[place] ^= data.draw(st.integers(1, 255))
    (sound / name).write_bytes(bytes(changed))
    try:
        verdict = check(sound)
    finally:
        (sound / name).write_bytes(content)
    assert not verdict.verified
    assert [each.file for each in verdict.findings] == [name]


def test_no_byte_of_the_envelope_can_be_changed_unnoticed(sound: Path) -> None:
    path = sound / ENVELOPE
    content = path.read_bytes()
    unnoticed = []
    try:
        for place in [*range(0, len(content), 37), *range(len(content) - 220, len(content))]:
            for mask in (0x01, 0x04, 0x20, 0x80):  # a low bit, the other Base64 alphabet, upper case, no ASCII
                path.write_bytes(content[:place] + bytes([content[place] ^ mask]) + content[place + 1 :])
                if check(sound).verified:
                    unnoticed.append((place, mask))
    finally:
        path.write_bytes(content)
    assert unnoticed == []


@pytest.mark.parametrize("name", FILES)
def test_a_cut_or_longer_file_is_named(release: Path, name: str) -> None:
    content = (release / name).read_bytes()
    (release / name).write_bytes(content + b" ")
    assert [file for _, file in found(release)] == [name]
    if content:
        (release / name).write_bytes(content[:-1])
        assert [file for _, file in found(release)] == [name]


def test_a_change_is_told_with_hash_and_size_expected_and_found(release: Path) -> None:
    path = release / "exports" / "rag" / "train.jsonl"
    before = path.read_bytes()
    path.write_bytes(before + b"{}\n")
    finding = the_finding(release)
    assert (finding.problem, finding.file) == ("changed", "exports/rag/train.jsonl")
    assert (finding.expected, finding.expected_bytes) == (sha256(before).hexdigest(), len(before))
    assert (finding.found, finding.found_bytes) == (sha256(before + b"{}\n").hexdigest(), len(before) + 3)


def test_two_files_in_each_others_place_are_both_named(release: Path) -> None:
    one, other = release / "gates.json", release / "receipts" / "run" / "summary.json"
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    assert found(release) == [("changed", "gates.json"), ("changed", "receipts/run/summary.json")]


@pytest.mark.parametrize("name", [each for each in FILES if each != ENVELOPE])
def test_a_missing_file_is_named(release: Path, name: str) -> None:
    (release / name).unlink()
    assert found(release) == [("missing", name)]


def test_a_renamed_file_is_missing_and_additional(release: Path) -> None:
    os.rename(release / "gates.json", release / "Gates.json")
    assert sorted(found(release)) == [("additional", "Gates.json"), ("missing", "gates.json")]


@pytest.mark.parametrize("name", ["more.txt", "exports/rag/more.jsonl", ".hidden", "new/deep/file", "a\nb", "\udcff"])
def test_an_additional_file_is_named(release: Path, name: str) -> None:
    path = release / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    ((problem, file),) = found(release)
    assert (problem, file) == ("additional", "\\udcff" if name == "\udcff" else name)
    json.dumps(check(release).model_dump()).encode()


def test_a_link_is_named_and_not_followed(release: Path, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere.jsonl"
    path = release / "exports" / "rag" / "train.jsonl"
    shutil.move(path, target)
    path.symlink_to(target)  # it holds the very bytes that were signed
    assert found(release) == [("link", "exports/rag/train.jsonl")]


def test_a_folder_that_is_a_link_is_named(release: Path, tmp_path: Path) -> None:
    shutil.move(release / "exports", tmp_path / "exports")
    (release / "exports").symlink_to(tmp_path / "exports")
    assert [each for each in found(release) if each[0] != "missing"] == [("link", "exports")]
    assert len(found(release)) == 4


def test_an_envelope_that_is_a_link_is_no_envelope(release: Path, tmp_path: Path) -> None:
    shutil.move(release / ENVELOPE, tmp_path / "e")
    (release / ENVELOPE).symlink_to(tmp_path / "e")
    assert found(release) == [("bad_envelope", ENVELOPE)]


def test_a_pipe_is_named_and_not_waited_for(release: Path) -> None:
    os.mkfifo(release / "pipe")
    (release / "gates.json").unlink()
    os.mkfifo(release / "gates.json")
    assert found(release) == [("not_a_file", "gates.json"), ("not_a_file", "pipe")]


def test_a_folder_without_an_envelope_is_unsigned(release: Path) -> None:
    (release / ENVELOPE).unlink()
    assert found(release) == [("unsigned", ENVELOPE)]


def test_an_envelope_without_signatures_is_unsigned(release: Path) -> None:
    read = read_envelope((release / ENVELOPE).read_bytes())
    (release / ENVELOPE).write_bytes(Envelope(read.payload_type, read.payload, ()).to_json())
    assert found(release) == [("unsigned", ENVELOPE)]


def test_another_key_than_the_signers_is_told_from_a_broken_signature(release: Path) -> None:
    stranger = Ed25519Signer.from_pem(new_private_pem(), "stranger")
    verdict = check_release(release, stranger.verifier)
    (finding,) = verdict.findings
    assert (finding.problem, finding.message) == (
        "wrong_key",
        f"signed by {SIGNER.key_id}, not by {stranger.key_id}",
    )
    assert (verdict.verified, verdict.version, verdict.n_files) == (False, None, 0)


def test_a_release_that_was_signed_anew_by_another_key_is_refused(release: Path) -> None:
    stranger = Ed25519Signer.from_pem(new_private_pem(), "stranger")
    path = release / "exports" / "rag" / "train.jsonl"
    path.write_bytes(b"poison")
    changed = statement_of(release)
    set_subject(changed, "exports/rag/train.jsonl", b"poison")
    sign_again(release, changed, signer=stranger)
    assert found(release) == [("wrong_key", ENVELOPE)]
    forged = sign(PAYLOAD_TYPE, json.dumps(changed).encode(), [stranger]).signatures[0]
    payload = json.dumps(changed).encode()
    named = Envelope(PAYLOAD_TYPE, payload, (Signature(SIGNER.key_id, forged.value),))
    (release / ENVELOPE).write_bytes(named.to_json())
    assert found(release) == [("bad_signature", ENVELOPE)]


def test_further_signatures_do_no_harm(release: Path) -> None:
    other = Ed25519Signer.from_pem(new_private_pem(), "other")
    read = read_envelope((release / ENVELOPE).read_bytes())
    both = sign(read.payload_type, read.payload, [other, SIGNER])
    (release / ENVELOPE).write_bytes(both.to_json())
    assert check(release).verified
    assert check_release(release, other.verifier).verified


def test_another_spelling_of_the_same_envelope_is_refused(release: Path) -> None:
    path = release / ENVELOPE
    content = path.read_bytes()
    for other in (content + b"\n", json.dumps(json.loads(content)).encode(), content.replace(b"=", b"\\u003d")):
        path.write_bytes(other)
        assert found(release) == [("bad_envelope", ENVELOPE)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s | {"predicateType": "urn:millrace:release-manifest:v2"}, "this Millrace knows urn:millrace"),
        (
            lambda s: s | {"_type": "https://in-toto.io/Statement/v0.1"},
            "is of type 'https://in-toto.io/Statement/v0.1'",
        ),
        (lambda s: s | {"predicate": s["predicate"] | {"more": 1}}, "not valid at more"),
        (lambda s: s | {"predicate": s["predicate"] | {"format": 2}}, "not valid at format"),
        (lambda s: s | {"predicate": []}, "no in-toto statement"),
        (lambda s: s | {"subject": [{"name": "x"}]}, "no in-toto statement"),
        (lambda s: s | {"subject": [{"name": "x", "digest": {"sha256": 7}}]}, "no in-toto statement"),
        (lambda s: s | {"subject": [{"name": "\ud800", "digest": {"sha256": "0"}}]}, "no in-toto statement"),
        (lambda s: {}, "no in-toto statement"),
        (lambda s: [], "no in-toto statement"),
    ],
)
def test_a_statement_of_another_kind_is_named(release: Path, change: Callable[[Any], Any], message: str) -> None:
    sign_again(release, change(statement_of(release)))
    finding = the_finding(release)
    assert (finding.problem, finding.file) == ("unknown_statement", ENVELOPE)
    assert message in finding.message


def test_files_are_checked_under_a_predicate_of_a_later_version_too(release: Path) -> None:
    sign_again(release, statement_of(release) | {"predicateType": "urn:millrace:release-manifest:v2"})
    (release / "gates.json").write_bytes(b"{}")
    assert found(release) == [("unknown_statement", ENVELOPE), ("changed", "gates.json")]


def test_a_payload_of_another_type_is_named(release: Path) -> None:
    sign_again(release, statement_of(release), payload_type="application/json")
    assert found(release) == [("unknown_statement", ENVELOPE)]


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "exports/../../secret", ".", "", "a//b", "./a", "a\\b"])
def test_a_name_that_leaves_the_folder_is_named_and_not_opened(release: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    signed = statement_of(release)
    signed["subject"].append({"name": name, "digest": {"sha256": sha256(b"secret").hexdigest()}})
    sign_again(release, signed)
    assert ("unsafe_name", name) in found(release)
    assert ("missing", name) not in found(release)


def test_a_file_that_is_listed_twice_is_named(release: Path) -> None:
    signed = statement_of(release)
    signed["subject"].append({"name": "gates.json", "digest": {"sha256": "0" * 64}})
    sign_again(release, signed)
    assert ("unsafe_name", "gates.json") in found(release)


def test_the_envelope_cannot_list_itself(release: Path) -> None:
    signed = statement_of(release)
    signed["subject"].append({"name": ENVELOPE, "digest": {"sha256": "0" * 64}})
    sign_again(release, signed)
    assert ("unsafe_name", ENVELOPE) in found(release)


@pytest.mark.parametrize("name", ["release-manifest.md", "release-manifest.json"])
def test_a_signed_form_of_the_manifest_that_says_something_else_is_named(release: Path, name: str) -> None:
    content = (release / name).read_bytes().replace(b"ada", b"eve")
    (release / name).write_bytes(content)
    signed = statement_of(release)
    set_subject(signed, name, content)
    sign_again(release, signed)
    assert found(release) == [("manifest_differs", name)]


def test_a_signed_file_that_the_manifest_does_not_list_is_named(release: Path) -> None:
    (release / "more.jsonl").write_bytes(b"more")
    signed = statement_of(release)
    signed["subject"].append({"name": "more.jsonl", "digest": {"sha256": sha256(b"more").hexdigest()}})
    sign_again(release, signed)
    assert found(release) == [("manifest_differs", "more.jsonl")]


def test_a_content_hash_of_other_content_is_named(tmp_path: Path) -> None:
    assert found(build(tmp_path / "r", content_hash="0" * 64)) == [("manifest_differs", "release-manifest.json")]


def test_a_folder_that_is_not_there_or_a_file_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="is not there"):
        check(tmp_path / "nowhere")
    (tmp_path / "release.tar.gz").write_bytes(b"x")
    with pytest.raises(NotFoundError, match="is a file: unpack it, and name the folder"):
        check(tmp_path / "release.tar.gz")


def test_a_release_reached_by_a_link_is_checked(release: Path, tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to(release)
    assert check(tmp_path / "latest").verified


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_is_a_clear_error(release: Path) -> None:
    (release / "gates.json").chmod(0)
    with pytest.raises(BadInputError, match=r"gates\.json cannot be read: Permission denied"):
        check(release)


@given(name=st.text("ab./\\\0 ", max_size=12))
def test_a_safe_name_never_leaves_its_folder(name: str) -> None:
    if is_safe_name(name):
        joined = os.path.normpath(os.path.join("/release", name))
        assert joined == f"/release/{name}"
