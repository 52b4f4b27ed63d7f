"""Chunks are exact pieces of their document, end at sentences, and are refused without owner and tenant."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.ingestion.chunks import ChunkingConfig, chunk_documents, document_blocks
from millrace.ingestion.document_batches import read_documents
from millrace.ingestion.markdown import make_document
from millrace.records.document import Chunk, Document, Mark, MetadataField

SMALL = ChunkingConfig(target_characters=100, max_characters=200)
SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "prefect_docs"


def document(text: str, **fields: str) -> Document:
    return make_document(text, **{"source": "a.md", "tenant_id": "acme", "user_id": "ops", **fields})


def chunks_of(text: str, config: ChunkingConfig = SMALL) -> list[Chunk]:
    chunks, skips = chunk_documents([document(text)], config)
    assert skips == []
    return chunks


def check_offsets(source: Document, chunks: list[Chunk]) -> None:
    """Every chunk is a slice; they are in order; what lies between is not part of any block."""
    end = 0
    covered: set[int] = set()
    for position, chunk in enumerate(chunks):
        assert source.text[chunk.start : chunk.end] == chunk.text
        assert chunk.start >= end
        assert chunk.position == position
        end = chunk.end
        covered.update(range(chunk.start, chunk.end))
    for block in document_blocks(source):
        lost = [i for i in range(block.start, block.end) if i not in covered and not source.text[i].isspace()]
        assert not lost


@given(
    st.lists(
        st.sampled_from(
            [
                "# Head",
                "A sentence of words. Another one!",
                "",
                "x" * 130,
                "- item " + "word " * 30,
                "```",
                "|a|b|\n|-|-|",
            ]
        ),
        max_size=30,
    )
)
def test_chunks_are_slices_in_order_that_lose_nothing_but_white_space(lines: list[str]) -> None:
    source = document("\n".join(lines))
    chunks, _ = chunk_documents([source], SMALL)
    check_offsets(source, chunks)


def test_neighbouring_paragraphs_are_joined_up_to_the_target() -> None:
    # 3 paragraphs of 40 characters: two and the blank line between are 82, three are 124
    paragraph = "word " * 7 + "last."
    assert [chunk.end - chunk.start for chunk in chunks_of("\n\n".join([paragraph] * 3))] == [82, 40]


def test_no_chunk_reaches_over_a_heading() -> None:
    first, second = chunks_of("# A\nOne.\n## B\nTwo.")
    assert (first.text, first.headings) == ("One.", ["A"])
    assert (second.text, second.headings) == ("Two.", ["A", "B"])


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    sentence = "This sentence has a length of about forty."
    chunks = chunks_of(" ".join([sentence] * 7))
    assert [chunk.text for chunk in chunks] == [f"{sentence} {sentence}"] * 3 + [sentence]


def test_a_code_block_is_kept_whole_where_it_fits_and_cut_at_lines_otherwise() -> None:
    whole = "```\n" + "line = 1  # text\n" * 10 + "```"  # 177 characters, more than the target
    assert [chunk.text for chunk in chunks_of(whole)] == [whole]
    longer = "```\n" + "    line = 1  # text\n" * 20 + "```"
    assert all(line in longer.split("\n") for chunk in chunks_of(longer) for line in chunk.text.split("\n"))


def test_a_sentence_longer_than_the_target_is_cut_at_a_space_and_a_word_only_without_one() -> None:
    assert max(len(chunk.text) for chunk in chunks_of("word " * 60)) <= 100
    assert [len(chunk.text) for chunk in chunks_of("x" * 250)] == [100, 100, 50]


@pytest.mark.parametrize(
    ("field", "reason"),
    [("source", "missing_doc_id"), ("tenant_id", "missing_tenant_id"), ("user_id", "missing_user_id")],
)
def test_a_chunk_without_document_tenant_or_owner_is_rejected_with_the_reason(field: str, reason: str) -> None:
    rejected = document("# Head\n\nOne.\n\n# Other\nTwo.", **{field: " "})
    chunks, skips = chunk_documents([rejected, document("Fine.")], SMALL)
    assert [chunk.text for chunk in chunks] == ["Fine."]
    assert [(skip.reason, skip.line) for skip in skips] == [(reason, 3), (reason, 6)]
    assert len({skip.row_hash for skip in skips}) == 2


def test_the_id_follows_from_tenant_document_place_and_text_alone() -> None:
    def only_id(text: str, **fields: str) -> str:
        (chunk,), _ = chunk_documents([document(text, **fields)], SMALL)
        return chunk.chunk_id

    assert only_id("One.") == only_id("One.", user_id="somebody else")
    others = [only_id("One."), only_id("Two."), only_id("One.", source="b.md"), only_id("One.", tenant_id="x")]
    assert len({*others, only_id("\nOne.")}) == 5


def test_title_and_headings_are_searched_with_the_text_and_not_said_twice() -> None:
    (chunk,) = chunks_of("# Retries\n## Delay\nWait.")
    assert chunk.searchable() == "Retries > Delay\nWait."


def test_of_a_text_without_markup_nothing_is_taken_for_a_heading_or_a_rule() -> None:
    source = document("# one\n---\nmore").model_copy(update={"markup": "text"})
    (chunk,), _ = chunk_documents([source], SMALL)
    assert (chunk.text, chunk.headings) == ("# one\n---\nmore", [])


@given(st.text(alphabet="ab. \n", max_size=400), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 60))))
def test_chunks_of_a_marked_text_are_slices_that_lose_nothing(text: str, stretches: list[tuple[int, int]]) -> None:
    marks = [
        Mark(kind=("heading", "code", "table")[(start + length) % 3], start=start, end=start + length, level=1)
        for start, length in sorted(stretches)
    ]
    source = document(text).model_copy(update={"markup": "text", "marks": marks})
    check_offsets(source, chunk_documents([source], SMALL)[0])


def test_a_title_is_cut_before_it_is_repeated_in_every_chunk() -> None:
    (chunk,) = chunks_of(f"# {'long ' * 100}\nText.")
    assert (len(chunk.title), [len(heading) for heading in chunk.headings]) == (256, [256])


def test_a_chunk_has_its_documents_metadata() -> None:
    metadata = [MetadataField(name="version", value="3")]
    (chunk,), _ = chunk_documents([document("One.").model_copy(update={"metadata": metadata})], SMALL)
    assert chunk.metadata == metadata


@pytest.mark.shared_data
@pytest.mark.skipif(not SHARED.is_dir(), reason="the Prefect documentation lies beside the project's checkout only")
def test_a_real_documentation_tree_is_cut_without_loss() -> None:
    documents, skips = read_documents(SHARED / "2.20.0", tenant_id="t", user_id="u")
    assert (len(documents) > 100, skips) == (True, [])
    for source in documents:
        chunks, rejected = chunk_documents([source], ChunkingConfig())
        check_offsets(source, chunks)
        assert rejected == []
        assert all(len(chunk.text) <= 1800 for chunk in chunks)
