"""The set is balanced, says where each label is from, and is the same for the same seed."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest

from millrace.datasets.schema import table_of
from millrace.errors import BadInputError
from millrace.evaluation.calibration_case import CalibrationCase
from millrace.evaluation.calibration_set import build_calibration_set
from millrace.methods.text import content_words
from millrace.records.annotation import Annotation, AnnotationTask
from millrace.records.document import Chunk
from millrace.records.trace import RetrievedContext, Turn, utc

LETTERS = "abcdefghijklmnopqrstuvwxyz"
PLACES = (
    "York",
    "Leeds",
    "Ripon",
    "Selby",
    "Whitby",
    "Thirsk",
    "Malton",
    "Hull",
    "Otley",
    "Skipton",
    "Settle",
    "Bingley",
)


def nonce(number: int, place: int) -> str:
    """A word that no other passage has."""
    return "".join(LETTERS[(number // 26**i + 7 * place) % 26] for i in range(2)) + "ock"


def chunk(number: int, tenant: str = "acme") -> Chunk:
    """Three usable sentences: with a number, with a name, with neither; others share at most half of their words."""
    w = [nonce(number, place) for place in range(10)]
    text = (
        f"The {w[0]} {w[1]} was repaired after {1700 + number} by several {w[2]} masons. "
        f"Farmers brought {w[0]} {w[3]} to the {w[4]} near {PLACES[number * 5 % 12]} every {w[5]} morning. "
        f"A {w[6]} keeper inspects {w[7]} {w[8]} gates and {w[9]} daily."
    )
    return Chunk(
        chunk_id=f"{tenant}-{number}",
        doc_id=f"doc-{number % 7}",
        tenant_id=tenant,
        user_id="ops",
        title="t",
        headings=[],
        text=text,
        start=0,
        end=len(text),
        position=0,
    )


CHUNKS = [chunk(number) for number in range(40)]


def task(number: int, answer: str | None = None, contexts: int = 1) -> AnnotationTask:
    return AnnotationTask(
        task_id=f"task-{number:03}",
        question_key=f"{number:064x}",
        tenant_id="acme",
        trace_id=f"trace-{number}",
        question=f"What of {number}?",
        history=[Turn(speaker="user", text="Before?")],
        contexts=[RetrievedContext(context_id=f"c{n}", text=f"Passage {n} of {number}.") for n in range(contexts)],
        answer=f"It is answer {number}." if answer is None else answer,
        why="",
        position=1,
        estimated_minutes=1,
    )


def said(number: int, support: str, annotator: str = "ada") -> Annotation:
    return Annotation(
        annotation_id=f"{number}-{annotator}",
        task_id=f"task-{number:03}",
        trace_id=f"trace-{number}",
        annotator=annotator,
        verdict="ok",
        expected_behaviour="abstain",
        submitted_at=utc(2026, 11, 16) + timedelta(minutes=number),
        support=support,  # type: ignore[arg-type]
    )


NO_TASKS = table_of(AnnotationTask, [])
NOTHING_SAID = table_of(Annotation, [])


def built(
    size: int = 24, seed: int = 0, chunks: list[Chunk] | None = None, **people: pa.Table
) -> list[CalibrationCase]:
    tasks, annotations = people.get("tasks", NO_TASKS), people.get("annotations", NOTHING_SAID)
    return build_calibration_set(CHUNKS if chunks is None else chunks, tasks, annotations, size=size, seed=seed)


def people(labels: dict[int, str], **fields: Any) -> dict[str, pa.Table]:
    tasks = [task(number, **fields) for number in labels]
    return {
        "tasks": table_of(AnnotationTask, tasks),
        "annotations": table_of(Annotation, [said(number, support) for number, support in labels.items()]),
    }


def strata(cases: list[CalibrationCase]) -> Counter[tuple[str, str, str]]:
    return Counter((case.origin, case.label, case.labelled_by) for case in cases)


def test_half_is_supported_and_the_unsupported_are_of_three_kinds_alike() -> None:
    assert strata(built(24)) == {
        ("own_passage", "supported", "construction"): 12,
        ("other_number", "unsupported", "construction"): 4,
        ("other_name", "unsupported", "construction"): 4,
        ("other_passage", "unsupported", "construction"): 4,
    }


def test_of_an_odd_number_one_more_is_unsupported() -> None:
    assert Counter(case.label for case in built(7)) == {"supported": 3, "unsupported": 4}


def test_labels_by_construction_hold() -> None:
    texts = {each.text: each for each in CHUNKS}
    for case in built(40):
        (passage,) = case.contexts
        sentence_is_there = case.answer in texts[passage].text
        assert sentence_is_there is (case.label == "supported")
        if case.origin == "other_passage":
            asked = set(content_words(case.answer))
            assert len(asked & set(content_words(passage))) <= len(asked) / 2


def test_no_sentence_is_used_twice() -> None:
    cases = built(40)
    assert len({case.case_id for case in cases}) == 40
    plain = [case.answer for case in cases if case.origin in ("own_passage", "other_passage")]
    assert len(set(plain)) == len(plain)


def test_the_same_seed_gives_the_same_set_in_whatever_order_passages_come() -> None:
    assert built(30) == built(30, chunks=CHUNKS[::-1])
    assert built(30) != built(30, seed=1)


def test_nothing_is_mixed_between_tenants() -> None:
    both = CHUNKS + [chunk(number + 100, "other") for number in range(40)]
    owner = {each.text: each.tenant_id for each in both}
    made = [case for case in built(60, chunks=both) if case.origin == "other_passage"]
    assert {owner[case.contexts[0]] for case in made} == {"acme", "other"}
    for case in made:
        assert [each.tenant_id for each in both if case.answer in each.text] == [owner[case.contexts[0]]]


def test_peoples_labels_fill_up_to_half_of_each_label() -> None:
    labels = dict.fromkeys(range(8), "all") | dict.fromkeys(range(8, 10), "none") | {10: "part"}
    counted = strata(built(24, **people(labels)))
    assert counted[("annotation", "supported", "people")] == 6
    assert counted[("annotation", "unsupported", "people")] == 3
    assert counted.total() == 24
    assert sum(n for (_, label, _), n in counted.items() if label == "supported") == 12


def test_a_labelled_answer_keeps_its_question_history_and_all_its_passages() -> None:
    (case,) = [case for case in built(24, **people({1: "all"}, contexts=2)) if case.labelled_by == "people"]
    assert (case.question, case.answer, case.source) == ("What of 1?", "It is answer 1.", "task-001")
    assert case.contexts == ["Passage 0 of 1.", "Passage 1 of 1."]
    assert [turn.text for turn in case.history] == ["Before?"]


@pytest.mark.parametrize("fields", [{"answer": " "}, {"answer": "I do not know."}, {"contexts": 0}])
def test_an_answer_that_claims_nothing_or_has_no_passage_is_no_case(fields: dict[str, Any]) -> None:
    assert {case.labelled_by for case in built(24, **people({1: "all"}, **fields))} == {"construction"}


def test_answers_that_people_disagree_on_are_left_out() -> None:
    tables = people({1: "all"})
    tables["annotations"] = table_of(Annotation, [said(1, "all"), said(1, "part", "ben")])  # .75
    assert {case.labelled_by for case in built(24, **tables)} == {"construction"}


def test_too_few_sentences_are_refused_with_what_there_is() -> None:
    with pytest.raises(BadInputError, match=r"6 usable sentences and 0 labelled answers make \d cases, not 24"):
        built(24, chunks=CHUNKS[:2])


def test_where_a_kind_runs_short_the_others_stand_in() -> None:
    plain = [each.model_copy(update={"text": each.text.split(". ", 1)[1].split(". ")[-1]}) for each in CHUNKS]
    counted = strata(built(12, chunks=plain))
    assert counted[("other_passage", "unsupported", "construction")] == 6
