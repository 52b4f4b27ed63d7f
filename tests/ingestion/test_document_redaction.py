import hashlib

from millrace.ingestion.redaction import redact_documents
from millrace.methods.redaction import RedactionRule, Redactor
from millrace.records.document import Document

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
