"""How far an answer is supported by the passages it was given."""

from typing import Literal

from pydantic import Field

from millrace.records.base import Identifier, Record

UngroundedReason = Literal["no_answer", "abstained", "no_context", "no_claim"]


class SentenceSupport(Record):
    """The support of one sentence of the answer; offsets are characters of the answer, end exclusive."""

    start: int = Field(ge=0)
    end: int = Field(ge=0)
    support: float = Field(ge=0, le=1, description="The answer's score if it were this sentence alone")
    level: Literal["lexical", "embedding"] = Field(description="What decided: words alone, or sentence vectors as well")
    context_id: str | None = Field(description="The passage nearest to the sentence; None when they share no word")


class GroundednessScore(Record):
    """The groundedness of one trace; without a score, ``reason`` says why."""

    trace_id: Identifier
    score: float | None = Field(ge=0, le=1, description="Expected human faithfulness, 0 (lowest rating) to 1 (highest)")
    reason: UngroundedReason | None = Field(
        None,
        description="no_answer: blocked, failed or blank; abstained: the answer says that it has none; no_context: no "
        "passage was given; no_claim: the answer has no content word",
    )
    source: Identifier = Field(description="Scorer and version, as 'embedded-groundedness/1'")
    sentences: list[SentenceSupport] = Field([], description="Sentences with a content word, in order")
