"""A chat model that answers by a rule: what drafts become of its replies, not how a gateway is spoken to."""

from collections.abc import Callable, Sequence

from millrace.ports import ChatFailure, ChatOutcome, ChatRequest, ChatUsage

Reply = dict[str, object] | ChatFailure


class RuleModel:
    """Implements ``ChatModel``; remembers what it was asked, batch by batch."""

    identity = "rule/1"

    def __init__(self, rule: Callable[[ChatRequest], Reply]) -> None:
        self._rule = rule
        self.batches: list[list[ChatRequest]] = []

    def complete(self, requests: Sequence[ChatRequest]) -> list[ChatOutcome]:
        self.batches.append(list(requests))
        return [self._outcome(request) for request in requests]

    def _outcome(self, request: ChatRequest) -> ChatOutcome:
        usage = ChatUsage(
            model="rule", tries=1, duration_ms=1.0, input_tokens=10, output_tokens=5, cost_usd=0.0, cost_reason=None
        )
        reply = self._rule(request)
        if isinstance(reply, ChatFailure):
            return ChatOutcome(usage, failure=reply)
        return ChatOutcome(usage, text="", value=reply)


def failed(reason: str = "timeout") -> ChatFailure:
    return ChatFailure(reason=reason, message="no reply", transient=True)  # type: ignore[arg-type]
