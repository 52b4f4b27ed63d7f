"""Adds up what the tries of one request took."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from millrace.ports import ChatFailure, ChatFailureReason, ChatReply, ChatUsage


@dataclass(frozen=True)
class Taken:
    """One exchange with a model: a reply with why the tries before it were no use, or a failure with why all were."""

    result: ChatReply | ChatFailure
    faults: tuple[ChatFailureReason, ...] = ()
    duration_ms: float = 0.0
    remembered: bool = False


@dataclass
class Tally:
    """The exchanges of one request so far. Tries without a reply count as free: gateways bill replies."""

    faults: list[ChatFailureReason] = field(default_factory=list)
    replies: list[ChatReply] = field(default_factory=list)
    duration_ms: float = 0.0
    paid: bool = False

    @property
    def truncated(self) -> bool:
        """Whether the last reply was cut at the limit of output tokens."""
        return bool(self.replies) and self.replies[-1].truncated

    def add(self, taken: Taken) -> None:
        self.paid = self.paid or not taken.remembered
        self.faults.extend(taken.faults)
        self.duration_ms += taken.duration_ms
        if isinstance(taken.result, ChatReply):
            self.replies.append(taken.result)

    def add_fault(self, fault: ChatFailureReason) -> None:
        """The last reply was of no use."""
        self.faults.append(fault)

    def usage(self, model: str, *, succeeded: bool) -> ChatUsage:
        """The sum over all exchanges; ``model`` is the one asked last."""
        unknown = dict.fromkeys(reply.cost_reason or "" for reply in self.replies if reply.cost_usd is None)
        return ChatUsage(
            model=model,
            tries=max(1, len(self.faults) + succeeded),
            duration_ms=self.duration_ms,
            input_tokens=_total([reply.input_tokens for reply in self.replies]),
            output_tokens=_total([reply.output_tokens for reply in self.replies]),
            cost_usd=None if unknown else math.fsum(reply.cost_usd or 0.0 for reply in self.replies),
            cost_reason="; ".join(unknown) or None,
            remembered=not self.paid,
            retried_for=tuple(self.faults if succeeded else self.faults[:-1]),
        )


def _total(counts: Sequence[int | None]) -> int | None:
    """The sum; None when one is not known."""
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None
