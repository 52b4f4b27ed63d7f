"""What ran, in words: the run, its window and the components it used."""

from millrace.records.report import Component, RunFacts
from millrace.reports.document import Block, Cell, Facts, Paragraph
from millrace.reports.wording import joined, utc_text

_MAX_COMPONENTS = 20


def window_text(run: RunFacts) -> str:
    """``2026-11-16 00:00 UTC to 2026-11-23 00:00 UTC (time zone of the window: Europe/Vienna)``."""
    return f"{utc_text(run.window_start)} to {utc_text(run.window_end)} (time zone of the window: {run.time_zone})"


def run_blocks(run: RunFacts) -> tuple[Block, ...]:
    """The run and its components; bundled defaults say what they stand in for."""
    components = run.components[:_MAX_COMPONENTS]
    left = [component.identity for component in run.components[_MAX_COMPONENTS:]]
    facts: list[tuple[str, Cell]] = [
        ("Run", run.run_id),
        ("Flow", run.flow),
        ("Window", window_text(run)),
        ("Reported at", utc_text(run.reported_at)),
        *((component.role.capitalize(), _component(component)) for component in components),
        *((("And", joined(left, at_most=5)),) if left else ()),
    ]
    defaults = [component.identity for component in run.components if component.stands_in_for]
    if not defaults:
        return (Facts(tuple(facts)),)
    text = "Bundled defaults were used, as said above; the numbers of this report rest on them."
    return (Facts(tuple(facts)), Paragraph(text))


def _component(component: Component) -> str:
    if component.stands_in_for is None:
        return component.identity
    return f"{component.identity} (a bundled default; stands in for {component.stands_in_for})"
