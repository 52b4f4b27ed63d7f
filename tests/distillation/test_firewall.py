"""Which records an export takes, which rule refuses each of the others, and that none is lost."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.datasets.schema import arrow_schema
from millrace.datasets.validation import checked
from millrace.distillation.config import PreferenceConfig, RagConfig, SftConfig
from millrace.distillation.conversations import MAX_BYTES
from millrace.distillation.firewall import FirewallFacts, admit
from millrace.distillation.rag import rag_rows
from millrace.distillation.sft import sft_rows
from millrace.errors import BadInputError
from millrace.records.evidence import Export, Quarantined
from millrace.records.exports import RagRow, SftRow
from tests.support.judged_evidence import KNOWN, Judged, facts_of, judged, record, turn

CONFIGS: dict[Export, Any] = {"rag": RagConfig(), "sft": SftConfig(), "preference": PreferenceConfig()}


def verdicts(
    export: Export, *rows: dict[str, Any], config: Any = None, contaminated: tuple[str, ...] = ()
) -> list[str]:
    """What became of each row: exported, passed over, or the reason, the rule and the words."""
    given_rows = judged(*rows)
    admission = admit(export, *given_rows, facts_of(given_rows, contaminated, KNOWN), config or CONFIGS[export])
    quarantine = checked(arrow_model(), admission.quarantine).to_pylist()
    refused = iter(quarantine)
    places = [row["source_offset"] // 100 for row in quarantine]
    found = []
    for place, taken in enumerate(admission.mask):
        if taken:
            found.append("exported")
        elif place in places:
            row = next(refused)
            assert (row["export"], row["evidence_id"], row["other_id"]) == (export, f"e{place}", None)
            found.append(f"{row['reason']} {row['rule']}: {row['evidence']}")
        else:
            found.append("passed over")
    return found


def arrow_model() -> type[Quarantined]:
    return Quarantined


@pytest.mark.parametrize(
    ("export", "config", "categories"),
    [
        ("rag", RagConfig(), ["exported", "exported", "unsafe_for_rag", "unsafe_for_rag"]),
        (
            "rag",
            RagConfig(include_partial=False),
            ["exported", "category_disallowed", "unsafe_for_rag", "unsafe_for_rag"],
        ),
        ("rag", RagConfig(include_review=True), ["exported", "exported", "unsafe_for_rag", "exported"]),
        ("sft", SftConfig(), ["exported", "category_disallowed", "unsafe_for_sft", "unsafe_for_sft"]),
        ("sft", SftConfig(include_partial=True), ["exported", "exported", "unsafe_for_sft", "unsafe_for_sft"]),
        ("preference", PreferenceConfig(), ["exported", "exported", "exported", "passed over"]),
        (
            "preference",
            PreferenceConfig(partial_fallback=False),
            ["exported", "passed over", "exported", "passed over"],
        ),
    ],
)
def test_categories(export: Export, config: Any, categories: list[str]) -> None:
    names = ["accepted", "partially_accepted", "rejected", "needs_human_review"]
    found = verdicts(export, *(record(number, name) for number, name in enumerate(names)), config=config)
    assert [each.split()[0] if " " in each and each != "passed over" else each for each in found] == categories


@pytest.mark.parametrize("category", [None, "Accepted", "accepted ", "accepted\u200b", ""])
def test_a_category_that_is_not_known_is_not_taken(category: str | None) -> None:
    given_rows = judged(record(0, category))
    for export in ("rag", "sft", "preference"):
        admission = admit(export, *given_rows, facts_of(given_rows), CONFIGS[export])
        assert not admission.mask.any()
        assert admission.quarantine.column("reason").to_pylist() == ["category_disallowed"] * (export != "preference")


CASES: list[tuple[str, dict[str, Any], str]] = [
    ("rag", {"producer": None}, "missing_provenance rag.producer: nobody is named as its producer"),
    ("sft", {"forged": {"task_id": "t"}}, "missing_provenance sft.sig-hash: sig_hash is "),
    ("rag", {"run_id": None}, "missing_source_run rag.run: no run is named that produced it"),
    ("sft", {"text": "\u200b\n"}, "empty_content sft.text: its text shows nothing: 2 characters, none visible"),
    ("sft", {"prompt": " "}, "empty_content sft.prompt-text: its prompt shows nothing: 1 characters, none visible"),
    ("rag", {"prompt": " "}, "exported"),
    ("rag", {"prompt": None}, "exported"),
    ("sft", {"prompt": None}, "schema_violation sft.prompt: there is no prompt"),
    ("preference", {"prompt": None}, "exported"),
    ("sft", {"history": [turn("assistant", "a")]}, "schema_violation sft.history: the history does not alternate"),
    ("rag", {"history": [turn("assistant", "a")]}, "exported"),
    ("preference", {"history": [turn("user", "a")]}, "schema_violation preference.history: the history ends with"),
    (
        "rag",
        {"text": "x" * (MAX_BYTES + 1)},
        f"schema_violation rag.length: {MAX_BYTES + 27} bytes of text, {MAX_BYTES}",
    ),
    ("rag", {"text": "x" * (MAX_BYTES - 26)}, "exported"),
    ("sft", {"contexts": ["x" * MAX_BYTES]}, "schema_violation sft.length: "),
    ("preference", {"contexts": ["x" * MAX_BYTES]}, "exported"),
    ("rag", {"claimed_files": ["x.py"]}, "hallucinated_file_path rag.files: it claims x.py, none of the 4 known files"),
    ("sft", {"text": "in src/x.py"}, "hallucinated_file_path sft.files: its text names src/x.py, none of the 4"),
    ("sft", {"text": "in src/app.py", "claimed_files": ["README.md"]}, "exported"),
    ("sft", {"split": "eval"}, "eval_contamination sft.split: it belongs to the eval side of a golden dataset"),
    ("sft", {"split": "train"}, "exported"),
]


@pytest.mark.parametrize(("export", "fields", "verdict"), CASES)
def test_each_rule_says_what_it_saw(export: Export, fields: dict[str, Any], verdict: str) -> None:
    first, second, third = verdicts(export, record(0), record(1, **fields), record(2))
    assert (first, third) == ("exported", "exported")
    assert second.startswith(verdict)


def test_repeated_ids_and_contamination_say_what_they_are() -> None:
    given_rows = judged(record(0, "rejected"), record(1, evidence_id="e0"), record(2))
    admission = admit("rag", *given_rows, facts_of(given_rows, ("e2", "e9")), RagConfig())
    rows = admission.quarantine.to_pylist()
    assert [row["reason"] for row in rows] == ["unsafe_for_rag", "duplicate_id", "eval_contamination"]
    assert rows[0]["evidence"] == "rejected by rule-1: as the reviewer says"
    assert rows[2]["evidence"] == "exact match with golden main q1, similarity 1"
    assert [row["category"] for row in rows] == ["rejected", "accepted", "accepted"]


def test_rejected_sides_may_name_files_that_do_not_exist_but_accepted_ones_not() -> None:
    ghost = {"claimed_files": ["ghost.py"]}
    found = verdicts("preference", record(0, **ghost), record(1, "rejected", **ghost))
    assert [each.split()[0] for each in found] == ["hallucinated_file_path", "exported"]


def test_the_first_rule_in_order_decides() -> None:
    """From all faults at once, each is mended in turn, and the next rule speaks."""
    row = record(0, "rejected", text=" ", producer=None, run_id=None, split="eval", claimed_files=["x.py"], prompt=None)
    mended: list[tuple[dict[str, Any], str]] = [
        ({}, "missing_provenance"),
        ({"producer": "m"}, "missing_source_run"),
        ({"run_id": "r"}, "empty_content"),
        ({"text": "Yes."}, "schema_violation"),
        ({"prompt": "Why?"}, "unsafe_for_sft"),
        ({"category": "partially_accepted"}, "category_disallowed"),
        ({"category": "accepted"}, "hallucinated_file_path"),
        ({"claimed_files": []}, "eval_contamination"),
        ({"split": None}, "exported"),
    ]
    for change, reason in mended:
        row = row | change
        assert verdicts("sft", row)[0].split()[0] == reason


def test_scores_of_other_rows_are_refused() -> None:
    one, other = judged(record(0), record(1)), judged(record(1), record(0))
    with pytest.raises(BadInputError, match="not the scores of this evidence"):
        admit("rag", one.evidence, other.scores, FirewallFacts.none(2), RagConfig())
    with pytest.raises(BadInputError, match="not the scores of this evidence"):
        admit("rag", one.evidence, one.scores.slice(1), FirewallFacts.none(2), RagConfig())


def test_no_rows_are_no_admission() -> None:
    empty = judged()
    for export in ("rag", "sft", "preference"):
        admission = admit(export, *empty, FirewallFacts.none(0), CONFIGS[export])
        assert (len(admission.mask), admission.quarantine.schema) == (0, arrow_schema(Quarantined))


TURNS = st.lists(
    st.builds(turn, st.sampled_from(["user", "assistant", "system"]), st.sampled_from(["a", " "])), max_size=4
)
ROWS = st.fixed_dictionaries(
    {
        "evidence_id": st.sampled_from(["a", "b", "c", "d", "e"]),
        "category": st.sampled_from(["accepted", "partially_accepted", "rejected", "needs_human_review"]),
        "text": st.sampled_from(["Yes.", " ", "in src/x.py", "Yes.\u200b", "in src/app.py"]),
        "prompt": st.sampled_from([None, "Why?", " ", "How?"]),
        "history": TURNS,
        "contexts": st.lists(st.sampled_from(["p", ""]), max_size=3),
        "producer": st.sampled_from([None, "m", "m"]),
        "run_id": st.sampled_from([None, "r", "r"]),
        "split": st.sampled_from([None, "eval", "train"]),
        "forged": st.sampled_from([{}, {}, {"source_offset": 999}]),
    }
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(ROWS, max_size=25),
    st.booleans(),
    st.booleans(),
    st.sets(st.sampled_from(["a", "b"])),
)
def test_every_row_ends_in_exactly_one_place(
    drawn: list[dict[str, Any]], partial: bool, review: bool, contaminated: set[str]
) -> None:
    rows = [record(number) | each for number, each in enumerate(drawn)]
    given_rows = judged(*rows)
    facts = facts_of(given_rows, tuple(contaminated), KNOWN)
    ways: list[tuple[Export, Any]] = [
        ("rag", RagConfig(include_partial=partial, include_review=review)),
        ("sft", SftConfig(include_partial=partial)),
    ]
    for export, config in ways:
        admission = admit(export, *given_rows, facts, config)
        mask = admission.mask
        made = _built(export, given_rows, mask, config)
        offsets = [row["provenance"]["source_offset"] for row in made]
        refused = admission.quarantine.column("source_offset").to_pylist()
        assert sorted([*offsets, *refused]) == sorted(given_rows.evidence.column("source_offset").to_pylist())
        allowed = {"accepted"} | ({"partially_accepted"} if partial else set())
        allowed |= {"needs_human_review"} if review and export == "rag" else set()
        assert {row["category"] for row in made} <= allowed
        assert {row["evidence_id"] for row in made}.isdisjoint(contaminated)
        assert len({row["evidence_id"] for row in made}) == len(made)


def _built(export: Export, given_rows: Judged, mask: Any, config: Any) -> list[dict[str, Any]]:
    """The rows, which the schema takes."""
    evidence, scores = (table.filter(mask) for table in given_rows)
    if export == "rag":
        return list(checked(RagRow, rag_rows(evidence, scores)).to_pylist())
    return list(checked(SftRow, sft_rows(evidence, scores, config)).to_pylist())
