"""What becomes a golden row, in which version; order and repetition change nothing."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from millrace.datasets.schema import rows_of
from millrace.datasets.validation import bad_rows
from millrace.errors import BadInputError
from millrace.golden.build import GoldenBuild, GoldenConfig, build_golden
from millrace.golden.groups import new_group
from millrace.golden.history import GoldenHistory, Removal, departed_rows, remove_by_hand
from millrace.golden.usable import Rejection
from millrace.records.golden import GoldenRow
from millrace.records.trace import utc

CONFIG = GoldenConfig()


NO_HISTORY = GoldenHistory()


def build(
    said: Any,
    embedder: Any,
    parent: GoldenBuild | None = None,
    config: GoldenConfig = CONFIG,
    history: GoldenHistory = NO_HISTORY,
) -> GoldenBuild:
    annotations, tasks = said.tables()
    if parent is None:
        return build_golden(None, annotations, tasks, embedder, config, None, history)
    return build_golden(parent.rows, annotations, tasks, embedder, config, parent.version, history)


def by_question(found: GoldenBuild) -> dict[str, dict[str, Any]]:
    return {row["question"]: row for row in found.rows.to_pylist()}


def only(said: Any, task_id: str, annotation_id: str | None = None) -> Any:
    """The annotations of one task, or one of them."""
    part = type(said)()
    part.tasks = {task_id: said.tasks[task_id]}
    part.annotations = [
        each for each in said.annotations if each.task_id == task_id and annotation_id in (None, each.annotation_id)
    ]
    return part


def questions(found: GoldenBuild) -> list[str]:
    return sorted(found.rows.column("question").to_pylist())


def reasons(found: GoldenBuild) -> dict[str, str]:
    return {each.annotation_id: each.reason for each in found.rejected}


def test_the_first_version_holds_what_was_annotated(said: Any, embedder: Any) -> None:
    annotation_id = said.add("q0", turn="t0")
    found = build(said, embedder)
    assert (found.version, found.added, found.rejected, found.warnings) == ("1.0.0", 1, [], [])
    row = rows_of(GoldenRow, found.rows)[0]
    assert (row.question, row.history[0].text, row.tenant_id) == ("q0", "t0", "a")
    assert (row.expected_behaviour, row.expected_answer, row.category) == ("answer", "Two years.", "hallucination")
    assert (row.annotation_id, row.source_trace_id, row.added_in) == (annotation_id, "trace-a-t0-q0", "1.0.0")


def test_nothing_annotated_makes_no_version(said: Any, embedder: Any) -> None:
    found = build(said, embedder)
    assert (found.version, found.added, found.rows.num_rows) == (None, 0, 0)


def test_an_import_that_adds_raises_the_minor_version(said: Any, embedder: Any) -> None:
    said.add("q0")
    first = build(said, embedder)
    said.add("q90")
    second = build(said, embedder, first)
    assert (second.version, second.added) == ("1.1.0", 1)
    assert sorted(second.rows.column("added_in").to_pylist()) == ["1.0.0", "1.1.0"]


def test_an_import_that_adds_nothing_makes_no_version(said: Any, embedder: Any) -> None:
    said.add("q0")
    first = build(said, embedder)
    said.add("q1")
    second = build(said, embedder, first)
    assert (second.version, second.added) == ("1.0.0", 0)
    assert second.rows.equals(first.rows)
    first_id = first.rows.column("golden_id").to_pylist()[0]
    assert second.rejected == [Rejection(annotation_id="a--q1-ann-9", reason="near_duplicate", detail=first_id)]


@pytest.mark.parametrize(("degrees", "n_rows"), [(18, 1), (19, 2)])
def test_near_duplicates_begin_at_a_cosine_of_95_hundredths(
    said: Any, embedder: Any, degrees: int, n_rows: int
) -> None:
    # cos 18 = .951, cos 19 = .946
    said.add("q0")
    said.add(f"q{degrees}", submitted_at=utc(2026, 11, 10))
    assert build(said, embedder).rows.num_rows == n_rows


def test_of_near_duplicates_the_first_submitted_stays(said: Any, embedder: Any) -> None:
    said.add("q0", submitted_at=utc(2026, 11, 11))
    said.add("q5", submitted_at=utc(2026, 11, 10))
    assert questions(build(said, embedder)) == ["q5"]


def test_what_only_resembles_a_dropped_question_stays(said: Any, embedder: Any) -> None:
    # q15 resembles q0 and q30, which do not resemble each other (cos 30 = .866)
    for day, question in enumerate(["q0", "q15", "q30"], start=9):
        said.add(question, submitted_at=utc(2026, 11, day))
    assert questions(build(said, embedder)) == ["q0", "q30"]


def test_a_duplicate_names_the_row_it_is_nearest_to(said: Any, embedder: Any) -> None:
    said.add("q0")
    said.add("q30")
    first = build(said, embedder)
    said.add("q17", submitted_at=utc(2026, 11, 10))
    nearest = {row["question"]: row["golden_id"] for row in first.rows.to_pylist()}["q30"]
    assert [each.detail for each in build(said, embedder, first).rejected] == [nearest]


def test_the_same_question_in_another_tenant_or_conversation_is_no_duplicate(said: Any, embedder: Any) -> None:
    said.add("q0")
    said.add("q0", tenant="b")
    said.add("q0", turn="t0")
    said.add("q0", turn="t90")
    found = build(said, embedder)
    assert found.added == 4
    # but they are one group, on one side
    assert len(set(found.rows.column("near_duplicate_group").to_pylist())) == 1
    assert len(set(found.rows.column("split").to_pylist())) == 1


def test_the_same_question_after_a_near_turn_is_a_duplicate(said: Any, embedder: Any) -> None:
    said.add("q0", turn="t0")
    said.add("q0", turn="t10")
    assert build(said, embedder).added == 1


def test_annotators_in_disagreement_give_no_row(said: Any, embedder: Any) -> None:
    first = said.add("q0")
    second = said.add("q0", annotator="ben", verdict="ok")
    other = said.add("q90")
    third = said.add("q90", annotator="ben", expected_behaviour="abstain", expected_answer=None)
    found = build(said, embedder)
    assert (found.version, found.added) == (None, 0)
    assert reasons(found) == dict.fromkeys([first, second, other, third], "disagreement")
    assert found.rejected[0].detail.startswith("ann: hallucination, answer; ben: ")


def test_a_later_disagreement_withdraws_the_row(said: Any, embedder: Any) -> None:
    first_id = said.add("q0")
    said.add("q90")
    first = build(said, embedder)
    later = said.add("q0", annotator="ben", verdict="ok", submitted_at=utc(2026, 11, 10))
    second = build(said, embedder, first)
    assert (questions(second), second.version, second.added) == (["q90"], "2.0.0", 0)
    assert [(each.annotation_id, each.reason) for each in second.removed] == [(first_id, "disagreement")]
    assert reasons(second) == {first_id: "disagreement", later: "disagreement"}


def test_when_they_agree_again_the_row_comes_back_to_its_group_and_side(said: Any, embedder: Any) -> None:
    narrow = GoldenConfig(group_cosine=0.95)  # cos 20 = .94: two groups, which the usual .9 would make one
    said.add("q0")
    older = build(said, embedder, config=narrow)
    said.add("q20")
    first = build(said, embedder, older, narrow)
    said.add("q20", annotator="ben", verdict="ok", submitted_at=utc(2026, 11, 10))
    second = build(said, embedder, first, narrow)
    assert questions(second) == ["q0"]
    said.add("q20", annotator="ben", submitted_at=utc(2026, 11, 11))
    third = build(said, embedder, second, history=GoldenHistory(departed=departed_rows(second.rows, [first.rows])))
    assert (third.version, third.added) == ("2.1.0", 1)
    before, after = by_question(first)["q20"], by_question(third)["q20"]
    assert before["near_duplicate_group"] == new_group("q20", 0.5).group
    assert (after["near_duplicate_group"], after["split"]) == (before["near_duplicate_group"], before["split"])


def test_what_is_near_to_a_departed_row_follows_it(said: Any, embedder: Any) -> None:
    for side in (0.0, 1.0):
        said.add("q0")
        first = build(said, embedder, config=GoldenConfig(eval_fraction=side))
        near = type(said)()
        near.add("q20")
        history = GoldenHistory(departed=first.rows)
        empty = GoldenBuild(first.rows.slice(0, 0), "2.0.0", 0)
        found = build(near, embedder, empty, GoldenConfig(eval_fraction=1 - side), history)
        assert found.rows.column("split").to_pylist() == first.rows.column("split").to_pylist()


def test_an_edited_answer_takes_the_place_of_its_row(said: Any, embedder: Any) -> None:
    old_id = said.add("q0")
    said.add("q20")
    first = build(said, embedder)
    new_id = said.add("q0", expected_answer="Three years.", submitted_at=utc(2026, 11, 10))
    second = build(said, embedder, first)
    assert (second.version, second.added, second.rows.num_rows) == ("2.0.0", 1, 2)
    assert [(each.annotation_id, each.reason, each.detail) for each in second.removed] == [
        (old_id, "corrected", new_id)
    ]
    before, after = by_question(first)["q0"], by_question(second)["q0"]
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"annotation_id", "expected_answer", "added_in"}
    assert (after["annotation_id"], after["expected_answer"], after["added_in"]) == (new_id, "Three years.", "2.0.0")
    assert reasons(second) == {old_id: "superseded"}


def test_an_answer_that_says_the_same_again_changes_nothing(said: Any, embedder: Any) -> None:
    said.add("q0")
    first = build(said, embedder)
    again = said.add("q0", note="Sure now.", submitted_at=utc(2026, 11, 10))
    second = build(only(said, "a--q0", again), embedder, first)
    assert second.rows.equals(first.rows)
    assert (second.version, second.changed, reasons(second)) == ("1.0.0", False, {again: "confirms"})


def test_another_trace_with_the_same_question_corrects_nothing(said: Any, embedder: Any) -> None:
    said.add("q0")
    first = build(said, embedder)
    other = type(said)()
    annotation_id = other.add("q0", trace_id="another", verdict="ok", submitted_at=utc(2026, 11, 10))
    task = other.tasks["a--q0"]
    other.tasks["a--q0"] = task.model_copy(update={"trace_id": "another"})
    second = build(other, embedder, first)
    assert second.rows.equals(first.rows)
    assert reasons(second) == {annotation_id: "near_duplicate"}


def test_an_adjudication_settles_a_disagreement(said: Any, embedder: Any) -> None:
    ann = said.add("q0")
    ben = said.add("q0", annotator="ben", verdict="ok")
    assert build(said, embedder).added == 0
    eve = said.add("q0", annotator="eve", verdict="system_error", adjudicates=True, submitted_at=utc(2026, 11, 10))
    found = build(said, embedder)
    assert found.rows.column("annotation_id").to_pylist() == [eve]
    assert reasons(found) == {ann: "adjudicated", ben: "adjudicated"}


def test_an_adjudication_corrects_a_row_and_outlasts_later_answers(said: Any, embedder: Any) -> None:
    said.add("q0")
    first = build(said, embedder)
    said.add("q0", annotator="eve", verdict="ok", adjudicates=True, submitted_at=utc(2026, 11, 10))
    second = build(said, embedder, first)
    assert (second.version, second.rows.column("category").to_pylist()) == ("2.0.0", ["ok"])
    said.add("q0", annotator="ben", verdict="system_error", submitted_at=utc(2026, 11, 11))
    assert not build(said, embedder, second).changed


def test_of_adjudications_the_last_counts_and_the_adjudicators_own_answer_stays_apart(said: Any, embedder: Any) -> None:
    said.add("q0", annotator="eve")
    said.add("q0", annotator="ben", verdict="ok")
    said.add("q0", annotator="eve", verdict="ok", adjudicates=True, submitted_at=utc(2026, 11, 10))
    said.add("q0", annotator="kim", verdict="system_error", adjudicates=True, submitted_at=utc(2026, 11, 11))
    found = build(said, embedder)
    assert found.rows.column("category").to_pylist() == ["system_error"]
    assert sorted(reasons(found).values()) == ["adjudicated"] * 3


def test_an_answer_does_not_bring_back_what_was_removed_after_it(said: Any, embedder: Any) -> None:
    said.add("q0")
    first = build(said, embedder)
    removal = Removal(
        golden_id=first.rows.column("golden_id").to_pylist()[0], reason="names a person", removed_at=utc(2026, 11, 10)
    )
    removed = remove_by_hand(first.rows, removal, "1.0.0")
    left = GoldenBuild(removed.rows, removed.version, 0)
    history = GoldenHistory(removals=[removal])
    again = build(said, embedder, left, history=history)
    assert (again.changed, again.version) == (False, "2.0.0")
    assert [(each.reason, each.detail) for each in again.rejected] == [("removed", "names a person")]
    said.add("q0", expected_answer="Ask the shop.", submitted_at=utc(2026, 11, 11))
    assert build(said, embedder, left, history=history).version == "2.1.0"


def test_another_schema_raises_the_major_version_of_the_next_change(said: Any, embedder: Any) -> None:
    said.add("q0")
    first = build(said, embedder)
    history = GoldenHistory(schema_changed=True)
    assert build(said, embedder, first, history=history).version == "1.0.0"
    said.add("q90")
    assert build(said, embedder, first, history=history).version == "2.0.0"


def test_the_next_version_is_above_the_highest_after_a_rollback(said: Any, embedder: Any) -> None:
    said.add("q0")
    first = build(said, embedder)
    said.add("q90")
    annotations, tasks = said.tables()
    assert build_golden(first.rows, annotations, tasks, embedder, CONFIG, "3.7.0").version == "3.8.0"


def test_a_row_knows_the_group_of_failures_it_stands_for(said: Any, embedder: Any) -> None:
    said.add("q0")
    said.add("q90")
    said.tasks["a--q0"] = said.tasks["a--q0"].model_copy(update={"group_id": "group-1", "group_label": "car tyres"})
    rows = by_question(build(said, embedder))
    assert [(rows[each]["group_id"], rows[each]["group_label"]) for each in ("q0", "q90")] == [
        ("group-1", "car tyres"),
        (None, None),
    ]


def test_annotators_who_agree_give_the_first_answer(said: Any, embedder: Any) -> None:
    second = said.add("q0", annotator="ann", expected_answer="Later.", submitted_at=utc(2026, 11, 10))
    said.add("q0", annotator="ben", expected_answer="Earlier.")
    found = build(said, embedder)
    assert found.rows.column("expected_answer").to_pylist() == ["Earlier."]
    assert reasons(found) == {second: "second_opinion"}


def test_of_one_annotators_answers_the_last_counts(said: Any, embedder: Any) -> None:
    first = said.add("q0", verdict="ok")
    said.add("q0", verdict="system_error", submitted_at=utc(2026, 11, 10))
    found = build(said, embedder)
    assert found.rows.column("category").to_pylist() == ["system_error"]
    assert reasons(found) == {first: "superseded"}


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"expected_answer": None}, "an expected answer belongs"),
        ({"expected_answer": " "}, "an expected answer belongs"),
        ({"expected_behaviour": "block"}, "an expected answer belongs"),
        ({"trace_id": "another"}, "is about trace trace-a--q0"),
    ],
)
def test_an_invalid_annotation_is_rejected_with_its_reason(
    said: Any, embedder: Any, fields: dict[str, Any], detail: str
) -> None:
    said.add("q0", **fields)
    found = build(said, embedder)
    assert [each.reason for each in found.rejected] == ["invalid"]
    assert detail in found.rejected[0].detail


def test_a_blank_question_and_an_unknown_task_are_rejected(said: Any, embedder: Any) -> None:
    blank = said.add(" ")
    lost = said.add("q0")
    said.tasks.pop("a--q0")
    assert reasons(build(said, embedder)) == {blank: "invalid", lost: "unknown_task"}


def test_previous_rows_and_their_version_come_together(said: Any, embedder: Any) -> None:
    annotations, tasks = said.tables()
    with pytest.raises(BadInputError, match="come together"):
        build_golden(None, annotations, tasks, embedder, CONFIG, "1.0.0")


def test_groups_narrower_than_duplicates_are_refused(said: Any, embedder: Any) -> None:
    with pytest.raises(BadInputError, match="exceeds"):
        build(said, embedder, config=GoldenConfig(group_cosine=0.96))


answers = st.lists(
    st.fixed_dictionaries(
        {
            "question": st.sampled_from([f"{plane}{angle}" for plane in "qr" for angle in (0, 10, 20, 30, 45, 60)]),
            "turn": st.sampled_from([None, "t0", "t10", "t60"]),
            "tenant": st.sampled_from("ab"),
            "annotator": st.sampled_from(["ann", "ben"]),
            "verdict": st.sampled_from(["ok", "hallucination"]),
            "expected_answer": st.sampled_from(["One.", "Two."]),
            "adjudicates": st.sampled_from([False, False, False, True]),
            "day": st.integers(1, 4),
        }
    ),
    max_size=10,
    unique_by=lambda row: tuple(
        value for name, value in sorted(row.items()) if name in ("question", "turn", "tenant", "annotator", "day")
    ),
)


def filled(said: Any, rows: list[dict[str, Any]]) -> Any:
    fresh = type(said)()
    for row in rows:
        fields = dict(row)
        fresh.add(fields.pop("question"), submitted_at=utc(2026, 11, fields.pop("day")), **fields)
    return fresh


PROPERTY = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@PROPERTY
@given(rows=answers, data=st.data())
def test_the_order_of_annotations_changes_nothing(said: Any, embedder: Any, rows: Any, data: Any) -> None:
    shuffled = data.draw(st.permutations(rows))
    one, other = build(filled(said, rows), embedder), build(filled(said, shuffled), embedder)
    assert one.rows.equals(other.rows)
    assert (one.version, one.rejected, one.warnings) == (other.version, other.rejected, other.warnings)


@PROPERTY
@given(first=answers, second=answers)
def test_building_again_on_top_changes_nothing(said: Any, embedder: Any, first: Any, second: Any) -> None:
    parent = build(filled(said, first), embedder)
    if parent.version is None:
        return
    both = filled(said, first + [row for row in second if row not in first])
    grown = build(both, embedder, parent)
    again = build(both, embedder, grown)
    assert again.rows.equals(grown.rows)
    assert (again.version, again.added) == (grown.version, 0)


@PROPERTY
@given(first=answers, second=answers)
def test_rows_go_only_with_a_reason_and_never_to_the_other_side(
    said: Any, embedder: Any, first: Any, second: Any
) -> None:
    parent = build(filled(said, first), embedder)
    if parent.version is None:
        return
    grown = build(filled(said, second), embedder, parent)
    before = {row["golden_id"]: row for row in parent.rows.to_pylist()}
    after = {row["golden_id"]: row for row in grown.rows.to_pylist()}
    changed = {each.golden_id for each in grown.removed}
    corrected = {each.golden_id for each in grown.removed if each.reason == "corrected"}
    assert {each: row for each, row in before.items() if after.get(each) != row}.keys() == changed
    assert corrected <= after.keys()
    assert not (changed - corrected) & after.keys()
    assert all(after[each]["near_duplicate_group"] == before[each]["near_duplicate_group"] for each in corrected)
    assert len(after) == grown.rows.num_rows == len(before) + grown.added - len(grown.removed)
    assert grown.version is not None
    majors = [int(version.split(".")[0]) for version in (parent.version, grown.version)]
    assert (majors[1] > majors[0]) == bool(changed)
    assert grown.rows.column("golden_id").to_pylist() == sorted(after)
    assert bad_rows(GoldenRow, grown.rows) == []
    sides: dict[str, set[str]] = {}
    for row in [*before.values(), *after.values()]:
        sides.setdefault(row["near_duplicate_group"], set()).add(row["split"])
    assert all(len(side) == 1 for side in sides.values())


@PROPERTY
@given(rows=answers)
def test_every_annotation_gives_a_row_or_a_reason(said: Any, embedder: Any, rows: Any) -> None:
    annotated = filled(said, rows)
    found = build(annotated, embedder)
    given_ids = {annotation.annotation_id for annotation in annotated.annotations}
    taken = set(found.rows.column("annotation_id").to_pylist())
    rejected = [each.annotation_id for each in found.rejected]
    assert len(rejected) == len(set(rejected))
    assert taken | set(rejected) == given_ids
    assert not taken & set(rejected)


@PROPERTY
@given(rows=answers)
def test_within_one_import_near_questions_are_on_one_side(said: Any, embedder: Any, rows: Any) -> None:
    found = build(filled(said, rows), embedder)
    vectors = embedder.embed(found.rows.column("question").to_pylist())
    cosines = pa.array([]) if not len(vectors) else vectors @ vectors.T
    splits = found.rows.column("split").to_pylist()
    for i in range(len(splits)):
        for j in range(i):
            assert cosines[i][j] < CONFIG.group_cosine or splits[i] == splits[j]
