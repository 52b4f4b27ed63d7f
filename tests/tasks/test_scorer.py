"""The scorer's turn of the wheel: labels from the ledger, a fit, a pointer that nobody overwrites unseen."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

import blocks.embedder
from blocks.names import EmbedderName
from millrace.ledger import pointers, queue, runs
from millrace.ledger.annotations import submit
from millrace.ledger.tasks import NewTask
from millrace.methods.groundedness import GroundednessCoefficients, GroundednessModel
from millrace.methods.groundedness_gate import RefitConfig
from millrace.methods.groundedness_refit import RefitOutcome
from millrace.records.annotation import AnnotationTask
from millrace.records.trace import RetrievedContext, utc
from tasks.annotation import snapshot_labels
from tasks.home import Home
from tasks.run import current_run
from tasks.scorer import POINTER, ActiveScorer, PublishedScorer, publish_scorer, read_active_scorer, refit_scorer
from tasks.tables import groundedness_model
from tests.support.embedder import stand_in
from tests.tasks.turns import Turn

NOON = utc(2026, 11, 16, 12)
PASSAGE = "The mill stands in York. Water drives its great wheel."
NOTHING = groundedness_model().model_copy(
    update={"coefficients": GroundednessCoefficients(**dict.fromkeys(GroundednessCoefficients.model_fields, 0.0))}
)
CONFIG = RefitConfig(n_resamples=200, n_repeats=1)


@pytest.fixture(autouse=True)
def _hashed_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks.embedder, "_block", stand_in)


def question(number: int) -> AnnotationTask:
    answer = "Water drives its great wheel." if number % 2 else "Steam engines replaced every turbine."
    return AnnotationTask(
        task_id=f"task-{number:02d}",
        question_key=f"{number:064x}",
        tenant_id="a",
        trace_id=f"t{number}",
        question=f"question {number}",
        contexts=[RetrievedContext(context_id="c", text=PASSAGE)],
        answer=answer,
        why="",
        position=number + 1,
        estimated_minutes=1,
    )


def ask(numbers: range) -> Callable[[], None]:
    """A body that queues these questions for its run."""

    def body() -> None:
        run = current_run()
        asked = [question(number) for number in numbers]
        new = [
            NewTask(
                task_id=each.task_id,
                question_key=each.question_key,
                tenant_id="a",
                position=each.position,
                payload=each.model_dump(mode="json"),
            )
            for each in asked
        ]
        queue.enqueue(run.home.ledger, new, run.run_id, NOON)

    return body


def answer(home: Home, number: int, minute: int = 0, annotator: str = "ada") -> None:
    said = {"verdict": "ok", "expected_behaviour": "abstain", "support": "all" if number % 2 else "none"}
    submit(home.ledger, f"task-{number:02d}", annotator, said, NOON + timedelta(minutes=minute))


def learn(current: ActiveScorer) -> tuple[RefitOutcome, PublishedScorer]:
    outcome = refit_scorer(current, groundedness_model(), snapshot_labels(), EmbedderName(), CONFIG)
    return outcome, publish_scorer(current, outcome)


def use(home: Home, model: GroundednessModel, fitted_on: tuple[str, ...] = ()) -> None:
    value = ActiveScorer(model=model, fitted_on=list(fitted_on)).model_dump(mode="json")
    pointers.set_pointer(home.ledger, POINTER, value, at=NOON, run_id="before")


def test_the_shipped_scorer_is_in_use_until_another_is_published(home: Home, plain: Turn) -> None:
    assert plain(read_active_scorer, "first") == ActiveScorer(model=groundedness_model(), fitted_on=[])
    use(home, NOTHING, ("t",))
    assert plain(read_active_scorer, "second") == ActiveScorer(model=NOTHING, fitted_on=["t"])


def test_only_labels_of_approved_runs_and_of_its_own_teach_the_scorer(home: Home, plain: Turn) -> None:
    plain(ask(range(2)), "approved")
    plain(ask(range(2, 4)), "rejected")
    runs.update_run(home.ledger, "rejected", status="rejected")
    for number in range(4):
        answer(home, number)

    def body() -> RefitOutcome:
        ask(range(4, 6))()
        answer(home, 4)
        return refit_scorer(read_active_scorer(), groundedness_model(), snapshot_labels(), EmbedderName(), CONFIG)

    found = plain(body, "this")
    assert (found.n_labels, found.n_unsupported) == (3, 2)


def test_a_better_scorer_is_published_with_the_tasks_it_saw(home: Home, plain: Turn) -> None:
    use(home, NOTHING)
    plain(ask(range(40)), "asked")
    for number in range(40):
        answer(home, number)
    outcome, published = plain(lambda: learn(read_active_scorer()), "learns")
    assert outcome.better, outcome.reason
    assert published == PublishedScorer(published=True, source="embedded-groundedness/2", reason=outcome.reason)
    active = plain(read_active_scorer, "next")
    assert active == ActiveScorer(model=outcome.model, fitted_on=[f"task-{number:02d}" for number in range(40)])
    again, unchanged = plain(lambda: learn(read_active_scorer()), "learns again")
    assert (again.better, again.n_compared) == (False, 0)
    assert (unchanged.published, unchanged.source) == (False, "embedded-groundedness/2")


def test_too_few_labels_leave_the_scorer_in_use_and_say_so(home: Home, plain: Turn) -> None:
    outcome, published = plain(lambda: learn(read_active_scorer()))
    assert published == PublishedScorer(published=False, source="embedded-groundedness/1", reason=outcome.reason)
    assert outcome.reason.startswith("too few labels")
    assert pointers.pointer(home.ledger, POINTER) is None


def a_better_one(**change: Any) -> RefitOutcome:
    labels = {"n_labels": 40, "n_unsupported": 20, "source_before": "embedded-groundedness/1"}
    none = {"mean": None, "low": None, "high": None, "n": 0, "confidence": 0.95, "method": "bootstrap"}
    estimates = dict.fromkeys(("auc_before", "auc_after", "improvement"), none | {"reason": "no_items"})
    model = NOTHING.model_copy(update={"version": 2})
    given = {"better": True, "reason": "better", "model": model.model_dump(), "fitted_on": ["t"]}
    return RefitOutcome.model_validate(labels | estimates | given | change)


def test_what_another_run_published_meanwhile_is_not_overwritten(home: Home, plain: Turn) -> None:
    theirs = NOTHING.model_copy(update={"version": 7})

    def body() -> PublishedScorer:
        current = read_active_scorer()
        use(home, theirs)
        return publish_scorer(current, a_better_one())

    found = plain(body)
    assert (found.published, found.source) == (False, "embedded-groundedness/7")
    assert "another run published" in found.reason
    assert plain(read_active_scorer, "next").model == theirs


def test_publishing_again_after_a_crash_changes_nothing(home: Home, plain: Turn) -> None:
    def body() -> list[PublishedScorer]:
        current = read_active_scorer()
        outcome = a_better_one()
        # the effect's own function stands for its being run again before it was noted as done
        return [publish_scorer(current, outcome), publish_scorer(current, outcome)]

    assert [each.published for each in plain(body)] == [True, True]
    assert len(pointers.pointer_history_of(home.ledger, POINTER)) == 1
