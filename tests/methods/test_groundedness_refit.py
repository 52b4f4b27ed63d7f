"""The scorer learns from what people say, and only a better one passes."""

from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy.special import expit

from millrace.datasets.schema import table_of
from millrace.methods.groundedness import GroundednessModel
from millrace.methods.groundedness_belief import measured_features, scorer_belief, traces_of_tasks
from millrace.methods.groundedness_fit import coefficients_of, weights_of
from millrace.methods.groundedness_gate import Comparison, LabelledCases, RefitConfig, compare
from millrace.methods.groundedness_labels import said_support, support_labels
from millrace.methods.groundedness_refit import RefitOutcome, refit_groundedness
from millrace.records.annotation import Annotation, AnnotationTask
from millrace.records.trace import RetrievedContext, utc
from tasks.tables import groundedness_model
from tests.support.embedder import HashedWords

MODEL = groundedness_model()
SHIPPED = weights_of(MODEL.coefficients)
QUICK = RefitConfig(n_resamples=200, n_repeats=2)
NOON = utc(2026, 11, 16, 12)
PASSAGE = "The mill stands in York. It was built in 1850 by Anna Reed. Water drives its great wheel."
SUPPORTED = ["Water drives its great wheel.", "The mill stands in York.", "It was built in 1850 by Anna Reed."]
INVENTED = [
    "Steam engines replaced every turbine.",
    "Carl Young burned it down in 1923.",
    "Barley prices rose quickly.",
]


def annotation(task: str, annotator: str = "ada", minute: int = 0, **said: Any) -> Annotation:
    known = {"verdict": "ok", "expected_behaviour": "abstain"} | said
    return Annotation(
        annotation_id=f"{task}-{annotator}-{minute}",
        task_id=task,
        trace_id=f"trace-{task}",
        annotator=annotator,
        submitted_at=NOON + timedelta(minutes=minute),
        **known,
    )


def task(task_id: str, question: str = "What of the mill?", answer: str | None = "So.") -> AnnotationTask:
    return AnnotationTask(
        task_id=task_id,
        question_key="0" * 64,
        tenant_id="a",
        trace_id=f"trace-{task_id}",
        question=question,
        contexts=[RetrievedContext(context_id="c", text=PASSAGE)],
        answer=answer,
        why="",
        position=1,
        estimated_minutes=1,
    )


def labels(*annotations: Annotation) -> dict[str, float]:
    tasks = table_of(AnnotationTask, [task(name, f"question of {name}") for name in ("t1", "t2")])
    found = support_labels(tasks, table_of(Annotation, annotations))
    return {label.task_id: label.support for label in found}


@pytest.mark.parametrize(
    ("said", "share"),
    [
        ({"support": "all", "verdict": "hallucination"}, 1.0),
        ({"support": "part"}, 0.5),
        ({"support": "none", "verdict": "ok", "expected_behaviour": "answer"}, 0.0),
        ({"verdict": "hallucination"}, 0.0),
        ({"verdict": "ok", "expected_behaviour": "answer"}, 1.0),
        ({"verdict": "ok", "expected_behaviour": "abstain"}, None),
        ({"verdict": "irrelevant_answer", "expected_behaviour": "answer"}, None),
        ({"verdict": "retrieval_failure"}, None),
    ],
)
def test_support_is_what_was_said_of_it_or_what_the_verdict_implies(said: dict[str, Any], share: float | None) -> None:
    assert said_support(annotation("t1", **said)) == share


def test_of_one_person_the_last_answer_counts_and_of_several_the_mean() -> None:
    early, late = annotation("t1", support="none"), annotation("t1", minute=1, support="all")
    assert labels(late, early) == {"t1": 1.0}
    assert labels(late, early, annotation("t1", "bob", support="part")) == {"t1": 0.75}


