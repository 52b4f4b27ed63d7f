"""Pieces of knowledge: what stood and what to beware of, near enough, each text once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.datasets.schema import rows_of, table_of
from millrace.methods.text import normalise
from millrace.records.document import Chunk
from millrace.records.exports import RagRow
from millrace.records.replay import BundleItem, ReplayTask
from millrace.replay.bundle import BundleConfig, Bundled, bundle_items, knowledge_chunks
from tests.support.replays import T0, rag_row


def item(evidence_id: str, purpose: str = "accepted", text: str | None = None, score: float = 0.9) -> BundleItem:
    return BundleItem.model_validate(
        {"evidence_id": evidence_id, "purpose": purpose, "text": text or evidence_id, "score": score}
    )


@pytest.mark.parametrize(
    ("category", "purpose"),
    [("accepted", "accepted"), ("partially_accepted", "warning"), ("needs_human_review", "warning")],
)
def test_only_what_stood_wholly_is_accepted(category: str, purpose: str) -> None:
    (chunk,) = rows_of(Chunk, knowledge_chunks(table_of(RagRow, [rag_row("e", "Why?", "So.", category)])))
    assert {field.name: field.value for field in chunk.metadata} == {
        "purpose": purpose,
        "reason": f"{category} by a rule",
    }
    assert (chunk.chunk_id, chunk.doc_id, chunk.tenant_id, chunk.user_id) == ("e", "task of e", "mill", "default")
    assert chunk.searchable() == "Why?\nSo."


def test_a_long_reason_fits_into_a_passages_metadata() -> None:
    row = rag_row("e", "Why?", "So.", reason="r" * 5_000, user_id="ann")
    (chunk,) = rows_of(Chunk, knowledge_chunks(table_of(RagRow, [row])))
    assert (len(chunk.metadata[1].value), chunk.user_id) == (1024, "ann")


def test_accepted_pieces_come_first_each_text_once_and_only_near_ones() -> None:
    found = [
        item("w1", "warning"),
        item("a1", text="Twice a year."),
        item("w2", "warning", text="twice a YEAR."),  # what stood is no warning
        item("a2", text="Twice a Year."),
        item("a3", score=0.299),
        item("a4", score=0.3),
        item("a5"),
        item("w3", "warning"),
        item("w4", "warning"),
    ]
    chosen = bundle_items(found, BundleConfig(n_accepted=2, n_warnings=2, min_similarity=0.3))
    assert [each.evidence_id for each in chosen] == ["a1", "a4", "w1", "w3"]
    bundled = Bundled(ReplayTask(question_id="t", tenant_id="mill", time=T0, question="?"), chosen)
    assert [each.evidence_id for each in bundled.of("warning")] == ["w1", "w3"]


_ITEMS = st.lists(
    st.builds(
        item,
        st.uuids().map(str),
        st.sampled_from(["accepted", "warning"]),
        st.sampled_from(["a", "A", "b", "c", "d", "e", "f"]),
        st.floats(-1, 1),
    )
)


@given(_ITEMS, st.integers(0, 4), st.integers(0, 4), st.floats(-1, 1))
def test_a_bundle_keeps_its_limits_whatever_was_found(
    found: list[BundleItem], n_accepted: int, n_warnings: int, least: float
) -> None:
    config = BundleConfig(n_accepted=n_accepted, n_warnings=n_warnings, min_similarity=least)
    chosen = bundle_items(found, config)
    purposes = [each.purpose for each in chosen]
    assert purposes == sorted(purposes)
    assert purposes.count("accepted") <= n_accepted
    assert purposes.count("warning") <= n_warnings
    assert all(each.score >= least for each in chosen)
    texts = [normalise(each.text) for each in chosen]
    assert len(set(texts)) == len(texts)
    assert bundle_items(chosen, config) == chosen
