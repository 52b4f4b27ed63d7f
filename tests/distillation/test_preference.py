"""The firewall of pairs, and the rows that pass it."""

from collections import Counter
from hashlib import sha256
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings

from millrace.datasets.validation import checked
from millrace.distillation.candidates import candidates
from millrace.distillation.config import PreferenceConfig
from millrace.distillation.pairs import choose_pairs
from millrace.distillation.preference import ProposedPairs, admit_pairs, preference_pairs
from millrace.records.evidence import Quarantined
from millrace.records.exports import PreferencePair
from tests.distillation.test_pairs import RECORDS
from tests.support.judged_evidence import Judged, judged, record, turn

CONFIG = PreferenceConfig()
SIDES = ("chosen_id", "rejected_id")


def proposed(given_rows: Judged, one: list[int], other: list[int], basis: list[str]) -> ProposedPairs:
    both = given_rows.evidence.append_column("category", given_rows.scores.column("category"))
    return ProposedPairs(
        both.take(pa.array(one, pa.int64())), both.take(pa.array(other, pa.int64())), pa.array(basis, pa.string())
    )


def side(number: int, category: str = "accepted", **fields: Any) -> dict[str, Any]:
    return record(number, category, task_id="t", text=f"Answer {number}.") | fields


def verdict(one: dict[str, Any], other: dict[str, Any], basis: str = "task", config: PreferenceConfig = CONFIG) -> str:
    pairs = proposed(judged(one, other), [0], [1], [basis])
    admission = admit_pairs(pairs, config)
    if admission.mask[0]:
        return "exported"
    (row,) = checked(Quarantined, admission.quarantine).to_pylist()
    assert (row["export"], row["evidence_id"], row["other_id"]) == (
        "preference",
        one["evidence_id"],
        other["evidence_id"],
    )
    assert row["category"] == one["category"]
    return f"{row['reason']} {row['rule'].removeprefix('preference.')}"


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({}, {}, "exported"),
        ({}, {"category": "partially_accepted"}, "exported"),
        ({}, {"prompt": None}, "exported"),
        ({"prompt": None}, {}, "exported"),
        ({}, {"prompt": "  how do i RESTART the mill?"}, "exported"),
        ({}, {"evidence_id": "e0"}, "self_pairing same-record"),
        ({}, {"tenant_id": "o"}, "invalid_pairing tenants"),
        ({}, {"task_id": "u"}, "invalid_pairing matter"),
        ({}, {"category": "accepted"}, "invalid_pairing gap"),
        ({}, {"category": "needs_human_review"}, "invalid_pairing gap"),
        ({"category": "partially_accepted"}, {}, "invalid_pairing gap"),
        ({"category": "rejected"}, {"category": "accepted"}, "invalid_pairing gap"),
        ({"prompt": None}, {"prompt": None}, "schema_violation prompt"),
        ({}, {"prompt": "Why?"}, "invalid_pairing prompts"),
        ({}, {"history": [turn("user", "a"), turn("assistant", "b")]}, "invalid_pairing prompts"),
        ({}, {"text": "ANSWER\u00a00.\u200b"}, "self_pairing equal-texts"),
    ],
)
def test_each_rule_refuses_its_pairs(first: dict[str, Any], second: dict[str, Any], expected: str) -> None:
    assert verdict(side(0) | first, side(1, "rejected") | second) == expected


def test_a_row_of_a_source_is_not_paired_with_itself_under_another_name() -> None:
    given_rows = judged(side(0), side(1, "rejected"))
    forged = given_rows.evidence.set_column(
        5,
        given_rows.evidence.schema.field("sig_hash"),
        pa.array([given_rows.evidence.column("sig_hash")[0].as_py()] * 2),
    )
    admission = admit_pairs(proposed(Judged(forged, given_rows.scores), [0], [1], ["task"]), CONFIG)
    assert admission.quarantine.column("rule").to_pylist() == ["preference.same-record"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "exported"),
        ({"subject": "wheel"}, "invalid_pairing matter"),
        ({"subject": None}, "invalid_pairing matter"),
        ({"stream": "a"}, "invalid_pairing matter"),
    ],
)
def test_pairs_on_a_subject_come_from_two_streams(fields: dict[str, Any], expected: str) -> None:
    one = side(0, subject="gate", stream="a")
    other = side(1, "rejected", subject="gate", stream="b", task_id="u") | fields
    assert verdict(one, other, "subject") == expected


