"""An answerer over a small index, whose answers can be worked out by hand."""

from collections.abc import Callable, Sequence
from typing import Any

from millrace.answering.config import AnsweringConfig, AnsweringTables
from millrace.answering.stages import Tools
from millrace.answering.traces import Answerer
from millrace.methods.consistency import GroundednessConsistency
from millrace.ports import Embedder, VectorIndex
from tasks.tables import groundedness_model, injection_rules, output_schemas, redaction_rules, routing_table


class WordCounter:
    """Implements ``Tokenizer``: a token is a word."""

    identity = "words"

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]


def shipped_tables(**changed: Any) -> AnsweringTables:
    """The tables of ``configs/``, but for those named."""
    shipped = {
        "routes": routing_table(),
        "schemas": output_schemas(),
        "injection": injection_rules(),
        "redaction": redaction_rules(),
        "groundedness": groundedness_model(),
    }
    return AnsweringTables(**(shipped | changed))


def every_second() -> Callable[[], float]:
    """A clock that is a second later each time it is looked at."""
    seconds = iter(range(1_000_000))
    return lambda: float(next(seconds))


def answerer_over(
    index: VectorIndex,
    embedder: Embedder,
    config: AnsweringConfig | None = None,
    tables: AnsweringTables | None = None,
    **tools: Any,
) -> Answerer:
    """An answerer with shipped tables; ``tools`` are its other tools by field of ``Tools``."""
    tables = tables or shipped_tables()
    others = {"tokenizer": WordCounter(), "consistency": GroundednessConsistency(embedder, tables.groundedness)} | tools
    return Answerer(
        Tools(index=index, embedder=embedder, **others), tables, config or AnsweringConfig(), every_second()
    )
