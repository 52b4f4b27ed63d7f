"""What a person decides on, and the report: every word of it as text, and what they should mind."""

from typing import Any

import pytest

from millrace.records.release import GateResult, ReleaseGate, ReleaseReport, ReleaseRun
from millrace.reports.html import document_html
from millrace.reports.markdown import document_markdown
from millrace.reports.release import release_document, release_page
from tests.support.releases import CONTENTS, SIGNER, manifest_for

PASSED = GateResult(name="acceptance", status="passed", argv=["x"], exit_code=0, output=["22/22"], duration_s=1.25)
FAILED = GateResult(
    name="audit", status="failed", argv=["x"], exit_code=1, reason="ended with exit code 1", output=["leak <b>1</b>"]
)

TESTS = ReleaseGate(name="tests", status="passed", argv=["make", "check"], exit_code=0)


def report(**changed: Any) -> ReleaseReport:
    values = {"run_id": "freeze", "version": "1.2.0", "status": "completed", "distill_run": "run", "gates": [PASSED]}
    values |= {"manifest": manifest_for(CONTENTS), "manifest_sha256": "9" * 64, "folder": "/h/releases/1.2.0"}
    return ReleaseReport.model_validate(values | {"public_key": "/h/releases/1.2.0/public-key.pem"} | changed)


def test_the_page_says_what_approving_does_and_rests_on() -> None:
    page = release_page(manifest_for(CONTENTS, approval=None), [PASSED])
    assert f"Approving signs it with key {SIGNER.key_id} and publishes it as release 1.2.0, then tags commit" in page
    assert "Rejecting leaves nothing but a report" in page
    assert "| rag | mit | 2 | 1 |" in page
    assert "| acceptance | passed | 0 |" in page
    for file in manifest_for(CONTENTS).files:
        assert file.sha256 in page


def test_without_a_repository_no_tag_is_spoken_of() -> None:
    assert "tags" not in release_page(manifest_for(CONTENTS, tag=None), [PASSED])


def run(*commits: str) -> ReleaseRun:
    return manifest_for(CONTENTS).run.model_copy(update={"commits": list(commits)})


@pytest.mark.parametrize(
    ("changed", "warning"),
    [
        ({"run": run("2" * 40)}, None),
        ({"run": run("2" * 40 + "-dirty")}, "computed by code that no commit holds"),
        ({"run": run("1" * 40), "gates": [TESTS]}, "the tagged commit is not one that the run was computed by"),
        ({"run": run("2" * 40), "gates": [TESTS]}, None),
        ({"run": run("1" * 40)}, None),  # the tagged repository is another than Millrace's
        ({"run": run("1" * 40), "tag": None}, None),
        ({"run": run("2" * 40), "gates": [ReleaseGate(name="tests", status="skipped")]}, "a gate was skipped"),
    ],
)
def test_what_a_person_should_mind_is_said(changed: dict[str, Any], warning: str | None) -> None:
    page = release_page(manifest_for(CONTENTS, **changed), [PASSED])
    assert ("**Mind:**" in page) == (warning is not None)
    assert warning is None or warning in page


def test_the_report_of_a_release_says_how_to_check_it() -> None:
    text = document_markdown(release_document(report()))
    assert text.startswith("# Release 1.2.0: frozen\n")
    assert "millrace verify /h/releases/1.2.0 --key /h/releases/1.2.0/public-key.pem" in text
    assert "ada" in text


def test_the_report_of_a_red_gate_shows_what_it_wrote_as_text() -> None:
    stopped = report(status="failed", reason="red gates: audit", gates=[PASSED, FAILED], manifest=None, folder=None)
    text = document_markdown(release_document(stopped))
    assert "# Release 1.2.0: stopped at a red gate" in text
    assert "red gates: audit" in text
    assert "leak &lt;b&gt;1&lt;/b&gt;" in text
    page = document_html(release_document(stopped))
    assert "leak &lt;b&gt;1&lt;/b&gt;" in page
    assert "<b>1</b>" not in page


def test_a_rejected_release_has_no_folder() -> None:
    draft = manifest_for(CONTENTS, approval=None)
    text = document_markdown(release_document(report(status="rejected", manifest=draft, folder=None)))
    assert "rejected" in text
    assert "millrace verify" not in text
