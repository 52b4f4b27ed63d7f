"""What tools write of a chat: who spoke, what was said in words, and which passages were found."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

_SPEAKERS = {
    "user": "user", "human": "user",
    "assistant": "assistant", "ai": "assistant", "model": "assistant", "bot": "assistant",
    "system": "system", "developer": "system",
}  # fmt: skip


class Message(NamedTuple):
    """``speaker`` is one of user, assistant and system; ``text`` may be empty."""

    speaker: str
    text: str


def read_messages(value: object) -> list[Message] | None:
    """The messages of a list such as ``[{"role": "user", "content": "..."}]`` or with ``parts``; None for all else.

    Messages of tools, and those without words (calls of tools, images), are left out.
    """
    if not isinstance(value, list) or not all(isinstance(each, dict) and _role(each) for each in value):
        return None
    read = ((_SPEAKERS.get(str(_role(each)).lower()), text_of(each)) for each in value)
    return [Message(speaker, text) for speaker, text in read if speaker is not None and text is not None]


def question_of(messages: Sequence[Message]) -> dict[str, Any] | None:
    """``question``, the user's last words, and ``history``, what was said before; None when the user said nothing."""
    places = [place for place, message in enumerate(messages) if message.speaker == "user"]
    if not places:
        return None
    return {
        "question": messages[places[-1]].text,
        "history": [{"speaker": each.speaker, "text": each.text} for each in messages[: places[-1]]],
    }


def text_of(value: object) -> str | None:
    """The words in a text, a message, a part of one, or a list of these; None when there are none.

    Several texts of one message are joined by line breaks.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        texts = [text for text in map(_text_of_part, value) if text is not None]
        return "\n".join(texts) if texts else None
    if isinstance(value, dict):
        found = (
            text_of(value[name]) for name in ("parts", "content", "text", "message") if value.get(name) is not None
        )
        return next((text for text in found if text is not None), None)
    return None


def each_once(contexts: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The passages by the first of each id: several searches often find the same."""
    found: dict[str, dict[str, Any]] = {}
    for context in contexts:
        found.setdefault(context["context_id"], context)
    return list(found.values())


def parsed(value: object) -> object:
    """What a text holds that is a JSON object or list; everything else as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _role(message: dict[str, Any]) -> object:
    return message.get("role") or message.get("type")


def _text_of_part(part: object) -> str | None:
    """Parts that say what they are count only as text: others hold reasoning, calls or encoded files."""
    if isinstance(part, dict) and part.get("type", "text") not in ("text", "input_text", "output_text"):
        return None
    return text_of(part)
