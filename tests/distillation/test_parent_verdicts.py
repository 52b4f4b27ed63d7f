"""Extractions share the most severe verdict of their task's other records; parts and order decide nothing."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.datasets.validation import checked
from millrace.distillation.parent_verdicts import (
    PARENT_COLUMNS,
    TASK_COLUMNS,
    extraction_tasks,
    parent_verdicts,
    share_verdicts,
    task_keys,
)
from millrace.distillation.scoring import score_part
from millrace.records.evidence import EvidenceScore
from tasks.tables import scoring_rules
from tests.support.marked_evidence import evidence_of, record

RULES = scoring_rules()
ORDER = ("rejected", "needs_human_review", "partially_accepted", "accepted")
MARKERS: dict[str, tuple[str, object]] = {
    "accepted": ("verdict", "accepted"),
    "partially_accepted": ("severity", "medium"),
    "needs_human_review": ("verdict", "undecided"),
    "rejected": ("verdict", "rejected"),
}


def shared(*parts: pa.Table) -> list[dict[str, Any]]:
    """The scores of these parts of one dataset, verdicts shared."""
    tasks = extraction_tasks((part.select(TASK_COLUMNS) for part in parts), RULES)
    parents = parent_verdicts((part.select(PARENT_COLUMNS) for part in parts), tasks, RULES)
    tables = [share_verdicts(part, score_part(part, RULES), parents, RULES) for part in parts]
    rows: list[dict[str, Any]] = checked(EvidenceScore, pa.concat_tables(tables)).to_pylist()
    return rows


def fact(evidence_id: str, task: str = "T", *pairs: tuple[str, object], **fields: object) -> dict[str, Any]:
    return record(evidence_id, *pairs, task_id=task, role="extraction", **fields)


def parent(evidence_id: str, category: str, task: str = "T", **fields: object) -> dict[str, Any]:
    return record(evidence_id, MARKERS[category], task_id=task, **fields)


@pytest.mark.parametrize("category", ORDER)
def test_an_extraction_shares_the_verdict_on_its_parent(category: str) -> None:
    given_, taken = shared(evidence_of(parent("p", category), fact("f")))
    assert (given_["category"], given_["parent_id"]) == (category, None)
    assert (taken["category"], taken["parent_id"], taken["rule_id"], taken["fired"]) == (category, "p", None, [])
    words = {"needs_human_review": "waiting for review"}.get(category, category.replace("_", " "))
    assert taken["reason"] == f"No rule decides this extraction; the record it was made from, p, is {words}."


@pytest.mark.parametrize("worse", range(3))
def test_of_several_parents_the_most_severe_counts(worse: int) -> None:
    *_, taken = shared(evidence_of(parent("a", ORDER[worse + 1]), parent("b", ORDER[worse]), fact("f")))
    assert (taken["category"], taken["parent_id"]) == (ORDER[worse], "b")


def test_of_equally_severe_parents_the_lowest_id_is_named() -> None:
    rows = [
        parent("b", "accepted"),
        parent("c", "rejected"),
        fact("f"),
        parent("a10", "rejected"),
        parent("a9", "rejected"),
    ]
    assert shared(evidence_of(*rows))[2]["parent_id"] == "a10"


def test_what_a_rule_decides_stays() -> None:
    rows = shared(evidence_of(parent("p", "accepted"), fact("f", "T", ("verdict", "rejected"))))
    assert (rows[1]["rule_id"], rows[1]["category"], rows[1]["parent_id"]) == ("verdict-rejected", "rejected", None)


def test_only_extractions_share_verdicts() -> None:
    rows = shared(evidence_of(parent("p", "accepted"), record("other", task_id="T"), fact("f")))
    assert (rows[1]["category"], rows[1]["parent_id"]) == ("needs_human_review", None)
    assert (rows[2]["category"], rows[2]["parent_id"]) == ("needs_human_review", "other")  # it counts as a parent too


@pytest.mark.parametrize(
    "others",
    [
        [],
        [fact("g", "T", ("verdict", "accepted"))],
        [parent("p", "accepted", "U")],
        [parent("p", "accepted", tenant_id="dam")],
    ],
)
def test_without_another_record_of_its_task_and_tenant_it_waits(others: list[dict[str, Any]]) -> None:
    taken = shared(
        evidence_of(
            fact("f", tenant_id="mill"), *(other | {"tenant_id": other.get("tenant_id", "mill")} for other in others)
        )
    )[0]
    assert (taken["category"], taken["parent_id"], taken["rule_id"]) == ("needs_human_review", None, None)
    assert "no other record" in taken["reason"]


def test_tenant_and_task_are_told_apart() -> None:
    pairs = [("a", "b:c"), ("a:b", "c"), ("1", "1:x"), ("11:", "x"), ("", "a"), ("a", "")]
    table = pa.table({"tenant_id": [pair[0] for pair in pairs], "task_id": [pair[1] for pair in pairs]})
    assert len(set(task_keys(table).to_pylist())) == len(pairs)


def test_without_extractions_nothing_is_read_and_nothing_changes() -> None:
    part = evidence_of(parent("p", "accepted"))
    tasks = extraction_tasks([part], RULES)
    assert len(tasks) == 0
    parents = parent_verdicts((pytest.fail("was read") for _ in range(1)), tasks, RULES)
    scores = score_part(part, RULES)
    assert share_verdicts(part, scores, parents, RULES) is scores


def expected(rows: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    """Category and parent of each record, found one by one."""
    own = {row["evidence_id"]: row for row in score_part(evidence_of(*rows), RULES).to_pylist()}
    found: list[tuple[str, str | None]] = []
    for row in rows:
        score = own[row["evidence_id"]]
        if row["role"] != "extraction" or score["rule_id"]:
            found.append((score["category"], None))
            continue
        parents = [
            (ORDER.index(own[each["evidence_id"]]["category"]), each["evidence_id"])
            for each in rows
            if each["role"] != "extraction"
            and (each["tenant_id"], each["task_id"]) == (row["tenant_id"], row["task_id"])
        ]
        severity, name = min(parents, default=(1, None))
        found.append((ORDER[severity], name))
    return found


members = st.lists(
    st.builds(
        lambda role, task, tenant, markers: (role, task, tenant, markers),
        st.sampled_from(["answerer", "extraction"]),
        st.sampled_from(["T", "U"]),
        st.sampled_from(["mill", "dam"]),
        st.sampled_from([None, *MARKERS.values()]),
    ),
    min_size=1,
    max_size=10,
)


@settings(max_examples=100, deadline=None)
@given(members, st.integers(0, 10))
def test_parts_say_what_one_record_at_a_time_says(rows: list[Any], cut: int) -> None:
    records = [
        record(f"r{place}", *([] if markers is None else [markers]), role=role, task_id=task, tenant_id=tenant)
        for place, (role, task, tenant, markers) in enumerate(rows)
    ]
    table = evidence_of(*records)
    scores = shared(table.slice(0, cut), table.slice(cut))
    assert [(score["category"], score["parent_id"]) for score in scores] == expected(records)
