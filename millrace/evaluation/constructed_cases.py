"""Cases whose labels hold by construction: sentences of passages, true as they stand, or made false."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from millrace.datasets.canonical import sha256_json
from millrace.evaluation.calibration_case import CalibrationCase, CaseOrigin, SupportedLabel, case_id
from millrace.evaluation.swaps import names_in, numbers_in, with_other_name, with_other_number
from millrace.methods.prose import prose_sentences
from millrace.methods.text import content_words
from millrace.records.document import Chunk

_N_WORDS = range(5, 31)  # content words of a sentence that can stand alone
_PASSAGES_COMPARED = 2000
_MOST_SHARED = 0.5  # of the sentence's content words: with more, another passage might support it all the same
_KINDS: tuple[CaseOrigin, ...] = ("other_number", "other_name", "other_passage")  # in the order in which they are rare


@dataclass(frozen=True)
class Statement:
    """A sentence and the passage that it is from."""

    text: str
    chunk: Chunk


def statements_of(chunks: Iterable[Chunk], seed: int) -> list[Statement]:
    """Sentences that can stand alone, each text once, in the order of their hashes."""
    found: dict[str, Statement] = {}
    for chunk in chunks:
        for sentence in prose_sentences(chunk.text):
            if sentence.endswith(".") and len(content_words(sentence)) in _N_WORDS:
                found.setdefault(sentence, Statement(sentence, chunk))
    return sorted(found.values(), key=lambda each: sha256_json([seed, each.chunk.tenant_id, each.text]))


def true_cases(statements: Iterable[Statement], n: int) -> list[CalibrationCase]:
    """The first ``n`` statements with the passage that they are from."""
    first = islice(statements, n)
    return [_case(each, "own_passage", each.chunk.text, each.text, "supported") for each in first]


def false_cases(statements: Sequence[Statement], elsewhere: "Elsewhere", n: int) -> list[CalibrationCase]:
    """Up to ``n`` statements made false, each kind a third; where one runs short the others stand in."""
    makers = dict(zip(_KINDS, (elsewhere.number, elsewhere.name, elsewhere.passage), strict=True))
    made: list[CalibrationCase] = []
    left = list(statements)
    for place, kind in enumerate(_KINDS):
        cases, left = _take(left, makers[kind], (n - len(made)) // (len(_KINDS) - place))
        made += cases
    for kind in _KINDS:
        cases, left = _take(left, makers[kind], n - len(made))
        made += cases
    return made


class Elsewhere:
    """Numbers, names and passages of a tenant's sentences, to make another sentence of the tenant false with."""

    def __init__(self, statements: Sequence[Statement], seed: int) -> None:
        self._seed = seed
        self._numbers: defaultdict[str, list[str]] = defaultdict(list)
        self._names: defaultdict[str, list[str]] = defaultdict(list)
        chunks: defaultdict[str, dict[str, Chunk]] = defaultdict(dict)
        for each in statements:
            self._numbers[each.chunk.tenant_id] += numbers_in(each.text)
            self._names[each.chunk.tenant_id] += names_in(each.text)
            chunks[each.chunk.tenant_id].setdefault(each.chunk.chunk_id, each.chunk)
        self._passages = {
            tenant: [(each, frozenset(content_words(each.text))) for each in islice(own.values(), _PASSAGES_COMPARED)]
            for tenant, own in chunks.items()
        }

    def number(self, statement: Statement) -> CalibrationCase | None:
        """With another number for its first; None when it has none."""
        others = self._shuffled(self._numbers, statement)
        answer = with_other_number(statement.text, statement.chunk.text, others)
        return None if answer is None else _false(statement, "other_number", statement.chunk.text, answer)

    def name(self, statement: Statement) -> CalibrationCase | None:
        """With another name for its first; None when it has none."""
        others = self._shuffled(self._names, statement)
        answer = with_other_name(statement.text, statement.chunk.text, others)
        return None if answer is None else _false(statement, "other_name", statement.chunk.text, answer)

    def passage(self, statement: Statement) -> CalibrationCase | None:
        """With the passage that shares most of its words, but at most half of them; None when there is none."""
        asked = frozenset(content_words(statement.text))
        near = [
            (len(asked & known), chunk.text)
            for chunk, known in self._passages[statement.chunk.tenant_id]
            if chunk.chunk_id != statement.chunk.chunk_id and len(asked & known) <= _MOST_SHARED * len(asked)
        ]
        return _false(statement, "other_passage", max(near)[1], statement.text) if near else None

    def _shuffled(self, found: dict[str, list[str]], statement: Statement) -> list[str]:
        own = dict.fromkeys(found[statement.chunk.tenant_id])
        return sorted(own, key=lambda each: sha256_json([self._seed, statement.text, each]))


def _take(
    statements: Sequence[Statement], make: Callable[[Statement], CalibrationCase | None], n: int
) -> tuple[list[CalibrationCase], list[Statement]]:
    """The first ``n`` cases that can be made, and the statements not used for them."""
    cases: list[CalibrationCase] = []
    left: list[Statement] = []
    for statement in statements:
        case = make(statement) if len(cases) < n else None
        if case is None:
            left.append(statement)
        else:
            cases.append(case)
    return cases, left


def _false(statement: Statement, origin: CaseOrigin, passage: str, answer: str) -> CalibrationCase:
    return _case(statement, origin, passage, answer, "unsupported")


def _case(
    statement: Statement, origin: CaseOrigin, passage: str, answer: str, label: SupportedLabel
) -> CalibrationCase:
    return CalibrationCase(
        case_id=case_id(origin, [passage], answer),
        contexts=[passage],
        answer=answer,
        label=label,
        labelled_by="construction",
        origin=origin,
        source=statement.chunk.doc_id,
    )
