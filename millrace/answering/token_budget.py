"""Keeps the passages within the tokens that a route may spend on them (A9)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from millrace.answering.draft import Draft, Passage, Step
from millrace.answering.units import budget_units, joined_units
from millrace.ports import Tokenizer

Count = Callable[[Sequence[str]], list[int]]
TokenCount = Annotated[int, Field(ge=1, le=10_000_000)]
_DRAFTS_AT_ONCE = 256  # counted together; bounds the counts that are remembered


class TokenBudgetConfig(BaseModel):
    """Most tokens of passages that a question is answered from; its instructions and history are not counted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    default: TokenCount = Field(3000, description="Most tokens of passages on a route without a number of its own")
    by_route: dict[str, TokenCount] = Field({}, description="Most tokens of passages, by name of route")

    def tokens_for(self, route: str) -> int:
        """The route's budget."""
        return self.by_route.get(route, self.default)


@dataclass(frozen=True)
class FittedPassages:
    """What of some passages fits.

    Attributes:
        texts: (place of the passage, what is kept of its text), best first.
        n_tokens: of these texts, at most the budget.
        n_too_long: sentences left out because each is longer than the whole budget.
    """

    texts: tuple[tuple[int, str], ...]
    n_tokens: int
    n_too_long: int


def fit_passages(texts: Sequence[str], budget: int, count: Count) -> FittedPassages:
    """The passages that fit, best first, and the beginning of the first that does not.

    That one ends where a sentence ends; nothing comes after it. A sentence that is longer than the whole budget is left
    out, and what follows it takes its place. A code block counts as a sentence. As long as no sentence is longer than
    it, a larger budget keeps all that a smaller one keeps.

    Args:
        texts: of the passages, best first.
        budget: tokens, at least 1.
        count: tokens of each text by itself.
    """
    kept: list[tuple[int, str]] = []
    left, n_too_long = budget, 0
    for place, text in enumerate(texts):
        (needed,) = count([text])
        ends_here = False
        if needed > left:
            text, needed, n_longer, ends_here = _beginning(text, left, budget, count)
            n_too_long += n_longer
        if text:
            kept.append((place, text))
            left -= needed
        if ends_here:
            break
    return FittedPassages(tuple(kept), budget - left, n_too_long)


def budget_drafts(drafts: Sequence[Draft], tokenizer: Tokenizer, config: TokenBudgetConfig) -> list[Step]:
    """Each draft with as many tokens of passages as its route may have.

    Passages are counted by themselves; what a prompt puts between them is not counted.
    """
    steps: list[Step] = []
    for start in range(0, len(drafts), _DRAFTS_AT_ONCE):
        block = drafts[start : start + _DRAFTS_AT_ONCE]
        count = _remembered(tokenizer)
        count([passage.context.text for draft in block for passage in draft.passages])  # all in one call
        steps += [_fitted(draft, config.tokens_for(draft.route), count, tokenizer.identity) for draft in block]
    return steps


def _beginning(text: str, left: int, budget: int, count: Count) -> tuple[str, int, int, bool]:
    """Of a text that does not fit: what fits, its tokens, how many sentences are too long, whether some did not fit."""
    units = budget_units(text)
    sizes = count([text[unit.start : unit.end] for unit in units])
    short = [place for place, size in enumerate(sizes) if size <= budget]
    fitting, total = [], 0
    for place in short:
        total += sizes[place]
        if total > left:
            break
        fitting.append(place)
    beginning = joined_units(text, units, fitting)
    while (needed := count([beginning])[0]) > left:  # the white space between sentences can be tokens too
        fitting.pop()
        beginning = joined_units(text, units, fitting)
    return beginning, needed, len(units) - len(short), len(fitting) < len(short)


def _remembered(tokenizer: Tokenizer) -> Count:
    known: dict[str, int] = {"": 0}

    def count(texts: Sequence[str]) -> list[int]:
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        if missing:
            known.update(zip(missing, tokenizer.count(missing), strict=True))
        return [known[text] for text in texts]

    return count


def _fitted(draft: Draft, budget: int, count: Count, tokenizer: str) -> Step:
    fitted = fit_passages([passage.context.text for passage in draft.passages], budget, count)
    passages = tuple(_with_text(draft.passages[place], text) for place, text in fitted.texts)
    facts = {
        "budget": budget,
        "n_tokens": fitted.n_tokens,
        "tokenizer": tokenizer,
        "n_dropped": len(draft.passages) - len(passages),
        "n_cut": sum(len(text) < len(draft.passages[place].context.text) for place, text in fitted.texts),
        "n_sentences_too_long": fitted.n_too_long or None,
    }
    return Step(replace(draft, passages=passages), facts)


def _with_text(passage: Passage, text: str) -> Passage:
    if text == passage.context.text:
        return passage
    return replace(passage, context=passage.context.model_copy(update={"text": text}))
