"""Cases whose verdicts the played judge model makes plain, and judges on a played gateway."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from blocks.judge import CriteriaConfig, JudgesConfig, open_deepeval_judges, open_ragas_judges
from millrace.ports import ChatReply, Embedder, Judge, JudgeCase
from tests.support.embedder import HashedWords
from tests.support.gateway_client import opened

POLITE = CriteriaConfig(name="politeness", text="The answer is polite.")
KNOWN = "Tyres last five years. Brakes last two years."
HALF_TRUE = JudgeCase(
    "How long do tyres last?", "Tyres last five years. Tyres are blue.", (KNOWN, "Bells ring."), reference="Bells ring."
)


def case(number: int, answer: str = "Part {0} lasts {0} years. It is red.") -> JudgeCase:
    """One that no other number shares: half of the answer stands in the first of two contexts."""
    contexts = (f"Part {number} lasts {number} years.", f"Nothing about {number}.")
    return JudgeCase(f"How long does part {number} last?", answer.format(number), contexts)


class Memory:
    """A request journal in memory."""

    def __init__(self) -> None:
        self.replies: dict[str, ChatReply] = {}

    def get(self, keys: Sequence[str]) -> Mapping[str, ChatReply]:
        return {key: self.replies[key] for key in keys if key in self.replies}

    def put(self, replies: Mapping[str, ChatReply]) -> Mapping[str, ChatReply]:
        self.replies = {**replies, **self.replies}
        return {key: self.replies[key] for key in replies}


@contextmanager
def judges(
    url: str, config: JudgesConfig | None = None, embedder: Embedder | None = None, **client: Any
) -> Iterator[dict[str, Judge]]:
    """All judges of both tiers, as their block opens them; by default with criteria of the user's own."""
    config = config or JudgesConfig(criteria=(POLITE,))
    with opened(url, **client) as model:
        ragas = open_ragas_judges(model, embedder or HashedWords(), config)
        yield {**ragas, **open_deepeval_judges(model, config)}
