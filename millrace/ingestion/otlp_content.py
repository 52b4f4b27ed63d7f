"""What was asked and answered in one OpenTelemetry span, in the forms that the GenAI conventions have had.

In order: the attributes ``gen_ai.input.messages`` and ``gen_ai.output.messages``, as JSON texts or structured, on the
span or on its event ``gen_ai.client.inference.operation.details`` (since 1.37); the events ``gen_ai.user.message`` to
``gen_ai.choice`` (1.28 to 1.36); the events ``gen_ai.content.prompt`` and ``gen_ai.content.completion``, and the
attributes ``gen_ai.prompt`` and ``gen_ai.completion``, whole or numbered (before). The first form that says anything
counts.

Source: see ``millrace.methods.otlp``.
"""

import re
from collections.abc import Iterator
from typing import Any

from millrace.ingestion.chat_messages import Message, parsed, read_messages, text_of
from millrace.methods import otlp

CONTENT = frozenset(
    {otlp.INPUT_MESSAGES, otlp.OUTPUT_MESSAGES, "gen_ai.system_instructions", "gen_ai.prompt", "gen_ai.completion"}
)

_MESSAGE_EVENT = re.compile(r"gen_ai\.(system|user|assistant)\.message")
_CHOICE_EVENT = "gen_ai.choice"
_CONTENT_NAMES = ("content", "message", "gen_ai.event.content")
_NUMBERED = re.compile(r"gen_ai\.(prompt|completion)\.(\d{1,6})\.(role|content)")


def asked_in(span: dict[str, Any]) -> list[Message]:
    """The messages given to the model, or to the application where the span is its own."""
    return next((found for found in _forms(span, asked=True) if found), [])


def answer_of(span: dict[str, Any]) -> str | None:
    """The words of the first answer; None when there is none, or none in words."""
    found = next((found for found in _forms(span, asked=False) if found), [])
    return next((message.text for message in found if message.speaker == "assistant"), None)


def _forms(span: dict[str, Any], *, asked: bool) -> Iterator[list[Message]]:
    carriers = [span["attributes"], *(event["attributes"] for event in span["events"])]
    current = otlp.INPUT_MESSAGES if asked else otlp.OUTPUT_MESSAGES
    yield from (read_messages(parsed(facts[current])) or [] for facts in carriers if current in facts)
    yield list(_asked_by_events(span) if asked else _answered_by_events(span))
    older = "gen_ai.prompt" if asked else "gen_ai.completion"
    yield from (_whole(facts[older], "user" if asked else "assistant") for facts in carriers if older in facts)
    yield _numbered(span["attributes"], older.removeprefix("gen_ai."))


def _asked_by_events(span: dict[str, Any]) -> Iterator[Message]:
    for event in span["events"]:
        found = _MESSAGE_EVENT.fullmatch(event["name"])
        text = _event_text(event["attributes"]) if found else None
        if found and text is not None:
            yield Message(found[1], text)


def _answered_by_events(span: dict[str, Any]) -> Iterator[Message]:
    for event in span["events"]:
        text = _event_text(event["attributes"]) if event["name"] == _CHOICE_EVENT else None
        if text is not None:
            yield Message("assistant", text)


def _event_text(facts: dict[str, Any]) -> str | None:
    return next((text_of(parsed(facts[name])) for name in _CONTENT_NAMES if name in facts), None)


def _whole(value: object, speaker: str) -> list[Message]:
    """Messages, or one text of whoever speaks on this side."""
    messages = read_messages(parsed(value))
    if messages is None:
        text = text_of(parsed(value))
        return [] if text is None else [Message(speaker, text)]
    return messages


def _numbered(facts: dict[str, Any], side: str) -> list[Message]:
    """``gen_ai.prompt.0.role``, ``gen_ai.prompt.0.content`` and so on, as instrumentations wrote them before 1.37."""
    messages: dict[int, dict[str, Any]] = {}
    for name, value in facts.items():
        found = _NUMBERED.fullmatch(name)
        if found and found[1] == side:
            messages.setdefault(int(found[2]), {"role": "assistant" if side == "completion" else None})[found[3]] = (
                parsed(value)
            )
    return read_messages([messages[number] for number in sorted(messages)]) or []
