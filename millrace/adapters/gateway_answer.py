"""A chat completion as it comes over the wire, read without taking anything for granted."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tokens:
    """What a call was billed for; ``n_cached`` of the input tokens came from the gateway's cache."""

    n_input: int
    n_output: int
    n_cached: int = 0


@dataclass(frozen=True)
class Answer:
    """A reply with status 200. ``text`` is None where there was no choice, or nothing in it."""

    text: str | None
    model: str | None
    tokens: Tokens | None
    truncated: bool = False
    refusal: str | None = None


class MalformedReplyError(Exception):
    """A reply that has not the shape of a chat completion."""


def read_answer(body: object) -> Answer:
    """The first choice of a chat completion; gateways leave out what they like, so nothing is taken for granted.

    Raises:
        MalformedReplyError: not an object.
    """
    if not isinstance(body, dict):
        raise MalformedReplyError
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    said = choice.get("message")
    message = said if isinstance(said, dict) else {}
    text, refusal, finish = message.get("content"), message.get("refusal"), choice.get("finish_reason")
    if finish == "content_filter" and not refusal:
        refusal = "the gateway's content filter"
    return Answer(
        text=text if isinstance(text, str) and text.strip() else None,
        model=body["model"] if isinstance(body.get("model"), str) else None,
        tokens=_tokens(body.get("usage")),
        truncated=finish == "length",
        refusal=refusal if isinstance(refusal, str) and refusal else None,
    )


def _tokens(usage: object) -> Tokens | None:
    if not isinstance(usage, dict):
        return None
    n_input, n_output = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    if n_input is None or n_output is None:
        return None
    details = usage.get("prompt_tokens_details")
    n_cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else 0
    return Tokens(n_input, n_output, min(n_cached or 0, n_input))


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62 else None
