"""The sentences of a Markdown passage that a person would read out: no code, tables, headings or fragments."""

import re

from millrace.methods.text import content_words, sentence_spans, without_list_marker

_MIN_WORDS = 3  # of content; less is a label or a fragment
_FENCE = re.compile(r"^(?P<mark>`{3,}|~{3,}).*?(?:^(?P=mark)|\Z)", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"!?\[(?P<text>[^\]\n]*)\]\([^)\s]*(?: \"[^\"\n]*\")?\)")
_NO_PROSE = ("|", "#", "<", "!!!", "???", "import ")


def prose_sentences(text: str) -> list[str]:
    """Sentences of at least three content words, in order, on one line each and with links as their text."""
    prose = _FENCE.sub(lambda fence: "\n" * fence[0].count("\n"), text)
    found = []
    for span in sentence_spans(prose):
        sentence = prose[span.start : span.end]
        if not sentence.startswith(_NO_PROSE):
            found.append(" ".join(_LINK.sub(r"\g<text>", without_list_marker(sentence)).split()))
    return [sentence for sentence in found if len(content_words(sentence)) >= _MIN_WORDS]
