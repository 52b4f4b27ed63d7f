"""The gate of a replayed answer (D12): deterministic checks, each with what it saw. No model decides here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from pydantic import Field, field_validator, model_validator

from millrace.methods.abstention import is_abstention
from millrace.methods.consistency import AnsweredCase, Consistency, ConsistencyScorer
from millrace.methods.redaction import RedactionRule
from millrace.records.base import Record
from millrace.records.replay import GateCheck, ReplayRetrieval, ValidationStep
from millrace.replay.bundle import Bundled
from millrace.replay.names import made_up
from millrace.replay.steps import check_steps, read_steps

_SHOWN = 5  # made-up names in a detail
ABSTAINED = "abstained"


class GateConfig(Record):
    """What an answer has to be; the content of ``configs/replay_gate.yaml``."""

    min_groundedness: float = Field(0.55, ge=0, le=1, description="Least support by the accepted pieces")
    near_enough: float = Field(
        0.5, ge=-1, le=1, description="With an accepted piece of this cosine to the question, an abstention is none"
    )
    min_characters: int = Field(2, ge=1, le=10_000)
    max_characters: int = Field(6_000, ge=1, le=1_000_000)
    steps: list[ValidationStep] = Field([], description="Checked of every task; a task's own come after them")

    @field_validator("steps", mode="before")
    @classmethod
    def _usable(cls, steps: object) -> object:
        try:
            return read_steps([dict(each) if isinstance(each, ValidationStep) else each for each in steps])  # type: ignore[attr-defined]
        except Exception as error:
            raise ValueError(str(error)) from error

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min_characters > self.max_characters:
            raise ValueError("min_characters must not exceed max_characters")
        return self

    def steps_of(self, bundled: Bundled) -> list[ValidationStep]:
        """Everybody's steps that the task has not replaced by one of the same name, then its own."""
        own = {step.name for step in bundled.task.validation}
        return [*(step for step in self.steps if step.name not in own), *bundled.task.validation]


@dataclass(frozen=True)
class Attempt:
    """What an answerer made of a task: a redacted text, or an error.

    Attributes:
        text: without marks of citations, which are in ``cited``, the ids of the pieces that it names.
        n_invalid_citations: marks that name no piece, or one that is not to be relied on.
    """

    answered_by: str
    text: str | None = None
    cited: tuple[str, ...] = ()
    n_invalid_citations: int = 0
    error: str | None = None


@dataclass(frozen=True)
class GateVerdict:
    """What the gate says of one answer; ``passed`` when every check did."""

    checks: tuple[GateCheck, ...]
    groundedness: float | None
    reason: str | None

    @property
    def passed(self) -> bool:
        return bool(self.checks) and all(check.passed for check in self.checks)


@dataclass(frozen=True)
class Gate:
    """Judges answers; equal answers and bundles give equal verdicts."""

    config: GateConfig
    scorer: ConsistencyScorer
    redaction: Sequence[RedactionRule]
    retrieval: ReplayRetrieval

    def judge(self, bundles: Sequence[Bundled], attempts: Sequence[Attempt]) -> list[GateVerdict]:
        """One verdict for each answer, in order; an attempt with an error has no checks, and does not pass.

        A check that cannot be made is left out: groundedness and citations where no knowledge was asked for,
        groundedness of an abstention or of an answer that claims nothing.
        """
        found = self.scorer.score([_case(each, attempt) for each, attempt in zip(bundles, attempts, strict=True)])
        return [
            GateVerdict((), None, "no_answer")
            if attempt.error is not None
            else GateVerdict(tuple(self._checks(bundled, attempt, score)), score.value, score.reason)
            for bundled, attempt, score in zip(bundles, attempts, found, strict=True)
        ]

    def _checks(self, bundled: Bundled, attempt: Attempt, score: Consistency) -> Iterator[GateCheck]:
        answer = attempt.text or ""
        yield self._answered(bundled, answer)
        if not answer.strip():
            return
        if self.retrieval == "index":
            yield from self._grounded(score)
            yield _citations(bundled, attempt)
        steps = self.config.steps_of(bundled)
        shown = _shown_to_answerer(bundled, steps)
        yield _names(answer, shown)
        yield self._personal_data(answer, shown)
        yield self._length(answer)
        yield from check_steps(steps, answer)

    def _answered(self, bundled: Bundled, answer: str) -> GateCheck:
        if not answer.strip():
            return GateCheck(name="answered", passed=False, detail="the answer is empty")
        if not is_abstention(answer):
            return GateCheck(name="answered", passed=True)
        nearest = max((item.score for item in bundled.of("accepted")), default=None)
        if nearest is None or nearest < self.config.near_enough:
            return GateCheck(name="answered", passed=True, detail="abstained, and nothing near enough was known")
        return GateCheck(
            name="answered", passed=False, detail=f"abstained, with an accepted piece of cosine {nearest:.3f}"
        )

    def _grounded(self, score: Consistency) -> Iterator[GateCheck]:
        least = self.config.min_groundedness
        if score.value is not None:
            supported, detail = score.value >= least, f"{score.value:.3f}, and at least {least} is asked for"
            yield GateCheck(name="groundedness", passed=supported, detail=detail)
        elif score.reason == "no_context":
            yield GateCheck(name="groundedness", passed=False, detail="it claims something, and nothing supports it")

    def _personal_data(self, answer: str, sources: str) -> GateCheck:
        """Personal data is redacted before anything sees it: what is left of it are placeholders."""
        marks = dict.fromkeys(f"[{rule.pii_type}]" for rule in self.redaction if rule.mode != "report")
        leaked = [mark[1:-1] for mark in marks if mark in answer and mark not in sources]
        detail = f"it held {', '.join(leaked)}, redacted before it was stored" if leaked else ""
        return GateCheck(name="personal_data", passed=not leaked, detail=detail)

    def _length(self, answer: str) -> GateCheck:
        n, low, high = len(answer.strip()), self.config.min_characters, self.config.max_characters
        detail = "" if low <= n <= high else f"{n} characters, and {low} to {high} are asked for"
        return GateCheck(name="length", passed=not detail, detail=detail)


def _citations(bundled: Bundled, attempt: Attempt) -> GateCheck:
    reliable = {item.evidence_id for item in bundled.of("accepted")}
    n_wrong = attempt.n_invalid_citations + sum(cited not in reliable for cited in attempt.cited)
    detail = f"{n_wrong} of its citations name no accepted piece" if n_wrong else ""
    return GateCheck(name="citations", passed=not n_wrong, detail=detail)


def _names(answer: str, sources: str) -> GateCheck:
    invented = made_up(answer, sources)
    more = f" and {len(invented) - _SHOWN} more" if len(invented) > _SHOWN else ""
    detail = f"named nowhere before: {', '.join(invented[:_SHOWN])}{more}" if invented else ""
    return GateCheck(name="files_and_ids", passed=not invented, detail=detail)


def _shown_to_answerer(bundled: Bundled, steps: Sequence[ValidationStep]) -> str:
    said = [bundled.task.question, *(turn.text for turn in bundled.task.history)]
    pieces = [text for item in bundled.items for text in (item.title, item.text)]
    return "\n".join([*said, *pieces, *(text for step in steps for text in (step.told, step.value))])


def _case(bundled: Bundled, attempt: Attempt) -> AnsweredCase:
    """Warnings support nothing."""
    return AnsweredCase(
        answer=attempt.text or "",
        contexts=tuple(item.text for item in bundled.of("accepted")),
        question=bundled.task.question,
        history=tuple(bundled.task.history),
    )
