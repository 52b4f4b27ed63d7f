"""One person is erased from a home full of two: nothing of them is left in any byte, everything of the other is."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

import blocks.embedder
from apps.cli.verification import check_datasets, check_exports, check_receipts
from flows.erase_user import EraseUserResult
from millrace.datasets.manifest import DatasetRef
from millrace.ledger import approvals, audit_log, catalogue, erasures, holds, pointers, runs, subjects
from millrace.ledger.tasks import tasks as queue
from tasks.home import Home
from tasks.receipts import read_receipts
from tests.support import replays, wheel
from tests.support.embedder import stand_in
from tests.support.erasures import (
    ERASE,
    HANDLE,
    N_STRANGERS,
    OTHER,
    THEM,
    carried_out,
    distilled,
    entered,
    fill,
    places_of,
    planted_traces,
    requested,
    words_of,
)
from tests.support.inputs import synthetic_traces, write_lines
from tests.support.state import check_whole

LATER = datetime(2026, 11, 20, tzinfo=UTC)


class Erased(NamedTuple):
    home: Home
    before: list[str]
    result: EraseUserResult
    page: str


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Erased]:
    """A home with everything in it, after the erasure of one of two people."""
    root = tmp_path_factory.mktemp("erasure")
    home = Home(root / "home")
    home.root.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MILLRACE_HOME", str(home.root))
        patch.chdir(home.root)
        patch.setattr(blocks.embedder, "_block", stand_in)
        fill(root / "inputs", home.root)
        before = places_of(home.root, all_words(THEM))
        requested(home)
        assert entered() is None
        (asked,) = approvals.waiting(home.ledger, ERASE)
        yield Erased(home, before, carried_out(), asked.markdown)


@pytest.fixture
def in_home(whole: Erased, monkeypatch: pytest.MonkeyPatch) -> Erased:
    monkeypatch.setenv("MILLRACE_HOME", str(whole.home.root))
    monkeypatch.chdir(whole.home.root)
    return whole


def all_words(user: str) -> list[str]:
    return [user, *words_of(user).values()]


def words_in(places: list[str], kind: str) -> set[str]:
    return {place.rsplit(": ", 1)[1] for place in places if place.startswith(kind)}


def test_every_word_of_theirs_was_somewhere_before(whole: Erased) -> None:
    assert words_in(whole.before, "") == set(all_words(THEM))
    for place in ("datasets/", "ledger.sqlite", "index/", "golden/", "exports/", "eval_reports/"):
        assert words_in(whole.before, place), place


def test_nothing_of_them_is_left_in_any_byte(whole: Erased) -> None:
    assert places_of(whole.home.root, all_words(THEM)) == []
    assert (whole.result.outcome, whole.result.remaining) == ("completed", [])
    assert erasures.request_of(whole.home.ledger, HANDLE).status == "completed"


def test_everything_of_the_other_is_still_there(whole: Erased) -> None:
    found = places_of(whole.home.root, all_words(OTHER))
    assert words_in(found, "") == set(all_words(OTHER))
    own = words_of(OTHER)
    assert words_in(found, "datasets/traces") == {OTHER, *(own[n] for n in ("question", "history", "answer"))} | {
        own[n] for n in ("context", "output", "session")
    }
    assert words_in(found, "datasets/feedback") == {OTHER, own["correction"], own["comment"]}
    assert own["document"] in words_in(found, "index/")
    assert own["question"] in words_in(found, "golden/main/2.0.0")
    traces = [each for each in whole.home.datasets.refs() if each.kind == "traces"]
    users = [u for ref in traces for u in whole.home.datasets.open(ref).to_arrow()["user_id"].to_pylist()]
    assert users.count(OTHER) == len(planted_traces(OTHER))
    assert len(users) == N_STRANGERS + len(planted_traces(OTHER))


def test_the_page_and_the_report_count_and_name_nobody(whole: Erased) -> None:
    for text in (whole.page, Path(whole.result.report).read_text()):
        assert not any(word in text for word in all_words(THEM))
    assert "| dataset kind traces | 6 |" in whole.page
    assert "| annotation tasks in the queue | 6 |" in whole.page
    report = json.loads(Path(whole.result.report).with_suffix(".json").read_bytes())
    assert [step["step"] for step in report["steps"]] == [
        "write-successors",
        "rebuild-indexes",
        "erase-from-ledger",
        "erase-from-files",
        "swap-datasets",
        "erase-from-prefect",
        "verify-erasure",
        "remove-old-data",
    ]


def test_the_audit_log_tells_every_step_once(whole: Erased) -> None:
    told = [each for each in audit_log.entries(whole.home.ledger) if each.subject == HANDLE]
    steps = [each.details["step"] for each in told if each.action == "erasure-step"]
    assert len(steps) == len(set(steps)) == 8
    assert [each.action for each in told][-1] == "erasure-ended"
    assert told[-1].details["outcome"] == "completed"


def test_what_is_left_is_whole_and_verifies(whole: Erased) -> None:
    home = whole.home
    refs = home.datasets.refs()
    for ref in refs:
        home.datasets.open(ref).verify()
    live = [e for digit in "0123456789abcdef" for e in catalogue.find(home.ledger, digit) if e.buried_reason is None]
    assert {each.ref for each in live} <= set(refs)
    assert not any(path.is_dir() for path in (home.datasets.root / ".building").iterdir())
    for run in runs.list_runs(home.ledger):
        receipts, checks = check_receipts(home, run)
        if run.run_id != "distil-1":  # its export was removed: distil again
            checks += check_exports(home, receipts)
        findings = [each for each in (*checks, *check_datasets(home, receipts)) if each.is_finding]
        assert findings == [], run.run_id


def test_successors_keep_place_run_and_window_of_what_they_replace(whole: Erased) -> None:
    ledger = whole.home.ledger
    entries = [e for digit in "0123456789abcdef" for e in catalogue.find(ledger, digit) if e.ref.kind == "traces"]
    (now,) = [each for each in entries if each.buried_reason is None]
    (old,) = [each for each in entries if each.buried_reason is not None]
    assert old.buried_reason is not None
    assert now.ref.name in old.buried_reason
    assert now.sequence < old.sequence
    assert (now.run_id, now.time_from, now.registered_at) == (old.run_id, old.time_from, old.registered_at)
    key = whole.home.subject_key
    assert subjects.datasets_of_subject(ledger, "user", subjects.keyed_hash(key, "user", THEM)) == []
    kept = subjects.datasets_of_subject(ledger, "user", subjects.keyed_hash(key, "user", OTHER))
    assert now.ref.content_hash in kept


def test_the_golden_dataset_has_a_major_version_more(whole: Erased) -> None:
    active = pointers.pointer(whole.home.ledger, "golden/main")
    assert active is not None
    assert (active.value["version"], active.run_id) == ("2.0.0", ERASE)
    about = json.loads((whole.home.root / "golden/main/2.0.0/version.json").read_bytes())
    assert (about["removed"], about["parent"]) == (6, "1.0.0")


def test_a_second_run_and_a_second_request_have_nothing_to_do(in_home: Erased) -> None:
    before = in_home.home.datasets.refs()
    again = carried_out(run_id="again")
    requested(in_home.home, handle="e-second")
    second = carried_out("e-second", run_id="second")
    for result in (again, second):
        assert (result.outcome, result.reason) == ("completed", "nothing of the person is here")
    assert in_home.home.datasets.refs() == before


def test_next_week_a_distillation_and_a_replay_go_on(in_home: Erased, tmp_path: Path) -> None:
    home = in_home.home
    week = {"week": "2026-W47", "as_of": "2026-11-23T06:00:00Z"}
    wheel.week("next-week", **week)
    assert not any(task.payload["trace_id"].startswith(OTHER) for task in queue(home.ledger, run_id="next-week"))
    wheel.answer_tasks("next-week")
    wheel.approve("next-week")
    result = wheel.week("next-week", **week)
    assert result is not None
    assert result.status == "completed"
    asked = [replays.task("t-next", "Where is the wheel number 1 of mine kept?", user_id=OTHER)]
    replays.replayed(write_lines(tmp_path / "tasks.jsonl", asked), run_id="replay-next")  # with what the erasure left
    distilled("distil-2")
    (receipt,) = [each for each in read_receipts(home.run_folder("distil-2")) if each.step == "collect-evidence"]
    evidence = home.datasets.open(DatasetRef.model_validate(receipt.output["evidence"])).to_arrow()
    assert evidence["user_id"].to_pylist().count(OTHER) > len(planted_traces(OTHER))
    assert places_of(home.root, all_words(THEM)) == []


def two_people(home: Home, folder: Path) -> None:
    wheel.import_file(write_lines(folder / "two.jsonl", [*planted_traces(THEM, 2), *planted_traces(OTHER, 2)]))
    requested(home)


def test_a_dry_run_and_a_rejection_change_nothing(home: Home, tmp_path: Path) -> None:
    two_people(home, tmp_path)
    before = places_of(home.root / "datasets", all_words(THEM))
    dry = entered(run_id="dry", dry_run=True)
    assert dry is not None
    assert dry.outcome == "dry_run"
    assert entered() is None
    wheel.approve(ERASE, "reject")
    rejected = entered()
    assert rejected is not None
    assert (rejected.status, rejected.outcome) == ("rejected", "rejected")
    assert places_of(home.root / "datasets", all_words(THEM)) == before
    assert erasures.request_of(home.ledger, HANDLE).status == "requested"


def test_what_is_held_stays_and_is_told(home: Home, tmp_path: Path) -> None:
    two_people(home, tmp_path)
    (ref,) = [each for each in home.datasets.refs() if each.kind == "traces"]
    hold = holds.place(home.ledger, "dataset", ref.content_hash, reason="a lawsuit", by="law", at=LATER)
    wheel.import_file(write_lines(tmp_path / "more.jsonl", planted_traces(THEM, 1)), run_id="import-2")
    result = carried_out()
    assert result.outcome == "partial"
    assert ref.name in [each.what for each in result.remaining]
    assert home.datasets.exists(ref)
    left = places_of(home.root / "datasets", [THEM])
    assert {place.split("/")[1] for place in left} == {ref.content_hash}
    again = entered(run_id="again")
    assert again is not None  # nobody is asked about what cannot be done
    assert (again.outcome, again.reason) == ("partial", "nothing that can be erased is here")
    holds.release(home.ledger, hold.hold_id, by="law", at=LATER)
    assert carried_out(run_id="after").outcome == "completed"
    assert places_of(home.root, all_words(THEM)) == []


def test_a_hold_on_the_person_forbids_everything(home: Home, tmp_path: Path) -> None:
    two_people(home, tmp_path)
    held = subjects.keyed_hash(home.subject_key, "user", THEM)
    holds.place(home.ledger, "user", held, reason="a lawsuit", by="law", at=LATER)
    before = places_of(home.root / "datasets", all_words(THEM))
    result = entered()
    assert result is not None
    assert (result.outcome, len(result.remaining)) == ("partial", 1)
    assert places_of(home.root / "datasets", all_words(THEM)) == before


def test_only_the_tenants_rows_go_when_one_is_named(home: Home, tmp_path: Path) -> None:
    there, here = planted_traces(THEM, 1)[0], planted_traces(OTHER, 1)[0] | {"user_id": THEM, "tenant_id": "dam"}
    wheel.import_file(write_lines(tmp_path / "both.jsonl", [there, here]))
    requested(home, tenant="mill")
    assert carried_out().outcome == "completed"
    (ref,) = [each for each in home.datasets.refs() if each.kind == "traces"]
    rows = home.datasets.open(ref).to_arrow().to_pylist()
    assert [(row["user_id"], row["tenant_id"]) for row in rows] == [(THEM, "dam")]
    held = subjects.datasets_of_subject(home.ledger, "user", subjects.keyed_hash(home.subject_key, "user", THEM))
    assert ref.content_hash in held
    assert carried_out(run_id="again").reason == "nothing of the person is here"


def test_a_damaged_dataset_and_a_release_are_told_of(home: Home, tmp_path: Path) -> None:
    two_people(home, tmp_path)
    (ref,) = [each for each in home.datasets.refs() if each.kind == "skips"]
    folder = home.datasets.folder(ref)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"rows": 1, "content_hash": "0" * 64}))
    release = home.root / "releases" / "1.0.0"
    release.mkdir(parents=True)
    (release / "rows.jsonl").write_text(json.dumps({"text": planted_traces(THEM)[0]["question"]}))
    result = carried_out()
    assert result.outcome == "partial"
    assert {each.what for each in result.remaining} >= {ref.name, "release 1.0.0"}
    assert (release / "rows.jsonl").exists()


def test_a_run_that_waits_goes_on_with_what_is_left(home: Home, tmp_path: Path) -> None:
    traces = [*synthetic_traces(4), *planted_traces(THEM, 2), *planted_traces(OTHER, 2)]
    wheel.import_file(write_lines(tmp_path / "traces.jsonl", traces))
    assert wheel.week() is None
    requested(home)
    assert carried_out().outcome == "completed"
    wheel.answer_tasks()
    wheel.approve()
    result = wheel.week()
    assert result is not None
    assert result.status == "completed"
    assert places_of(home.root, all_words(THEM)) == []
    shutil.rmtree(home.root / "eval_reports" / "erasure")
    if not [e for d in "0123456789abcdef" for e in catalogue.find(home.ledger, d) if e.buried_reason]:
        check_whole(home.root)
