import hashlib

from hypothesis import given
from hypothesis import strategies as st

from millrace.ingestion.redaction import redact_documents
from millrace.methods.redaction import RedactionRule, Redactor
from millrace.records.document import Document, Mark, MetadataField

MAIL = RedactionRule(id="mail", regex=r"\w+@\w+\.org", pii_type="EMAIL", reason="r", positive="a@b.org", negative="b")


def document(doc_id: str, text: str, title: str = "Notes") -> Document:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Document(
        doc_id=doc_id, tenant_id="a", user_id="u", source=f"{doc_id}.md", title=title, text=text, content_hash=digest
    )


def test_text_and_title_lose_personal_data_and_the_hash_follows_the_text() -> None:
    found = redact_documents([document("one", "Write to ann@mill.org.", "ann@mill.org")], Redactor([MAIL]))[0]
    assert (found.title, found.text) == ("[EMAIL]", "Write to [EMAIL].")
    assert found.content_hash == hashlib.sha256(b"Write to [EMAIL].").hexdigest()


def test_a_document_without_personal_data_stays_as_it_is_and_the_order_too() -> None:
    documents = [document("b", "Plain."), document("a", "Also plain.")]
    assert redact_documents(documents, Redactor([MAIL])) == documents


def test_redacting_twice_changes_nothing_more() -> None:
    once = redact_documents([document("one", "ann@mill.org")], Redactor([MAIL]))
    assert redact_documents(once, Redactor([MAIL])) == once


def test_metadata_loses_personal_data_too() -> None:
    tagged = document("one", "Text.").model_copy(update={"metadata": [MetadataField(name="by", value="ann@mill.org")]})
    (found,) = redact_documents([tagged], Redactor([MAIL]))
    assert found.metadata == [MetadataField(name="by", value="[EMAIL]")]


@given(st.lists(st.tuples(st.sampled_from(["plain", "ann@mill.org", "a@b.org"]), st.booleans()), max_size=12))
def test_marks_stand_around_the_same_words_as_before(words: list[tuple[str, bool]]) -> None:
    text, marks, expected = "", [], []
    for word, is_marked in words:
        if is_marked:
            marks.append(Mark(kind="heading", start=len(text), end=len(text) + len(word), level=1))
            expected.append("[EMAIL]" if "@" in word else word)
        text += word + " "
    marked = document("one", text).model_copy(update={"markup": "text", "marks": marks})
    (found,) = redact_documents([marked], Redactor([MAIL]))
    assert [found.text[mark.start : mark.end] for mark in found.marks] == expected


def test_a_mark_that_ends_inside_what_is_replaced_holds_all_of_it() -> None:
    text = "See ann@mill.org now"
    marks = [Mark(kind="heading", start=0, end=7, level=1), Mark(kind="code", start=7, end=len(text))]
    marked = document("one", text).model_copy(update={"markup": "text", "marks": marks})
    (found,) = redact_documents([marked], Redactor([MAIL]))
    assert [found.text[mark.start : mark.end] for mark in found.marks] == ["See [EMAIL]", "[EMAIL] now"]
