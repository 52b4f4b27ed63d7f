"""Which annotations are records, which are skips, and what they say of traces together."""

from pathlib import Path
from typing import Any

import pytest

from millrace.distillation.annotation_stream import (
    AnnotatedRun,
    AnnotationRules,
    annotation_jobs,
    count_annotations,
    said_of_traces,
    users_who_asked,
)
from millrace.distillation.evidence import EvidenceBatch
from millrace.distillation.golden_stream import QuestionSplits
from millrace.distillation.streams import Scope
from millrace.distillation.trace_index import TraceIndex
from tests.support.stored import source, stored


def answer(number: int, task: str = "k0", **fields: Any) -> dict[str, Any]:
    known = {"annotation_id": f"a{number}", "task_id": task, "trace_id": task.replace("k", "t")}
    return known | {"annotator": f"person-{number}"} | fields


@pytest.fixture
def run(tmp_path: Path) -> AnnotatedRun:
    """Tasks k0 and k1, and five answers, one of them to a task that is not there."""
    tasks = [{"task_id": "k0", "trace_id": "t0"}, {"task_id": "k1", "trace_id": "t1", "user_id": "uma"}]
    answers = [answer(0), answer(1), answer(2, "k1"), answer(3, "gone"), answer(4, "k1", expected_answer=None)]
    return AnnotatedRun(stored(tmp_path, "annotation_tasks", *tasks), source(tmp_path, "annotations", *answers))


def batch_of(run: AnnotatedRun, tmp_path: Path, refused: dict[str, str], scope: Scope) -> EvidenceBatch:
    index = TraceIndex([source(tmp_path, "traces", {"trace_id": "t0"})], scope)
    (job,) = annotation_jobs([run], index, AnnotationRules(refused, scope, QuestionSplits([])))
    return job()


def test_what_settles_nothing_is_a_skip_unless_it_agrees_or_disagrees(run: AnnotatedRun, tmp_path: Path) -> None:
    refused = {"a0": "superseded", "a1": "second_opinion", "a2": "disagreement", "a3": "unknown_task"}
    batch = batch_of(run, tmp_path, refused, Scope())
    assert batch.evidence.column("evidence_id").to_pylist() == ["annotation-a1", "annotation-a2"]
    assert batch.evidence.column("source_offset").to_pylist() == [1, 2]
    skipped = batch.skips.select(["source", "line", "reason"]).to_pylist()
    assert skipped == [
        {"source": run.answers.name, "line": 1, "reason": "superseded"},
        {"source": run.answers.name, "line": 4, "reason": "unknown_task"},
    ]
    hashes = batch.skips.column("row_hash").to_pylist()
    assert len(set(hashes)) == 2
    assert all(len(each) == 64 for each in hashes)


def test_within_a_window_only_traces_of_the_index_count(run: AnnotatedRun, tmp_path: Path) -> None:
    refused = {"a3": "unknown_task"}
    near = Scope(start="2026-11-09T00:00:00Z", end="2026-11-10T00:00:00Z")  # type: ignore[arg-type]
    assert batch_of(run, tmp_path, refused, near).evidence.column("subject").to_pylist() == ["t0", "t0"]
    index = TraceIndex([source(tmp_path, "traces", {"trace_id": "t0"})], near)
    assert [count_annotations([run], index, scope) for scope in (near, Scope())] == [3, 5]


def test_of_two_tasks_on_one_trace_the_one_answered_last_comes_last(tmp_path: Path) -> None:
    tasks = [{"task_id": name, "trace_id": "t0"} for name in ("k0", "k1")]
    rows = [
        answer(0, "k0", trace_id="t0", verdict="ok", support="all", submitted_at="2026-11-13T08:00:00Z"),
        answer(1, "k0", trace_id="t0", verdict="ok", submitted_at="2026-11-11T08:00:00Z"),
        answer(2, "k1", trace_id="t0", submitted_at="2026-11-12T08:00:00Z"),
    ]
    run = AnnotatedRun(stored(tmp_path, "annotation_tasks", *tasks), source(tmp_path, "annotations", *rows))
    said = said_of_traces([run], {"a1": "second_opinion"}).to_pylist()
    assert [(row["annotation"], row["annotation_support"]) for row in said] == [("hallucination", None), ("ok", "all")]
    contested = said_of_traces([run], {"a0": "disagreement", "a1": "disagreement"}).to_pylist()[-1]
    assert (contested["annotation"], contested["annotation_disagreement"]) == (None, True)


def test_users_are_known_by_the_traces_they_asked(run: AnnotatedRun) -> None:
    assert users_who_asked([run]) == {"t1": "uma"}
    assert users_who_asked([]) == {}