def test_partial_sides_are_refused_where_they_are_not_asked_for() -> None:
    config = PreferenceConfig(partial_fallback=False)
    assert verdict(side(0), side(1, "partially_accepted"), config=config) == "invalid_pairing gap"


def test_a_pair_holds_both_sides_and_whoever_they_belong_to() -> None:
    history = [turn("user", "Hello"), turn("assistant", "Good day.")]
    rows = [
        side(0, prompt=None, user_id="ann"),
        side(1, "rejected", history=history, user_id="bob"),
        side(2, history=history),
        side(3, "partially_accepted", prompt=None, history=[turn("user", "not this")]),
    ]
    pairs = proposed(judged(*rows), [0, 2], [1, 3], ["task", "task"])
    assert admit_pairs(pairs, CONFIG).mask.all()
    first, second = checked(PreferencePair, preference_pairs(pairs)).to_pylist()
    asked = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Good day."},
        {"role": "user", "content": "How do I restart the mill?"},
    ]
    assert (first["prompt"], second["prompt"]) == (asked, asked)
    assert first["chosen"] == [{"role": "assistant", "content": "Answer 0."}]
    assert first["rejected"] == [{"role": "assistant", "content": "Answer 1."}]
    assert (first["user_id"], first["rejected_user_id"]) == ("ann", "bob")
    assert (first["chosen_id"], first["rejected_id"]) == ("e0", "e1")
    assert (second["chosen_category"], second["rejected_category"]) == ("accepted", "partially_accepted")
    assert (first["provenance"]["source_offset"], first["rejected_provenance"]["source_offset"]) == (0, 100)
    assert first["pair_id"] != second["pair_id"]


def test_no_pairs_are_no_rows() -> None:
    nothing = proposed(judged(), [], [], [])
    assert len(admit_pairs(nothing, CONFIG).mask) == 0
    assert checked(PreferencePair, preference_pairs(nothing)).num_rows == 0


@settings(max_examples=60, deadline=None)
@given(RECORDS)
def test_pairs_that_were_chosen_are_exported_or_refused_and_hold_every_promise(drawn: list[dict[str, Any]]) -> None:
    rows = [record(number) | each for number, each in enumerate(drawn)]
    given_rows = judged(*rows)
    numbers = candidates(given_rows.evidence, given_rows.scores.column("category"), np.arange(len(rows)))
    chosen = choose_pairs(numbers, CONFIG)
    basis = ["subject" if each else "task" for each in chosen.by_subject]
    pairs = proposed(given_rows, chosen.chosen.tolist(), chosen.rejected.tolist(), basis)
    admission = admit_pairs(pairs, CONFIG)
    assert int(admission.mask.sum()) + admission.quarantine.num_rows == len(basis)
    mask = pa.array(admission.mask)
    made = checked(PreferencePair, preference_pairs(ProposedPairs(*(each.filter(mask) for each in pairs)))).to_pylist()
    assert len({row["pair_id"] for row in made}) == len(made)
    by_id = {row["evidence_id"]: row for row in rows}
    assert max(Counter((row["tenant_id"], row["task_id"]) for row in made).values(), default=0) <= 5
    used = {
        basis: {row[name] for row in made if row["basis"] == basis for name in SIDES} for basis in ("task", "subject")
    }
    assert used["task"].isdisjoint(used["subject"])
    for row in made:
        one, other = by_id[row["chosen_id"]], by_id[row["rejected_id"]]
        assert (one["category"], one["tenant_id"]) == ("accepted", other["tenant_id"])
        assert other["category"] in ("rejected", "partially_accepted")
        assert len({one["prompt"], other["prompt"]} - {None}) == 1
        assert one["text"].lower().strip() != other["text"].lower().strip()


def test_a_pair_is_named_after_both_ids_and_where_the_first_ends() -> None:
    rows = judged(side(0, evidence_id="é 1"), side(1, "rejected", evidence_id="2"))
    (made,) = preference_pairs(proposed(rows, [0], [1], ["task"])).to_pylist()
    assert made["pair_id"] == f"pair-{sha256('3 é 1 2'.encode()).hexdigest()[:24]}"
