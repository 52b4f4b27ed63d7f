"""What was asked, answered and retrieved, in Langfuse's inputs and outputs, which may be any JSON.

Inputs are read as: a text; chat messages, alone or under ``messages``; a record with a text under a usual name; the
arguments of a function that the SDK's ``@observe`` recorded (``{"args": [...], "kwargs": {...}}``). Outputs likewise.

Source: langfuse.com/docs/observability/sdk/python/decorators (what ``@observe`` records); see
``millrace.ingestion.langfuse``.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from millrace.ingestion.chat_messages import parsed, question_of, read_messages, text_of

_QUESTIONS = ("question", "query", "user_query", "user_input", "input", "prompt", "text", "message", "content")
_ANSWERS = ("answer", "output", "response", "completion", "result", "text", "content", "message")
_HISTORIES = ("history", "chat_history")
_TEXTS = ("text", "content", "page_content", "pageContent")
_IDS = ("context_id", "id", "chunk_id", "doc_id", "document_id")


def asked_in(record: dict[str, Any]) -> dict[str, Any] | None:
    """``question`` and ``history`` of a trace's or an observation's input; None when there is no question in it."""
    value = parsed(record.get("input"))
    if isinstance(value, str):
        return {"question": value, "history": []}
    if isinstance(value, dict) and value and value.keys() <= {"args", "kwargs"}:
        return _asked_by_arguments(value)
    return _asked_in_messages(value) or (_asked_in_record(value) if isinstance(value, dict) else None)


def answer_in(record: dict[str, Any]) -> str | None:
    """The words of a trace's or an observation's output; of several messages those of the last of the assistant."""
    value = parsed(record.get("output"))
    if isinstance(value, str):
        return value
    messages = read_messages([value] if isinstance(value, dict) and "role" in value else value)
    if isinstance(value, dict) and messages is None:
        messages = read_messages(value.get("messages"))
    if messages is not None:
        return next((message.text for message in reversed(messages) if message.speaker == "assistant"), None)
    return _text_at(value, _ANSWERS) if isinstance(value, dict) else None


def passages_in(retriever: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The passages of a retriever's output: a list of texts or of records with a text, alone or under ``documents``."""
    output = parsed(retriever.get("output"))
    if isinstance(output, dict):
        output = next((output[name] for name in ("documents", "results", "contexts") if name in output), None)
    for place, each in enumerate(output if isinstance(output, list) else ()):
        record = {"text": each} if isinstance(each, str) else each
        text = _text_at(record, _TEXTS) if isinstance(record, dict) else None
        if text is not None:
            yield {"text": text} | _about(record, f"{retriever.get('id') or 'passage'}/{place}")


def _about(record: dict[str, Any], default_id: str) -> dict[str, Any]:
    metadata = record.get("metadata")
    facts = (metadata if isinstance(metadata, dict) else {}) | record
    found = next(
        (facts[name] for name in _IDS if isinstance(facts.get(name), str | int) and facts[name] != ""), default_id
    )
    known = {name: facts.get(name) for name in ("title", "doc_id") if isinstance(facts.get(name), str)}
    score = facts.get("score")
    known |= {"score": score} if isinstance(score, int | float) else {}
    return {"context_id": str(found)} | known


def _asked_by_arguments(value: dict[str, Any]) -> dict[str, Any] | None:
    named = value.get("kwargs")
    asked = _asked_in_record(named) if isinstance(named, dict) else None
    args = value.get("args")
    first = next((each for each in args if isinstance(each, str)), None) if isinstance(args, list) else None
    return asked or ({"question": first, "history": []} if first is not None else None)


def _asked_in_messages(value: object) -> dict[str, Any] | None:
    messages = read_messages(value.get("messages") if isinstance(value, dict) else value)
    return question_of(messages) if messages else None


def _asked_in_record(record: dict[str, Any]) -> dict[str, Any] | None:
    question = _text_at(record, _QUESTIONS)
    if question is None:
        return None
    before = (read_messages(record.get(name)) for name in _HISTORIES)
    history = next((messages for messages in before if messages), [])
    return {"question": question, "history": [{"speaker": each.speaker, "text": each.text} for each in history]}


def _text_at(record: dict[str, Any], names: Sequence[str]) -> str | None:
    return next((text for name in names if (text := text_of(record.get(name))) is not None), None)
