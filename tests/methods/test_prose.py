"""Only what a person would read out counts as prose."""

from hypothesis import given
from hypothesis import strategies as st

from millrace.methods.prose import prose_sentences


def test_links_are_their_text_and_wrapped_lines_one_line() -> None:
    text = "- The [server](https://example.org) stores every run.\n- It keeps\n  logs of finished runs."
    assert prose_sentences(text) == ["The server stores every run.", "It keeps logs of finished runs."]


def test_code_tables_headings_and_fragments_are_no_prose() -> None:
    text = "# Workers poll the queue\n\n| worker | polls | queue |\n\n```\nworker polls queue\n```\n\nSee below.\n"
    assert prose_sentences(text) == []


def test_a_fence_that_is_never_closed_hides_the_rest() -> None:
    assert prose_sentences("The worker polls the queue.\n\n~~~\nThe worker polls the queue.") == [
        "The worker polls the queue."
    ]


@given(st.text(alphabet="ab`~|#[]()\n. ", max_size=60))
def test_every_sentence_is_one_line_without_margins(text: str) -> None:
    for sentence in prose_sentences(text):
        assert sentence == " ".join(sentence.split())
