"""The manifest's two forms, which readers render again: they may not change under one version."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.records.golden import GoldenVersion
from millrace.records.release import ReleaseFile, ReleaseManifest
from millrace.records.trace import utc
from millrace.releases.manifest import content_hash, manifest_json, manifest_markdown
from millrace.releases.statement import PREDICATE_TYPE, STATEMENT_TYPE, statement
from tests.support.releases import CONTENTS, RUN_HASH, SIGNER, manifest_for

# The form of predicate version 1. Readers of releases that were signed before render it again: a change here needs a
# new PREDICATE_TYPE.
MARKDOWN_V1 = r"""# Release 1.2.0

- **Content hash:** CONTENT
- **Run:** run (distill)
- **Run hash:** RUN
- **Code:** 1111111111111111111111111111111111111111
- **Frozen by run:** freeze
- **Evidence:** 3 records, 1 rows skipped
- **Scoring rules:** version 3, cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc
- **Eval examples kept out:** eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee
- **Licences:** rag\: mit, sft\: none
- **Signed with key:** KEY
- **Tag:** data-v1.2.0 at 2222222222222222222222222222222222222222
- **Approved by:** ada, 2026-11-16T10\:00\:00+00\:00
- **Note:** looked at

## Counts

| export | rows | quarantined |
| --- | --- | --- |
| rag | 2 | 1 |
| sft | 0 | 3 |

## Gates

| gate | status | exit code | reason |
| --- | --- | --- | --- |
| acceptance | passed | 0 |  |

## Golden datasets

| name | version | content |
| --- | --- | --- |
| main | 1.0.0 | bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb |

## Files

| file | sha256 | bytes | rows |
| --- | --- | --- | --- |
| exports/sft/train.jsonl | e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 | 0 | 0 |
| gates.json | 4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945 | 2 | none |

## Datasets

| kind | content | made by |
| --- | --- | --- |
| evidence | dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd | collect-evidence |

## Versions

| name | version |
| --- | --- |
| millrace | 0.1.0 |
| python | 3.11.7 |
"""


def test_the_markdown_form_of_version_1_stands() -> None:
    manifest = manifest_for({name: CONTENTS[name] for name in ("exports/sft/train.jsonl", "gates.json")})
    expected = MARKDOWN_V1.replace("CONTENT", manifest.content_hash).replace("RUN", RUN_HASH)
    assert manifest_markdown(manifest).decode() == expected.replace("KEY", SIGNER.key_id)
    assert PREDICATE_TYPE.endswith(":v1")


def test_the_json_form_is_read_back_and_written_alike() -> None:
    manifest = manifest_for(CONTENTS)
    text = manifest_json(manifest)
    assert ReleaseManifest.model_validate_json(text) == manifest
    assert manifest_json(ReleaseManifest.model_validate_json(text)) == text
    assert text.startswith(b'{\n  "approval": {\n')
    assert text.endswith(b"}\n")


def test_a_draft_says_that_nobody_approved_it() -> None:
    assert "- **Approved by:** nobody yet" in manifest_markdown(manifest_for(CONTENTS, approval=None)).decode()


@pytest.mark.parametrize(
    "text",
    [
        "a | b",
        "<script>alert(1)</script>",
        "# no heading",
        "[x](http://evil.example)",
        "line\nbreak",
        "\u202eabc",
        "`x`",
    ],
)
def test_texts_show_as_themselves(text: str) -> None:
    approval = {"reviewer": text, "note": text, "decided_at": "2026-11-16T10:00:00Z", "pinned_hash": "f" * 64}
    from markdown_it import MarkdownIt

    shown = manifest_markdown(manifest_for(CONTENTS, approval=approval)).decode()
    html = MarkdownIt("commonmark").enable("table").render(shown)
    assert "<script" not in html
    assert "<a " not in html
    assert html.count("<h1>") == 1
    plain = text.replace("\n", " ").replace("\u202e", "").replace("<", "&lt;").replace(">", "&gt;").strip()
    assert f"<strong>Note:</strong> {plain}" in html


def test_the_statement_is_that_of_in_toto() -> None:
    manifest = manifest_for(CONTENTS)
    document = json.loads(statement(manifest, manifest.files))
    assert set(document) == {"_type", "subject", "predicateType", "predicate"}
    assert document["_type"] == STATEMENT_TYPE == "https://in-toto.io/Statement/v1"
    assert document["subject"][0] == {
        "name": manifest.files[0].name,
        "digest": {"sha256": manifest.files[0].sha256},
    }
    assert document["predicate"] == json.loads(manifest_json(manifest))


def golden(**changed: Any) -> GoldenVersion:
    values = {"name": "main", "version": "1.0.0", "content_hash": "b" * 64, "added": 1, "removed": 0}
    return GoldenVersion.model_validate(values | {"created_at": utc(2026, 11, 1)} | changed)


def test_the_content_hash_covers_data_and_nothing_that_was_measured() -> None:
    files = manifest_for(CONTENTS).files
    known = content_hash(RUN_HASH, files, [golden()])
    other = ReleaseFile(name="receipts/run/summary.json", sha256="0" * 64, n_bytes=1)
    assert content_hash(RUN_HASH, [*files[:-1], other], [golden()]) == known
    assert content_hash(RUN_HASH, reversed(files), [golden(created_at=utc(2027, 1, 1), note="x")]) == known
    assert content_hash("0" * 64, files, [golden()]) != known
    assert content_hash(RUN_HASH, files[1:], [golden()]) != known
    assert content_hash(RUN_HASH, files, [golden(content_hash="0" * 64)]) != known
    assert content_hash(RUN_HASH, files, []) != known
    renamed = files[0].model_copy(update={"name": "exports/rag/other.md"})
    assert content_hash(RUN_HASH, [renamed, *files[1:]], [golden()]) != known


@given(note=st.text(max_size=50))
def test_a_note_never_adds_a_line(note: str) -> None:
    approval = {"reviewer": "ada", "note": note, "decided_at": "2026-11-16T10:00:00Z", "pinned_hash": "f" * 64}
    without = manifest_markdown(manifest_for(CONTENTS)).decode().splitlines()
    assert len(manifest_markdown(manifest_for(CONTENTS, approval=approval)).decode().splitlines()) == len(without)


def test_a_manifest_of_before_proofs_comes_out_as_it_was_signed() -> None:
    manifest = manifest_for({})
    approval = json.loads(manifest_json(manifest))["approval"]
    assert sorted(approval) == ["decided_at", "note", "pinned_hash", "reviewer"]
    assert ReleaseManifest.model_validate(manifest.model_dump(mode="json")) == manifest


def test_a_manifest_says_what_proves_who_approved() -> None:
    before = manifest_for({}).approval
    assert before is not None
    signed = before.model_copy(update={"proof": "signed", "role": "compliance_officer"})
    manifest = manifest_for({}, approval=signed)
    assert json.loads(manifest_json(manifest))["approval"]["role"] == "compliance_officer"
    assert "**Approved by:** ada (compliance\\_officer, signature checked), " in manifest_markdown(manifest).decode()
    assert ReleaseManifest.model_validate(manifest.model_dump(mode="json")) == manifest
    alone = manifest_for({}, approval=before.model_copy(update={"proof": "single_user"}))
    assert "**Approved by:** ada (single-user home, unsigned), " in manifest_markdown(alone).decode()