def test_an_adjudication_counts_instead_of_the_others() -> None:
    settled = annotation("t1", "eve", minute=2, support="part", adjudicates=True)
    assert labels(annotation("t1", support="all"), annotation("t1", "bob", support="all"), settled) == {"t1": 0.5}
    silent = annotation("t1", "eve", minute=2, verdict="system_error", adjudicates=True)
    assert labels(annotation("t1", support="all"), silent) == {}


def test_answers_that_say_nothing_of_support_or_belong_to_no_task_give_no_label() -> None:
    assert labels(annotation("t1", verdict="system_error"), annotation("gone", support="all")) == {}


def drawn(truth: np.ndarray, n: int, seed: int) -> LabelledCases:
    """Cases whose labels follow other weights; word shares are high, as they are in traffic."""
    random = np.random.default_rng(seed)
    shares = np.column_stack([random.beta(4, 2, n), random.beta(2, 3, n), *(random.beta(1, 8, n) for _ in range(2))])
    features = np.column_stack([np.ones(n), shares, random.normal(0, 0.1, n)])
    support = (random.random(n) < expit(features @ truth)).astype(float)
    groups = [f"{number // 2:04d}" for number in range(n)]
    return LabelledCases(features, support, support <= 0.5, groups, np.ones(n, dtype=np.bool_))


def compared(cases: LabelledCases, config: RefitConfig = QUICK) -> Comparison:
    return compare(cases, cases.features @ SHIPPED, SHIPPED, config)


def test_where_the_scorer_in_use_is_right_a_new_one_hardly_ever_passes() -> None:
    # 40 draws: at 5 % false publications, more than 5 happen once in 100
    assert sum(compared(drawn(SHIPPED, 80, seed)).better for seed in range(40)) <= 5


def test_where_the_scorer_in_use_is_wrong_a_new_one_passes() -> None:
    wrong = SHIPPED - np.array([2.5, 0, 0, 0, 0, 0])
    found = [compared(drawn(wrong, 120, seed)) for seed in range(10)]
    assert sum(each.better for each in found) >= 6
    assert all(each.improvement.low > 0 for each in found if each.better and each.improvement.low is not None)


def test_a_scorer_that_ranks_worse_does_not_pass_however_much_its_loss_falls() -> None:
    cases = drawn(SHIPPED - np.array([2.5, 0, 0, 0, 0, 0]), 120, 1)
    perfect = np.where(cases.unsupported, 5.0, 5.1)  # ranks everything right, and believes nothing is unsupported
    found = compare(cases, perfect, SHIPPED, QUICK)
    assert found.improvement.low is not None
    assert found.improvement.low > 0
    assert not found.better
    assert found.reason.startswith("ranks worse: AUC 1.000 before")


def test_labels_that_the_scorer_in_use_was_fitted_on_are_not_compared() -> None:
    cases = drawn(SHIPPED, 80, 1)
    half = LabelledCases(cases.features, cases.support, cases.unsupported, cases.groups, np.arange(80) < 40)
    found = compare(half, cases.features @ SHIPPED, SHIPPED, RefitConfig(minimum_of_each=2, n_resamples=100))
    assert found.n == 40
    none = LabelledCases(cases.features, cases.support, cases.unsupported, cases.groups, np.zeros(80, np.bool_))
    assert compared(none).reason.startswith("too few labels that the scorer in use has not seen: 0 of supported and 0")


def test_without_labels_there_is_a_reason_and_no_number() -> None:
    nothing = LabelledCases(np.empty((0, 6)), np.empty(0), np.empty(0, np.bool_), [], np.empty(0, np.bool_))
    found = compare(nothing, np.empty(0), SHIPPED, QUICK)
    assert (found.better, found.enough, found.improvement.mean, found.improvement.reason) == (
        False,
        False,
        None,
        "no_items",
    )


