"""Evidence of everything that Millrace writes: taken out of real datasets, with what was said of it, and counted."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import tasks.evidence
from millrace.datasets.manifest import DatasetRef
from millrace.datasets.schema import rows_of
from millrace.distillation.dataset_rows import dataset_row_hash, unmeasured_row
from millrace.distillation.stream_mapping import StreamMapping
from millrace.distillation.streams import MillraceStreams, StreamCounts
from millrace.errors import BadInputError
from millrace.ledger import annotations, pointers, queue, subjects
from millrace.ledger.tasks import NewTask
from millrace.methods.question_identity import question_key
from millrace.records.annotation import AnnotationTask
from millrace.records.evidence import EvalExample, Evidence
from millrace.records.kinds import KINDS
from tasks.evidence import (
    CollectedEvidence,
    EvalExamples,
    FileStream,
    collect_eval_examples,
    collect_evidence,
    resolve_streams,
)
from tasks.home import Home
from tasks.parts import write_dataset
from tasks.run import current_run
from tasks.sources import source_ref
from tasks.stage import stage
from tasks.tables import redaction_rules
from tests.support.inputs import write_lines
from tests.support.stored import KNOWN, rows_of_kind
from tests.tasks.turns import Turn

ALL = ["traces", "annotations", "golden", "feedback", "replays"]
NOW = datetime(2026, 11, 12, 8, tzinfo=UTC)
TASK = question_key("mill", "How long?", [])


@stage
def store(kind: str, rows: list[dict[str, Any]], made_from: list[DatasetRef]) -> DatasetRef:
    """A dataset of that kind."""
    return write_dataset(kind, rows_of_kind(kind, *rows))


@pytest.fixture
def put(plain: Turn) -> Callable[..., DatasetRef]:
    """Stores rows in a run of its own: ``put("traces", {...}, run_id="import")``."""

    def put(kind: str, *rows: dict[str, Any], run_id: str = "", made_from: tuple[DatasetRef, ...] = ()) -> DatasetRef:
        ref: DatasetRef = plain(lambda: store(kind, list(rows), list(made_from)), run_id or f"put-{kind}")
        return ref

    return put


@pytest.fixture
def ask(home: Home, plain: Turn) -> Callable[..., None]:
    """Asks people about traces in a run, and answers: ``ask("week", t0=[{...}, {...}])``, one answer an annotator."""

    def ask(run_id: str, task: dict[str, Any] | None = None, /, **answers: list[dict[str, Any]]) -> None:
        def asked() -> None:
            for trace_id, given in answers.items():
                fields = KNOWN["annotation_tasks"] | {"task_id": f"{run_id}-{trace_id}", "trace_id": trace_id}
                payload = AnnotationTask.model_validate(fields | (task or {})).model_dump(mode="json")
                new = NewTask(
                    task_id=f"{run_id}-{trace_id}",
                    question_key=f"{run_id}-{trace_id}",
                    tenant_id="mill",
                    position=0,
                    payload=payload,
                    n_annotators=len(given),
                )
                queue.enqueue(current_run().home.ledger, [new], run_id, NOW)

        plain(asked, run_id)
        for trace_id, given in answers.items():
            for place, answer in enumerate(given):
                known = {"verdict": "hallucination", "expected_behaviour": "answer", "expected_answer": "Three years."}
                at = NOW + timedelta(minutes=place)
                annotations.submit(home.ledger, f"{run_id}-{trace_id}", f"person-{place}", known | answer, at)

    return ask


@pytest.fixture
def publish(home: Home, put: Callable[..., DatasetRef]) -> Callable[..., DatasetRef]:
    """Makes golden rows the active version."""

    def publish(name: str, version: str, *rows: dict[str, Any], at: datetime = NOW) -> DatasetRef:
        ref = put("golden", *rows, run_id=f"golden-{name}-{version}")
        value = {"version": version, "dataset": ref.model_dump(mode="json")}
        pointers.set_pointer(home.ledger, f"golden/{name}", value, at=at, run_id=f"golden-{name}-{version}")
        return ref

    return publish


def collected(
    streams: list[str] | None = None,
    files: list[FileStream] | None = None,
    tenants: list[str] | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> tuple[MillraceStreams, CollectedEvidence]:
    """What a distillation collects."""
    found = resolve_streams(tenants, start, end, streams or ALL)
    return found, collect_evidence(found, files or [])


@pytest.fixture
def collect(plain: Turn, home: Home) -> Callable[..., dict[str, Evidence]]:
    """Collects in a run of its own; evidence by id."""

    def collect(run_id: str = "distil", **settings: Any) -> dict[str, Evidence]:
        _, found = plain(lambda: collected(**settings), run_id)
        rows = evidence_of(home, found)
        assert len(rows) == found.evidence.rows
        return {row.evidence_id: row for row in rows}

    return collect


def evidence_of(home: Home, found: CollectedEvidence) -> list[Evidence]:
    return rows_of(Evidence, home.datasets.open(found.evidence).to_arrow())


def skips_of(home: Home, found: CollectedEvidence) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = home.datasets.open(found.skips).to_arrow().to_pylist()
    return rows


def markers(row: Evidence) -> dict[str, str]:
    assert len({each.name for each in row.markers}) == len(row.markers)
    return {each.name: each.value for each in row.markers}


def test_a_trace_becomes_a_record_bound_to_its_row(
    put: Callable[..., DatasetRef], collect: Callable[..., Any], home: Home
) -> None:
    full = {
        "trace_id": "t1",
        "user_id": "uma",
        "answered_by": "small",
        "status": "abstained",
        "history": [{"speaker": "user", "text": "Hello."}],
        "contexts": [{"context_id": "c1", "text": "One."}, {"context_id": "c2", "text": "Two."}],
        "scores": [{"name": "own", "value": 0.5, "source": "app"}, {"name": "none", "value": None, "source": "app"}],
        "cost_usd": 0.5,
    }
    ref = put("traces", {"trace_id": "t0"}, full, run_id="import")
    found = collect()
    assert set(found) == {"trace-t0", "trace-t1"}
    row = found["trace-t1"]
    stored = home.datasets.open(ref).read_rows(1, 2).to_pylist()[0]
    assert (row.source_file, row.source_offset) == (ref.name, 1)
    assert row.row_hash == dataset_row_hash(unmeasured_row(KINDS["traces"].model, stored))
    assert (row.stream, row.run_id, row.role, row.producer) == ("traces", "import", "answerer", "small")
    assert (row.prompt, row.text, row.contexts) == ("How long?", "Two years.", ["One.", "Two."])
    assert [turn.text for turn in row.history] == ["Hello."]
    assert (row.user_id, row.tenant_id, row.subject, row.split) == ("uma", "mill", "t1", None)
    assert row.recorded_at == datetime(2026, 11, 9, 8, tzinfo=UTC)
    assert row.task_id == question_key("mill", "How long?", ["Hello."]) != found["trace-t0"].task_id
    assert markers(row) == {"status": "abstained", "score.own": "0.5"}


def test_answers_of_several_configurations_to_one_question_are_one_task(
    put: Callable[..., DatasetRef], collect: Callable[..., Any]
) -> None:
    rows = [
        {"trace_id": "a", "config_hash": "1"},
        {"trace_id": "b", "question": "how LONG"},
        {"trace_id": "c", "tenant_id": "dam"},
    ]
    put("traces", *rows)
    found = collect()
    assert found["trace-a"].task_id == found["trace-b"].task_id == TASK != found["trace-c"].task_id


def test_traces_without_an_answer_give_nothing_and_are_counted(
    put: Callable[..., DatasetRef], turn: Turn, home: Home
) -> None:
    nothing = [{"trace_id": "a", "answer": None, "status": "failed"}, {"trace_id": "b", "answer": " \n"}]
    put("traces", *nothing, {"trace_id": "c"})
    _, found = turn(collected)
    assert [row.evidence_id for row in evidence_of(home, found)] == ["trace-c"]
    assert found.counts["traces"] == StreamCounts(taken=1, without_answer=2)
    assert found.counts["golden"] == StreamCounts(taken=0)


def test_a_trace_that_came_twice_is_taken_once_and_the_other_is_a_skip(
    put: Callable[..., DatasetRef], plain: Turn, home: Home
) -> None:
    put("traces", {"trace_id": "a"}, run_id="one")
    second = put("traces", {"trace_id": "b"}, {"trace_id": "a", "answer": "Other."}, run_id="two")
    _, found = plain(collected)
    assert {row.evidence_id: row.run_id for row in evidence_of(home, found)} == {"trace-a": "one", "trace-b": "two"}
    (skip,) = skips_of(home, found)
    assert (skip["source"], skip["line"], skip["reason"]) == (second.name, 2, "repeated_trace")
    assert "Other" not in skip["message"]
    assert found.counts["traces"] == StreamCounts(taken=2, skipped={"repeated_trace": 1})


def companions(put: Callable[..., DatasetRef], traces: DatasetRef, order: list[str]) -> None:
    """One dataset of everything that can be said of t0, registered in this order."""
    sentences = [
        {"start": 0, "end": 1, "level": "lexical", "context_id": None, "support": value} for value in (0.9, 0.1)
    ]
    rows: dict[str, list[dict[str, Any]]] = {
        "groundedness": [{"trace_id": "t0", "score": 0.25, "sentences": sentences}],
        "triage": [{"trace_id": "t0", "verdict": "failure", "failure_type": "hallucination", "confidence": 0.875}],
        "metric_scores": [
            {"trace_id": "t0", "metric": "relevance", "value": 0.75},
            {"trace_id": "t0", "metric": "judge", "status": "failed", "reason": "refused"},
        ],
        "human_ratings": [
            {"trace_id": "t0", "annotator": "ann", "value": 1},
            {"trace_id": "t0", "annotator": "ben", "value": 4},
        ],
        "feedback": [{"trace_id": "t0", "feedback_id": "f", "rating": 0.5}],
    }
    for kind in order:
        put(kind, *rows[kind], made_from=(traces,))


EVERY = ["groundedness", "triage", "metric_scores", "human_ratings", "feedback"]


@pytest.mark.parametrize("order", [EVERY, EVERY[::-1]])
def test_what_others_said_are_markers_whatever_came_first(
    put: Callable[..., DatasetRef], collect: Callable[..., Any], order: list[str]
) -> None:
    companions(put, put("traces", {"trace_id": "t0"}, {"trace_id": "t1"}), order)
    found = collect()
    assert [(each.name, each.value) for each in found["trace-t0"].markers] == [
        ("status", "answered"),
        ("groundedness", "0.25"),
        ("grounded_fraction", "0.5"),
        ("triage", "failure"),
        ("failure_type", "hallucination"),
        ("triage_confidence", "0.875"),
        ("metric.relevance", "0.75"),
        ("rating.faithfulness.min", "1.0"),
        ("rating.faithfulness.mean", "2.5"),
        ("rating.faithfulness.n", "2"),
        ("feedback", "0.5"),
        ("feedback.n", "1"),
    ]
    assert markers(found["trace-t1"]) == {"status": "answered"}


def test_equal_datasets_give_equal_evidence_in_whatever_order_they_were_registered(
    put: Callable[..., DatasetRef], plain: Turn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: Home
) -> None:
    hashes = set()
    for number, order in enumerate((EVERY, EVERY[::-1], EVERY[2:] + EVERY[:2])):
        root = tmp_path / f"home-{number}"
        root.mkdir()
        monkeypatch.setenv("MILLRACE_HOME", str(root))
        companions(put, put("traces", {"trace_id": "t0"}, {"trace_id": "t1"}), order)
        _, found = plain(collected)
        hashes.add((found.evidence.content_hash, found.skips.content_hash))
    assert len(hashes) == 1


def test_scores_registered_later_win(put: Callable[..., DatasetRef], collect: Callable[..., Any]) -> None:
    traces = put("traces", {"trace_id": "t0"}, {"trace_id": "t1"})
    scored = [{"trace_id": name, "score": 0.25} for name in ("t0", "t1")]
    put("groundedness", *scored, run_id="one", made_from=(traces,))
    put("groundedness", {"trace_id": "t0", "score": 0.75}, run_id="two", made_from=(traces,))
    found = collect()
    assert [markers(found[f"trace-{name}"])["groundedness"] for name in ("t0", "t1")] == ["0.75", "0.25"]


def test_what_is_registered_after_the_run_began_is_not_seen(
    put: Callable[..., DatasetRef], plain: Turn, home: Home
) -> None:
    put("traces", {"trace_id": "t0"}, run_id="before")

    def body() -> MillraceStreams:
        store("traces", [{"trace_id": "t1"}], [])
        store("groundedness", [{"trace_id": "t0", "score": 1.0}], [])
        store("human_ratings", [{"trace_id": "t0", "value": 1}], [])
        found: MillraceStreams = resolve_streams(None, None, None, ALL)
        return found

    found: MillraceStreams = plain(body)
    assert ([each.run_id for each in found.traces], found.groundedness, found.human_ratings) == (["before"], [], [])


def test_a_window_and_tenants_choose_rows_not_datasets(
    put: Callable[..., DatasetRef], collect: Callable[..., Any]
) -> None:
    rows = [
        {"trace_id": "early", "time": "2026-11-08T23:59:59Z"},
        {"trace_id": "first", "time": "2026-11-09T00:00:00Z"},
        {"trace_id": "other", "time": "2026-11-09T08:00:00Z", "tenant_id": "dam"},
        {"trace_id": "late", "time": "2026-11-10T00:00:00Z"},
    ]
    put("traces", *rows)
    times = {row["trace_id"]: row["time"] for row in rows}
    put("replays", *({"replay_id": name, "time": time} for name, time in times.items()))
    day = {"start": datetime(2026, 11, 9, tzinfo=UTC), "end": datetime(2026, 11, 10, tzinfo=UTC)}
    assert set(collect("day", **day)) == {"trace-first", "trace-other", "replay-first", "replay-other"}
    assert set(collect("mill", tenants=["mill"], **day)) == {"trace-first", "replay-first", "replay-other"}
    assert set(collect("nobody", tenants=[])) == set()
    assert set(collect("all")) == {f"{kind}-{name}" for kind in ("trace", "replay") for name in times}


def test_scores_and_ratings_of_other_windows_are_left_out(put: Callable[..., DatasetRef], plain: Turn) -> None:
    old = put("traces", {"trace_id": "old", "time": "2026-10-01T00:00:00Z"}, run_id="old")
    new = put("traces", {"trace_id": "new"}, run_id="new")
    for run_id, ref, name in (("old", old, "old"), ("new", new, "new")):
        put("groundedness", {"trace_id": name, "score": 0.5}, run_id=f"{run_id}-g", made_from=(ref,))
        plain(lambda name=name: store("human_ratings", [{"trace_id": name, "value": 1}], []), run_id)
    start, end = datetime(2026, 11, 9, tzinfo=UTC), datetime(2026, 11, 10, tzinfo=UTC)
    near: MillraceStreams = plain(lambda: resolve_streams(None, start, end, ["traces"]), "near")
    every: MillraceStreams = plain(lambda: resolve_streams(None, None, None, ["traces"]), "every")
    assert [len(near.groundedness), len(near.human_ratings)] == [1, 1]
    assert [len(every.groundedness), len(every.human_ratings)] == [2, 2]


def test_an_annotation_stands_beside_the_answer_it_corrects(
    put: Callable[..., DatasetRef], ask: Callable[..., None], plain: Turn, home: Home
) -> None:
    put("traces", {"trace_id": "t0"}, {"trace_id": "t1", "question": "How wide?"})
    shown = {"user_id": "uma", "contexts": [{"context_id": "c", "text": "Three."}]}
    ask("week", shown, t0=[{"support": "none"}], t1=[{"expected_behaviour": "abstain", "expected_answer": None}])
    streams, found = plain(collected, "distil")
    rows = {row.stream + (row.subject or ""): row for row in evidence_of(home, found)}
    corrected, rejected = rows["annotationst0"], rows["tracest0"]
    assert corrected.task_id == rejected.task_id
    assert markers(rejected) == {"status": "answered", "annotation": "hallucination", "annotation_support": "none"}
    assert markers(corrected) == {"verdict": "corrected"}
    assert (corrected.text, corrected.prompt, corrected.contexts) == ("Three years.", "How long?", ["Three."])
    assert (corrected.role, corrected.producer, corrected.user_id) == ("annotator", "person-0", "uma")
    assert (corrected.run_id, corrected.recorded_at) == ("week", NOW)
    (source,) = streams.annotations
    assert corrected.source_file == source.annotations.name
    stored = home.datasets.open(source.annotations).read_rows(corrected.source_offset, corrected.source_offset + 1)
    assert corrected.row_hash == dataset_row_hash(stored.to_pylist()[0])
    assert found.counts["annotations"] == StreamCounts(taken=1, without_answer=1)


def test_annotations_say_the_same_in_another_run_of_another_name(
    ask: Callable[..., None], plain: Turn, home: Home
) -> None:
    ask("week-1", t0=[{}])
    ask("week-2", t1=[{}])
    _, one = plain(collected, "one")
    _, two = plain(collected, "two")
    assert one == two
    assert [row.run_id for row in evidence_of(home, one)] == ["week-1", "week-2"]


def test_agreement_disagreement_and_adjudication(
    put: Callable[..., DatasetRef], ask: Callable[..., None], plain: Turn, home: Home
) -> None:
    put("traces", *({"trace_id": f"t{number}"} for number in range(3)))
    ask(
        "week",
        t0=[{"support": "part"}, {"support": "none", "expected_answer": "Four years."}],
        t1=[{}, {"verdict": "irrelevant_answer", "expected_answer": "Five years."}],
        t2=[{}, {"verdict": "irrelevant_answer"}],
    )
    settled = {"verdict": "ok", "expected_behaviour": "answer", "expected_answer": "Six years.", "support": "all"}
    annotations.adjudicate(home.ledger, "week-t2", "judge", settled, NOW + timedelta(hours=1))
    _, found = plain(collected)
    rows = evidence_of(home, found)
    said = {row.subject: markers(row) for row in rows if row.stream == "traces"}
    assert said["t0"] == {"status": "answered", "annotation": "hallucination"}
    assert said["t1"] == {"status": "answered", "annotation_disagreement": "true"}
    assert said["t2"] == {"status": "answered", "annotation": "ok", "annotation_support": "all"}
    texts = sorted((row.subject, row.text, len(row.markers)) for row in rows if row.stream == "annotations")
    assert texts == [
        ("t0", "Four years.", 1),
        ("t0", "Three years.", 1),
        ("t1", "Five years.", 2),
        ("t1", "Three years.", 2),
        ("t2", "Six years.", 1),
    ]
    assert found.counts["annotations"] == StreamCounts(taken=5, skipped={"adjudicated": 2})
    assert {skip["reason"] for skip in skips_of(home, found)} == {"adjudicated"}


def test_within_a_window_annotations_and_feedback_follow_their_traces(
    put: Callable[..., DatasetRef], ask: Callable[..., None], collect: Callable[..., Any]
) -> None:
    put("traces", {"trace_id": "t0"}, {"trace_id": "t1", "time": "2026-10-01T00:00:00Z"})
    ask("week", t0=[{}], t1=[{}], gone=[{}])
    corrected = [
        {"feedback_id": name, "trace_id": name, "correction": "Four.", "time": "2026-12-01T00:00:00Z"}
        for name in ("t0", "t1")
    ]
    put("feedback", *corrected)
    day = {"start": datetime(2026, 11, 9, tzinfo=UTC), "end": datetime(2026, 11, 10, tzinfo=UTC)}
    assert sorted((row.stream, row.subject) for row in collect("day", **day).values()) == [
        ("annotations", "t0"),
        ("feedback", "t0"),
        ("traces", "t0"),
    ]
    assert sum(row.stream == "annotations" for row in collect("all").values()) == 3
    assert set(collect("dam", tenants=["dam"], streams=["annotations", "feedback"])) == set()


def test_golden_rows_with_an_expected_answer_and_their_side(
    put: Callable[..., DatasetRef],
    ask: Callable[..., None],
    publish: Callable[..., DatasetRef],
    collect: Callable[..., Any],
) -> None:
    put("traces", {"trace_id": "t0"}, {"trace_id": "t1", "question": "How wide?"}, {"trace_id": "t2", "user_id": "vic"})
    ask("week", {"user_id": "uma"}, t0=[{}])
    first = {"golden_id": "g0", "split": "eval"}
    wide = {"question": "How wide?", "split": "train"}
    abstain = {"golden_id": "g1", "expected_behaviour": "abstain", "expected_answer": None} | wide
    later = {"golden_id": "g2", "question": "How high?", "source_trace_id": "t2", "added_in": "1.1.0"}
    publish("main", "1.0.0", first, abstain)
    ref = publish("main", "1.1.0", first, abstain, later, at=NOW + timedelta(days=7))
    found = collect()
    golden = {name: row for name, row in found.items() if row.stream == "golden"}
    assert set(golden) == {"golden-main-g0", "golden-main-g2"}
    row = golden["golden-main-g0"]
    assert (row.role, row.text, row.split, row.task_id) == ("golden", "Three years.", "eval", TASK)
    assert (row.source_file, row.source_offset, row.run_id) == (ref.name, 0, "golden-main-1.1.0")
    assert markers(row) == {"golden": "answer"}
    assert [each.user_id for each in golden.values()] == ["uma", "vic"]
    assert [each.recorded_at for each in golden.values()] == [NOW, NOW + timedelta(days=7)]
    assert found["trace-t0"].split == "eval"
    assert found["trace-t1"].split == "train"
    assert found["trace-t2"].split == "eval"
    (corrected,) = (each for each in found.values() if each.stream == "annotations")
    assert corrected.split == "eval"


def test_a_question_on_both_sides_is_kept_for_evals(
    put: Callable[..., DatasetRef], publish: Callable[..., DatasetRef], collect: Callable[..., Any]
) -> None:
    put("traces", {"trace_id": "t0"})
    publish("a", "1.0.0", {"golden_id": "g", "split": "eval"})
    publish("b", "1.0.0", {"golden_id": "g", "split": "train"})
    assert {row.split for row in collect().values()} == {"eval"}


def test_a_users_correction_has_the_prompt_of_its_trace(
    put: Callable[..., DatasetRef], plain: Turn, home: Home
) -> None:
    def said(name: str, trace_id: str, correction: str | None, **fields: Any) -> dict[str, Any]:
        return {"feedback_id": name, "trace_id": trace_id, "correction": correction} | fields

    put(
        "traces",
        {"trace_id": "t0"},
        {"trace_id": "t1", "user_id": "vic", "contexts": [{"context_id": "c", "text": "P"}]},
    )
    ref = put(
        "feedback",
        said("1", "t1", "First."),
        said("2", "t1", "Last.", time="2026-11-11T08:00:00Z"),
        said("3", "t1", "Nobody's.", user_id=None),
        said("4", "t0", None, rating=1.0),
        said("5", "gone", "Lost."),
        said("6", "t1", "Of another tenant.", tenant_id="dam"),
        run_id="said",
    )
    _, found = plain(lambda: collected(["feedback"]))
    rows = {row.text: row for row in evidence_of(home, found)}
    assert set(rows) == {"Last.", "Nobody's."}
    row = rows["Last."]
    assert (row.prompt, row.contexts, row.task_id, row.subject) == ("How long?", ["P"], TASK, "t1")
    assert (row.source_file, row.source_offset, row.run_id, row.role) == (ref.name, 1, "said", "user")
    assert row.row_hash == dataset_row_hash(home.datasets.open(ref).to_arrow().to_pylist()[1])
    assert markers(row) == {"user_correction": "true"}
    assert (row.user_id, rows["Nobody's."].user_id) == ("uma", "vic")
    assert row.recorded_at == datetime(2026, 11, 11, 8, tzinfo=UTC)
    assert found.counts == {"feedback": StreamCounts(taken=2, skipped={"no_trace": 2, "superseded": 1})}
    lines = {skip["line"]: (skip["source"], skip["reason"]) for skip in skips_of(home, found)}
    assert lines == {1: (ref.name, "superseded"), 5: (ref.name, "no_trace"), 6: (ref.name, "no_trace")}


def test_replays_are_evidence_with_the_passages_to_answer_from(
    put: Callable[..., DatasetRef], publish: Callable[..., DatasetRef], plain: Turn, home: Home
) -> None:
    bundle = [
        {"evidence_id": "a", "purpose": "accepted", "text": "So.", "score": 0.5},
        {"evidence_id": "b", "purpose": "warning", "text": "Not so.", "score": 0.5},
    ]
    rows = [
        {"replay_id": "r0", "bundle": bundle, "groundedness": 0.5, "escalated": True, "user_id": "uma"},
        {"replay_id": "r1", "answer": None, "error": "timeout", "passed": False},
        {"replay_id": "r2", "task_id": TASK, "question": "Another way to ask?"},
    ]
    put("replays", *rows, run_id="replayed")
    publish("main", "1.0.0", {"golden_id": "g", "split": "eval", "tenant_id": "mill"})
    _, found = plain(lambda: collected(["replays"]))
    first, second = evidence_of(home, found)
    assert (first.evidence_id, first.task_id, first.producer, first.run_id) == (
        "replay-r0",
        "task",
        "small",
        "replayed",
    )
    assert (first.contexts, first.prompt, first.text, first.user_id) == (["So."], "How long?", "Three years.", "uma")
    assert markers(first) == {
        "passed": "true",
        "tier": "local",
        "groundedness": "0.5",
        "escalated": "true",
        "retrieval": "index",
    }
    assert (first.split, second.split) == ("eval", "eval")
    assert found.counts == {"replays": StreamCounts(taken=2, without_answer=1)}


def test_only_the_named_streams_are_taken(
    put: Callable[..., DatasetRef], ask: Callable[..., None], collect: Callable[..., Any]
) -> None:
    put("traces", {"trace_id": "t0"})
    ask("week", t0=[{}])
    assert {row.stream for row in collect("one", streams=["annotations"]).values()} == {"annotations"}
    assert {row.stream for row in collect("two", streams=["traces"]).values()} == {"traces"}


def test_a_stream_that_does_not_exist_is_refused(plain: Turn) -> None:
    with pytest.raises(BadInputError, match="no stream 'chats'; there are traces, annotations, golden, feedback, repl"):
        plain(lambda: resolve_streams(None, None, None, ["traces", "chats"]))


def file_stream(path: Path, stream: str = "reviews", **fields: Any) -> FileStream:
    named = {name: name for name in ("recorded_at", "task_id", "run_id", "text")}
    mapping = {"stream": stream, "role": {"constant": "reviewer"}, "markers": {"verdict": "verdict"}} | named
    return FileStream(source=source_ref(str(path)), mapping=StreamMapping.model_validate(mapping), **fields)


def test_files_are_streams_beside_the_homes_own(
    put: Callable[..., DatasetRef], plain: Turn, home: Home, tmp_path: Path
) -> None:
    put("traces", {"trace_id": "t0"})
    row = {"recorded_at": "2026-11-09T08:00:00Z", "task_id": "task", "run_id": "r", "text": "mail ann@home.org"}
    path = write_lines(tmp_path / "rows.jsonl", [row | {"verdict": "pass"}, {"text": "nowhere"}, row | {"text": "b"}])
    files = [
        file_stream(path, redaction=redaction_rules("pii")),
        file_stream(path, "audits", default_time=NOW, tenant_id="dam"),
        file_stream(path, "traces"),
    ]
    _, found = plain(lambda: collected(["traces"], files))
    rows = evidence_of(home, found)
    assert [row.stream for row in rows] == ["traces", "reviews", "reviews", "audits", "audits", "traces", "traces"]
    assert ("ann@" in rows[1].text, "ann@" in rows[3].text) == (False, True)
    assert (rows[1].source_file, rows[1].source_offset, markers(rows[1])) == ("rows.jsonl", 0, {"verdict": "pass"})
    assert (rows[1].tenant_id, rows[3].tenant_id) == ("default", "dam")
    (reason,) = {skip["reason"] for skip in skips_of(home, found)}
    assert found.counts == {
        "audits": StreamCounts(taken=2, skipped={reason: 1}),
        "reviews": StreamCounts(taken=2, skipped={reason: 1}),
        "traces": StreamCounts(taken=3, skipped={reason: 1}),
    }


def test_two_files_of_one_name_in_one_stream_are_refused(plain: Turn, tmp_path: Path) -> None:
    paths = [tmp_path / folder / "rows.jsonl" for folder in ("a", "b")]
    for path in paths:
        path.parent.mkdir()
        write_lines(path, [])
    with pytest.raises(BadInputError, match=r"stream reviews has 2 files named rows\.jsonl"):
        plain(lambda: collected(["traces"], [file_stream(path) for path in paths]))


def test_an_interrupted_collection_goes_on_to_the_same_evidence_and_counts(
    put: Callable[..., DatasetRef], plain: Turn, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("traces", {"trace_id": "t0"}, {"trace_id": "t1", "answer": None}, {"trace_id": "t0"})
    put("replays", {"replay_id": "r0"}, {"replay_id": "r1", "answer": None})
    expected = plain(collected, "whole")
    real = tasks.evidence._tally

    def crash_at_the_second(batch: Any) -> Any:
        if "replays" in batch.evidence.column("stream").to_pylist():
            raise KeyboardInterrupt
        return real(batch)

    monkeypatch.setattr(tasks.evidence, "_tally", crash_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        plain(collected, "broken", workers=1)
    monkeypatch.setattr(tasks.evidence, "_tally", real)
    assert plain(collected, "broken", workers=1) == expected
    assert expected[1].counts["traces"] == StreamCounts(taken=1, skipped={"repeated_trace": 1}, without_answer=1)


@pytest.mark.parametrize("stream", ["traces", "annotations", "golden", "replays", "feedback"])
def test_erasure_will_find_the_evidence_of_a_user_and_a_tenant(
    put: Callable[..., DatasetRef],
    ask: Callable[..., None],
    publish: Callable[..., DatasetRef],
    plain: Turn,
    home: Home,
    stream: str,
) -> None:
    put("traces", {"trace_id": "t0", "user_id": "uma"})
    ask("week", {"user_id": "uma"}, t0=[{}])
    publish("main", "1.0.0", {"golden_id": "g"})
    put("replays", {"replay_id": "r", "user_id": "uma"})
    put("feedback", {"feedback_id": "f", "trace_id": "t0", "correction": "Four.", "user_id": None})
    streams, found = plain(lambda: collected([stream]), "distil")
    assert found.evidence.rows == 1
    for kind, name in (("user", "uma"), ("tenant", "mill")):
        hashed = subjects.keyed_hash(home.subject_key, kind, name)  # type: ignore[arg-type]
        held = set(subjects.datasets_of_subject(home.ledger, kind, hashed))  # type: ignore[arg-type]
        assert found.evidence.content_hash in held
        assert all(source.annotations.content_hash in held for source in streams.annotations)


def examples(home: Home, found: EvalExamples) -> list[EvalExample]:
    return rows_of(EvalExample, home.datasets.open(found.examples).to_arrow())


def test_eval_examples_are_the_eval_side_of_every_golden_dataset_and_the_files(
    publish: Callable[..., DatasetRef], plain: Turn, home: Home, tmp_path: Path
) -> None:
    publish("main", "1.0.0", {"golden_id": "g1", "split": "eval"}, {"golden_id": "g2", "question": "How wide?"})
    publish(
        "more", "1.0.0", {"golden_id": "g1", "split": "eval"}, {"golden_id": "g3", "split": "eval", "tenant_id": "dam"}
    )
    rows: list[dict[str, Any]] = [
        {"question": "How high is ann@mill.example?", "id": 7, "expected_answer": "Tall.", "note": "left out"},
        {"question": "How deep?", "expected_answer": None, "tenant_id": "mill"},
        {"question": " "},
        {"answer": "no question"},
        {"question": "\ud800"},
        {"question": 3},
        {"question": "Why?", "expected_answer": "\ud800"},
    ]
    path = write_lines(tmp_path / "evals.jsonl", rows)
    path.write_text(path.read_text() + "no json\n\n" + json.dumps({"question": "Last?"}))

    def body() -> EvalExamples:
        streams = resolve_streams(["mill"], None, None, ["replays"])
        found: EvalExamples = collect_eval_examples(streams, [source_ref(str(path))], redaction_rules())
        return found

    found: EvalExamples = plain(body)
    assert [(each.eval_id, each.tenant_id, each.expected_answer) for each in examples(home, found)] == [
        ("file evals.jsonl 7", "default", "Tall."),
        ("file evals.jsonl row 10", "default", None),
        ("file evals.jsonl row 2", "mill", None),
        ("golden main g1", "mill", "Three years."),
        ("golden more g3", "dam", "Three years."),
    ]
    assert examples(home, found)[0].question.startswith("How high is ")
    assert "ann@mill" not in examples(home, found)[0].question
    skipped = home.datasets.open(found.skips).to_arrow().to_pylist()
    assert [(row["line"], row["reason"]) for row in skipped] == [
        (3, "wrong_type"),
        (4, "missing_field"),
        (5, "lone_surrogate"),
        (6, "wrong_type"),
        (7, "lone_surrogate"),
        (8, "not_json"),
    ]
    assert {row["source"] for row in skipped} == {"evals.jsonl"}
