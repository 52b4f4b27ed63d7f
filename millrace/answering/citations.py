"""What a model cites, as places in its answer."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from millrace.methods.text import TextSpan, content_words, sentence_spans, words
from millrace.records.trace import Citation, RetrievedContext

# Code spans come first, so that `items[1]` in one is no marker; [1](...) is a link.
_MARKER = re.compile(r"(?P<code>`+[^`]*`+)|\s*\[(?P<numbers>\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\](?!\()")


@dataclass(frozen=True)
class Quote:
    """A passage by its number, from 1, and the words of it that an answer rests on."""

    passage: int
    words: str


@dataclass(frozen=True)
class CitedAnswer:
    """An answer without its markers, and what its sentences cite.

    Attributes:
        n_invalid: markers and quotes that name no passage, or that belong to no sentence; they are left out.
        n_unfound_quotes: quotes that are not in the passage they name, spacing and spelling aside.
    """

    answer: str
    citations: tuple[Citation, ...]
    n_invalid: int
    n_unfound_quotes: int


def cited_answer(text: str, quotes: Sequence[Quote], contexts: Sequence[RetrievedContext]) -> CitedAnswer:
    """Turn markers such as ``[2]`` and quotes into citations of whole sentences.

    A marker cites for the sentence that it stands in or after. A quote whose passage no marker names cites for the
    sentence that shares most content words with it.

    Args:
        text: the answer with its markers; markers inside code spans are none.
        quotes: in any order.
        contexts: passages in the order of their numbers.
    """
    answer, markers = _without_markers(text)
    spans = sentence_spans(answer)
    known = range(1, len(contexts) + 1)
    cited = {(_sentence_before(spans, place), number) for place, number in markers if spans and number in known}
    marked = {number for _, number in markers}
    placed = [(_nearest_sentence(answer, spans, quote.words), quote.passage) for quote in quotes]
    cited |= {
        (place, number) for place, number in placed if place is not None and number in known and number not in marked
    }
    invalid = [number for _, number in markers if not spans or number not in known]
    invalid += [n for place, n in placed if n not in known or (place is None and n not in marked)]
    return CitedAnswer(
        answer=answer,
        citations=tuple(
            Citation(start=spans[place].start, end=spans[place].end, context_id=contexts[number - 1].context_id)
            for place, number in sorted(cited)
        ),
        n_invalid=len(invalid),
        n_unfound_quotes=sum(not _holds(contexts[q.passage - 1].text, q.words) for q in quotes if q.passage in known),
    )


def moved_citations(citations: Sequence[Citation], before: str, after: str) -> tuple[Citation, ...]:
    """Citations of one wording of an answer in another; those whose sentence is not in it any more are left out."""
    return tuple(_moved(citations, before, after))


def _moved(citations: Sequence[Citation], before: str, after: str) -> Iterator[Citation]:
    for citation in citations:
        sentence = before[citation.start : citation.end]
        start = after.find(sentence)
        if start >= 0:
            yield citation.model_copy(update={"start": start, "end": start + len(sentence)})


def _without_markers(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The text without its markers, and for each number its place in that text."""
    kept, markers, read, length = [], [], 0, 0
    for match in _MARKER.finditer(text):
        if match["code"] is not None:
            continue
        # The space before a marker goes with it, unless it is all that parts two words.
        end = match.start("numbers") - 1 if text[match.end() : match.end() + 1].isalnum() else match.start()
        kept.append(text[read:end])
        length += end - read
        read = match.end()
        markers += [(length, int(number)) for number in re.findall(r"\d+", match["numbers"])]
    kept.append(text[read:])
    joined = "".join(kept)
    lead = len(joined) - len(joined.lstrip())
    return joined.strip(), [(max(0, place - lead), number) for place, number in markers]


def _sentence_before(spans: Sequence[TextSpan], place: int) -> int:
    """The last sentence that begins before the place."""
    return max((index for index, span in enumerate(spans) if span.start < place), default=0)


def _nearest_sentence(answer: str, spans: Sequence[TextSpan], quote: str) -> int | None:
    """The first of the sentences that share most content words with the quote; None when none shares any."""
    wanted = frozenset(content_words(quote))
    shared = [len(wanted.intersection(content_words(answer[span.start : span.end]))) for span in spans]
    most = max(shared, default=0)
    return shared.index(most) if most else None


def _holds(passage: str, quote: str) -> bool:
    return f" {' '.join(words(quote))} " in f" {' '.join(words(passage))} "
