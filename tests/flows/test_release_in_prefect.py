"""A freeze through Prefect: it pauses, a person answers on its page, and the report is shown there."""

from pathlib import Path
from typing import Any

import pytest
from prefect.artifacts import Artifact

import tasks.approval
from apps.cli.release_verification import verify_release
from blocks.signing_key import make_key
from flows.release_freeze import release_freeze
from millrace.ledger import runs
from tasks.home import Home
from tests.support.distilled import FREEZE, freeze_config, prepare
from tests.support.reviewer import Reviewer


@pytest.mark.prefect
def test_a_freeze_pauses_in_prefect_and_goes_on_with_the_answer(
    home: Home, prefect_server: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tasks.approval, "POLL_INTERVAL_S", 0.2)
    monkeypatch.setattr(tasks.approval, "THIRTY_DAYS_S", 60)
    prepare(home)
    with Reviewer(home, [{"decision": "perhaps"}, {"reviewer": "Rae", "note": "go"}], run_id=FREEZE) as reviewer:
        result = release_freeze(freeze_config(), run_id=FREEZE)
    assert (result.status, result.folder) == ("completed", "releases/1.0.0")
    assert "Freeze release 1.0.0?" in reviewer.asked[0].markdown
    assert reviewer.statuses == ["waiting", "waiting"]
    assert runs.run_of(home.ledger, FREEZE).status == "completed"
    verdict = verify_release(home.root / "releases" / "1.0.0", make_key(home.root, tmp_path / "key.pem").public_key)
    assert (verdict.verified, verdict.approved_by) == (True, "Rae")
    report: Any = Artifact.get("release-report")
    assert report is not None
    assert report.data == Path(result.report.markdown).read_text()
