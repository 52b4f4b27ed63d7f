"""``millrace ask``: one question, answered at once and shown with what it rests on."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from apps.cli.command import command
from apps.cli.environment import prepare
from apps.cli.exits import FINDING, OK
from apps.cli.terminal import Terminal, lines, table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from millrace.records.trace import Span, Trace


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app)(ask)


def ask(
    terminal: Terminal,
    question: Annotated[str, typer.Argument(help="The question.")],
    tenant: Annotated[str, typer.Option(help="Whose documents are searched.")] = "default",
    user: Annotated[str | None, typer.Option(help="Who asks.")] = None,
    gateway: Annotated[
        str | None, typer.Option(help="Generate the answer: `environment`, or a saved block's slug/name.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings as YAML; default configs/answer_questions.yaml.")
    ] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="key=value over the settings; repeatable.")] = None,
) -> int:
    """Answer one question from the index, and show the cited sentences and what each stage did. Nothing is stored."""
    prepare(terminal.root)
    with terminal.working("answering"):
        overrides = [*(set_ or ()), *([f"services.gateway={gateway}"] if gateway else [])]
        trace = _answer(terminal, question, tenant, user, config, overrides)
    terminal.show(trace, *_shown(trace))
    return FINDING if trace.status == "failed" else OK


def _answer(
    terminal: Terminal, text: str, tenant: str, user: str | None, config: Path | None, overrides: Sequence[str]
) -> "Trace":
    from apps.cli.flow_catalogue import LoadedFlow, read_config
    from flows.answer_questions import AnsweringSettings
    from millrace.answering.traces import answer
    from tasks.answering import active_index, opened_answerer, screened_question

    found = read_config(LoadedFlow("answer-questions", None, AnsweringSettings), config, overrides)
    settings = AnsweringSettings.model_validate(found)
    tables, home = settings.tables(), terminal.existing_home()
    fields = {"question_id": "ask", "tenant_id": tenant, "user_id": user, "question": text}
    asked = screened_question(fields | {"time": datetime.now(UTC).isoformat()}, tables)
    index = active_index(home, settings.index)
    with opened_answerer(home, index, settings.answering, tables, settings.services) as answerer:
        (trace,) = answer([asked], answerer)
    return trace


def _shown(trace: "Trace") -> "Iterator[RenderableType]":
    if trace.answer is not None:
        yield lines(trace.answer, "")
    if trace.error is not None:
        yield lines(f"{trace.status}: {trace.error}", "")
    elif trace.answer is None:
        yield lines(f"{trace.status}: no answer was written", "")
    if trace.citations:
        yield table(["cited sentence", "document", "passage"], list(_cited(trace)))
    duration = {timing.name: f"{timing.duration_ms:.1f}" for timing in trace.timings}
    spans = [[span.name, duration.get(span.name), _facts(span)] for span in trace.spans]
    yield table(["stage", "ms#", "what it did"], spans)
    yield lines(_ending(trace))


def _cited(trace: "Trace") -> Iterator[list[object]]:
    contexts = {context.context_id: context for context in trace.contexts}
    for citation in trace.citations:
        source = contexts.get(citation.context_id)
        document = None if source is None else source.doc_id or source.title
        yield [(trace.answer or "")[citation.start : citation.end], document, citation.context_id[:12]]


def _facts(span: "Span") -> str:
    facts = {fact.name: fact.value for fact in span.attributes}
    ran = facts.pop("ran", "true")
    if ran == "false":
        return f"not run: {facts.get('reason')}"
    return ", ".join(f"{name} {value}" for name, value in facts.items())


def _ending(trace: "Trace") -> str:
    parts = [f"{trace.status} by {trace.answered_by}", f"route {trace.route}"]
    if trace.input_tokens is not None or trace.output_tokens is not None:
        cost = "cost not known" if trace.cost_usd is None else f"{trace.cost_usd:.6f} USD"
        parts.append(f"{trace.input_tokens} tokens in, {trace.output_tokens} out, {cost}")
    return " · ".join(parts)