def test_a_question_is_never_on_both_sides_of_a_fold() -> None:
    # Six questions, each asked 20 times in a direction of its own, with a label of its own: seen, it is known; unseen,
    # nothing tells it. Split questions would look like a large gain.
    kinds = np.repeat(np.arange(6), 20)
    support = (kinds % 2).astype(float)
    cases = LabelledCases(3 * np.eye(6)[kinds], support, support < 1, [f"q{k}" for k in kinds], np.ones(120, np.bool_))
    found = compare(cases, np.zeros(120), np.zeros(6), QUICK)
    assert found.improvement.mean is not None
    assert found.improvement.mean <= 1e-9


def test_a_few_questions_cannot_be_cut_into_folds() -> None:
    cases = drawn(SHIPPED - 2 * np.eye(6)[0], 80, 1)
    one_question = LabelledCases(cases.features, cases.support, cases.unsupported, ["q"] * 80, cases.fresh)
    assert compared(one_question).reason == "labels of 1 different questions, 5 are needed"


def said_of(n: int, of_supported: str, of_invented: str) -> tuple[pa.Table, pa.Table]:
    """n tasks, by turns with a supported and an invented answer, and what people say of each kind."""
    kinds = [(SUPPORTED, of_supported), (INVENTED, of_invented)]
    tasks, annotations = [], []
    for number in range(n):
        answers, support = kinds[number % 2]
        name = f"t{number:03d}"
        tasks.append(task(name, f"question {number}", answers[number // 2 % 3]))
        annotations.append(annotation(name, support=support))
    return table_of(AnnotationTask, tasks), table_of(Annotation, annotations)


def refitted(tasks: pa.Table, annotations: pa.Table, current: GroundednessModel = MODEL, **known: Any) -> RefitOutcome:
    return refit_groundedness(
        tasks, annotations, current=current, first=MODEL, embedder=HashedWords(), config=QUICK, **known
    )


def test_a_scorer_that_knew_nothing_is_replaced_and_the_new_one_is_named() -> None:
    blank = MODEL.model_copy(update={"coefficients": coefficients_of(np.zeros(6))})
    found = refitted(*said_of(40, "all", "none"), current=blank)
    assert found.better, found.reason
    assert (found.n_labels, found.n_unsupported, found.n_compared) == (40, 20, 40)
    assert (found.source_before, found.source_after) == ("embedded-groundedness/1", "embedded-groundedness/2")
    assert found.model is not None
    assert found.model.version == 2
    assert found.fitted_on == [f"t{number:03d}" for number in range(40)]
    assert found.auc_after.mean == 1.0
    assert RefitOutcome.model_validate_json(found.model_dump_json()) == found


def test_order_of_rows_changes_nothing() -> None:
    tasks, annotations = said_of(24, "all", "none")
    backwards = pa.array(range(24)[::-1])
    assert refitted(tasks, annotations) == refitted(tasks.take(backwards), annotations.take(backwards))


def test_labels_that_were_seen_enter_the_fit_but_not_the_comparison() -> None:
    tasks, annotations = said_of(40, "all", "none")
    found = refitted(tasks, annotations, seen_by_current=[f"t{number:03d}" for number in range(20)])
    assert (found.n_labels, found.n_compared, len(found.fitted_on)) == (40, 20, 40)


def test_answers_that_cannot_be_scored_teach_nothing() -> None:
    tasks = table_of(AnnotationTask, [task("t1", answer=None), task("t2", answer="I do not know.")])
    found = refitted(tasks, table_of(Annotation, [annotation("t1", support="all"), annotation("t2", support="all")]))
    assert (found.n_labels, found.better, found.model) == (0, False, None)


def test_nobody_answered() -> None:
    found = refitted(table_of(AnnotationTask, []), table_of(Annotation, []))
    assert (found.n_labels, found.better, found.model, found.fitted_on) == (0, False, None, [])


def test_weights_are_more_certain_along_what_was_answered() -> None:
    tasks, _ = said_of(6, "all", "none")
    before, after = scorer_belief(MODEL, HashedWords()), scorer_belief(MODEL, HashedWords(), tasks)
    for features in measured_features(traces_of_tasks(tasks), HashedWords(), MODEL).values():
        assert features @ after.covariance @ features < features @ before.covariance @ features
