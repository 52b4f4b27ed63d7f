"""Leads drafts through the stages, timing each and keeping a span of each."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from millrace.answering.draft import Draft, Stage, Step
from millrace.errors import MillraceError
from millrace.records.trace import Attribute, Span, SpanTiming

Clock = Callable[[], float]


def run_stages(drafts: Sequence[Draft], stages: Sequence[Stage], clock: Clock) -> list[Draft]:
    """The drafts after all stages, in order, each with one span a stage.

    A stage sees the undecided drafts together. When it raises, it is given each draft alone, and those that raise
    again end as ``failed`` with the error; the others go on.

    Args:
        clock: seconds since the epoch; the time of a stage is shared out evenly over the drafts it saw.
    """
    for stage in stages:
        drafts = _through(drafts, stage, clock)
    return list(drafts)


def _through(drafts: Sequence[Draft], stage: Stage, clock: Clock) -> list[Draft]:
    if stage.function is None:
        return [_passed_over(draft, stage, stage.off or "switched off") for draft in drafts]
    undecided = [draft for draft in drafts if draft.status is None]
    began = clock()
    steps = iter(_steps(undecided, stage))
    share_ms = max(0.0, (clock() - began) * 1000) / max(1, len(undecided))
    return [
        _noted(draft, next(steps), stage.name, began, share_ms)
        if draft.status is None
        else _passed_over(draft, stage, f"the question was {draft.status}")
        for draft in drafts
    ]


def _steps(drafts: Sequence[Draft], stage: Stage) -> Sequence[Step]:
    if stage.function is None or not drafts:
        return []
    try:
        steps = stage.function(drafts)
        if len(steps) != len(drafts):
            raise ValueError(f"stage {stage.name} made {len(steps)} steps of {len(drafts)} drafts")
        return steps
    except Exception as error:
        if len(drafts) == 1:
            return [_failed(drafts[0], error)]
    return [step for draft in drafts for step in _steps([draft], stage)]


def _failed(draft: Draft, error: Exception) -> Step:
    message = str(error) if isinstance(error, MillraceError) else f"{type(error).__name__}: {error}"
    return Step(draft.ended("failed", message), {"error": message})


def _noted(before: Draft, step: Step, name: str, began: float, duration_ms: float) -> Draft:
    timing = SpanTiming(
        name=name,
        start=datetime.fromtimestamp(began, UTC),
        duration_ms=duration_ms,
        characters_in=before.n_characters,
        characters_out=step.draft.n_characters,
    )
    span = span_of(name, ran="true", **step.facts)
    return replace(step.draft, spans=(*before.spans, span), timings=(*before.timings, timing))


def _passed_over(draft: Draft, stage: Stage, reason: str) -> Draft:
    return replace(draft, spans=(*draft.spans, span_of(stage.name, ran="false", reason=reason)))


def span_of(name: str, /, **facts: object) -> Span:
    """A span whose attributes are the facts that are not None, by name."""
    known = sorted((key, value) for key, value in facts.items() if value is not None)
    return Span(name=name, attributes=[Attribute(name=key, value=_as_text(value)) for key, value in known])


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6f}" if isinstance(value, float) else str(value)
