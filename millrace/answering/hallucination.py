"""The hallucination check: is the answer consistent with the passages it was written from? (A11)"""

from collections.abc import Sequence
from dataclasses import replace

from pydantic import BaseModel, ConfigDict, Field

from millrace.answering.draft import Draft, Step
from millrace.answering.extractive import ABSTENTION
from millrace.methods.consistency import Aggregation, AnsweredCase, Consistency, ConsistencyScorer
from millrace.records.trace import Score

SCORE_NAME = "factual_consistency"


class HallucinationConfig(BaseModel):
    """How passages' scores become one, and what becomes of answers with a low one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    aggregation: Aggregation = Field(
        "max",
        description="Over the passages, where the detector reads one at a time: max asks for one passage that supports "
        "the answer; the embedded scorer compares with all together and has no use for it",
    )
    withhold_below: float | None = Field(
        None, ge=0, le=1, description="Answers with a lower score are withheld and count as abstained; by default none"
    )


def check_hallucination(drafts: Sequence[Draft], scorer: ConsistencyScorer, config: HallucinationConfig) -> list[Step]:
    """Attach a score in [0, 1] to each answer, 1 for one that the passages support wholly.

    The score is None with a reason where there is no answer or no passage, or where nothing is claimed; such answers
    are never withheld.
    """
    found = scorer.score([_case(draft) for draft in drafts])
    return [_step(draft, each, scorer.identity, config) for draft, each in zip(drafts, found, strict=True)]


def _case(draft: Draft) -> AnsweredCase:
    return AnsweredCase(
        answer=draft.answer or "",
        contexts=tuple(passage.context.text for passage in draft.passages),
        question=draft.question.question,
        history=tuple(draft.question.history),
    )


def _step(draft: Draft, found: Consistency, source: str, config: HallucinationConfig) -> Step:
    score = Score(name=SCORE_NAME, value=found.value, reason=found.reason, source=source)
    scored = replace(draft, scores=(*draft.scores, score))
    facts = {"source": source, "score": found.value, "reason": found.reason}
    if config.withhold_below is None:
        return Step(scored, facts)
    withheld = found.value is not None and found.value < config.withhold_below
    return Step(_withheld(scored, found, config) if withheld else scored, facts | {"withheld": withheld})


def _withheld(draft: Draft, found: Consistency, config: HallucinationConfig) -> Draft:
    silent = replace(draft, answer=ABSTENTION, citations=(), output=None)
    return silent.ended(
        "abstained", f"the answer was withheld: {SCORE_NAME} {found.value:.3f} is below {config.withhold_below}"
    )
