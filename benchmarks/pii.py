"""Recognising personal data: precision and recall by type, beside presidio-analyzer's own pattern recognizers.

The rules were written looking at the sentences whose template has an even number; the odd ones are reported.
presidio-analyzer is compared when it can be imported; it is no dependency (``pip install --target DIR
presidio-analyzer``, then ``PYTHONPATH=DIR``). Its recognizers of patterns are called directly, without an NLP engine.
"""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.tables import spread, table
from millrace.methods.redaction import Redactor
from millrace.statistics.intervals import wilson_interval
from tasks.tables import redaction_rules

DATA = Path(__file__).parents[2] / "shared" / "data"
PRESIDIO = DATA / "pii_presidio" / "generated_large.json"
TYPES = {
    "EMAIL_ADDRESS": "EMAIL",
    "PHONE_NUMBER": "PHONE",
    "US_SSN": "SSN",
    "CREDIT_CARD": "CREDIT_CARD",
    "IBAN_CODE": "IBAN",
    "IP_ADDRESS": "IP_ADDRESS",
    "ADDRESS": "ADDRESS",
    "PERSON": "PERSON",
}
RECOGNIZERS = {
    "EMAIL_ADDRESS": "EmailRecognizer",
    "PHONE_NUMBER": "PhoneRecognizer",
    "US_SSN": "UsSsnRecognizer",
    "CREDIT_CARD": "CreditCardRecognizer",
    "IBAN_CODE": "IbanRecognizer",
    "IP_ADDRESS": "IpRecognizer",
}
N_RUNS = 5


class Piece(NamedTuple):
    """Characters ``start`` to ``end`` of a text, of a type."""

    pii_type: str
    start: int
    end: int


class Finder(NamedTuple):
    """Something that finds pieces of some types."""

    name: str
    types: frozenset[str]
    find: Callable[[str], Sequence[Piece]]


def run(half: str = "odd") -> str:
    """Scores on one half of the templates ("odd", or "even", which the rules were written on), and speed; Markdown."""
    rows = [row for row in _rows() if row["template_id"] % 2 == (half == "odd")]
    redactor, peer = Redactor(redaction_rules()), _presidio()
    finders = [_millrace(redactor), *([peer] if peer else [])]
    note = "" if peer else "\n\npresidio-analyzer is not installed, so it is not compared."
    return "\n\n".join([_scores(rows, finders) + note, _speed(redactor, peer)])


def _scores(rows: Sequence[dict[str, Any]], finders: Sequence[Finder]) -> str:
    gold = [
        [
            Piece(TYPES[span["entity_type"]], span["start_position"], span["end_position"])
            for span in row["spans"]
            if span["entity_type"] in TYPES
        ]
        for row in rows
    ]
    found = [[finder.find(row["full_text"]) for row in rows] for finder in finders]
    lines = []
    for pii_type in TYPES.values():
        templates = {
            r["template_id"] for r, g in zip(rows, gold, strict=True) if any(p.pii_type == pii_type for p in g)
        }
        line = [pii_type, str(len(templates))]
        for finder, pieces in zip(finders, found, strict=True):
            if pii_type in finder.types:
                line += [_share(pii_type, pieces, gold), _share(pii_type, gold, pieces)]
            else:
                line += ["not looked for"] * 2
        lines.append(line)
    header = [f"{finder.name}: {figure}" for finder in finders for figure in ("precision", "recall")]
    return table(["type", "templates", *header], lines)


def _share(pii_type: str, counted: Sequence[Sequence[Piece]], among: Sequence[Sequence[Piece]]) -> str:
    """How many of the counted pieces of a type meet one of the same type in the other list."""
    n, n_met = 0, 0
    for pieces, others in zip(counted, among, strict=True):
        for piece in pieces:
            if piece.pii_type == pii_type:
                n += 1
                n_met += any(o.pii_type == pii_type and o.start < piece.end and piece.start < o.end for o in others)
    share = wilson_interval(n_met, n)
    return "- (none)" if share.mean is None else f"{share.mean:.3f} [{share.low:.3f}, {share.high:.3f}], n {n}"


def _millrace(redactor: Redactor) -> Finder:
    def find(text: str) -> list[Piece]:
        redacted, shift, pieces = redactor.redact(text), 0, []
        for edit in redacted.edits:
            shown = redacted.text[edit.start + shift : edit.start + shift + edit.length]
            pieces.append(Piece(shown.strip("[]"), edit.start, edit.end))
            shift += edit.length - (edit.end - edit.start)
        return pieces

    return Finder("Millrace", frozenset(TYPES.values()), find)


def _presidio() -> Finder | None:
    """All that the recognizers give, whatever its score, which is Presidio's default; None when it is not installed."""
    try:
        from presidio_analyzer import predefined_recognizers as available  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return None
    recognizers = [(TYPES[entity], entity, getattr(available, name)()) for entity, name in RECOGNIZERS.items()]

    def find(text: str) -> list[Piece]:
        return [
            Piece(pii_type, result.start, result.end)
            for pii_type, entity, recognizer in recognizers
            for result in recognizer.analyze(text, [entity], None)
        ]

    return Finder("presidio-analyzer", frozenset(pii_type for pii_type, _, _ in recognizers), find)


def _speed(redactor: Redactor, peer: Finder | None) -> str:
    texts = [row["full_text"] for row in _rows()]
    short = [text for text in texts if len(text) <= 120]
    rows = [
        _timed("Millrace", redactor.redact, "sentences of at most 120 characters", short, N_RUNS),
        _timed("Millrace", redactor.redact, "all sentences", texts, N_RUNS),
    ]
    if peer is not None:
        rows.append(_timed(peer.name, peer.find, "all sentences", texts, 1))
    aim = "Aim: 20 000 short texts/s. CPU time; two sentences in five hold something that is replaced."
    return f"{table(['', 'texts', 'n', 'mean characters', 'runs', 'texts/s on one core'], rows)}\n\n{aim}"


def _timed(name: str, work: Callable[[str], object], kind: str, texts: Sequence[str], n_runs: int) -> list[str]:
    speeds = [_per_second(work, texts) for _ in range(n_runs)]
    length = sum(map(len, texts)) / len(texts)
    return [name, kind, str(len(texts)), f"{length:.0f}", str(n_runs), spread(speeds)]


def _per_second(work: Callable[[str], object], texts: Sequence[str]) -> float:
    began = time.process_time()
    for text in texts:
        work(text)
    return len(texts) / (time.process_time() - began)


def _rows() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(PRESIDIO.read_text(encoding="utf-8"))
    return rows


if __name__ == "__main__":
    print(run())
