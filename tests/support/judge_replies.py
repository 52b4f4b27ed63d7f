"""A played judge model: it reads the prompts of Ragas and DeepEval and judges by plain rules, so values can be told.

Statements and claims are the sentences of a text; a statement is supported when its words stand in the contexts; a
context is useful when it holds a sentence of the answer; the question made from an answer is the answer itself.

As a process of its own that prints its port: ``python -m tests.support.judge_replies --latency-ms 200 --faults 0.05``.
"""

import argparse
import ast
import asyncio
import hashlib
import json
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

from tests.support.gateway import BROKEN, CUT, Asked, Play, PlayedGateway, Script

Reply = dict[str, Any]

SLOW = Play(delay_s=30.0)
HALF_A_REPLY = Play(text='{"statements": ["Tyr', finish="length")
OTHER_FORM = Play(text='{"score": "high"}')
FAULTS = (BROKEN, SLOW, HALF_A_REPLY, OTHER_FORM, CUT)

EVASIVE = "hard to say"
WITHOUT_STATEMENTS = "Hmm."
WELCOME = "please"  # what the criteria of the tests want to see


def judging(asked: Asked) -> Play:
    """The reply to a judging prompt."""
    return Play(text=json.dumps(judgement(prompt_of(asked))))


def prompt_of(asked: Asked) -> str:
    """What was asked first, before any correction."""
    return next(str(message["content"]) for message in asked.body["messages"] if message["role"] == "user")


def judgement(prompt: str) -> Reply:
    """What the rules say to a prompt of either library."""
    for words, rule in _RULES:
        if words in prompt:
            return rule(prompt)
    raise AssertionError(f"no judging prompt: {prompt[:200]}")


def with_faults(share: float, faults: Sequence[Play], script: Script = judging) -> Script:
    """The script with a share of the requests, chosen by their number, that meet a fault."""
    return _Faulty(share, faults, script, lambda asked: f"{asked.number}")


def with_lasting_faults(share: float, faults: Sequence[Play], script: Script = judging) -> Script:
    """The same with a share of the prompts, which meet their fault however often they are asked."""
    return _Faulty(share, faults, script, prompt_of)


class _Faulty:
    def __init__(self, share: float, faults: Sequence[Play], script: Script, what: Callable[[Asked], str]) -> None:
        self._share = share
        self._faults = faults
        self._script = script
        self._what = what

    def __call__(self, asked: Asked) -> Play:
        draw = int.from_bytes(hashlib.sha256(self._what(asked).encode()).digest()[:8], "big")
        if draw % 10_000 < self._share * 10_000:
            return self._faults[draw // 10_000 % len(self._faults)]
        return self._script(asked)


def _sentences(text: str) -> list[str]:
    if text.strip() == WITHOUT_STATEMENTS:
        return []
    return [sentence.strip().rstrip(".") for sentence in re.split(r"(?<=\.)\s+", text) if sentence.strip()]


def _input(prompt: str) -> Reply:
    """What Ragas wants judged."""
    given: Reply = json.loads(prompt.rpartition("\ninput: ")[2].rpartition("\nOutput:")[0])
    return given


def _statements(prompt: str) -> Reply:
    return {"statements": _sentences(_input(prompt)["answer"])}


def _verdicts(prompt: str) -> Reply:
    given = _input(prompt)
    return {
        "statements": [
            {"statement": statement, "reason": "by its words", "verdict": int(statement in given["context"])}
            for statement in given["statements"]
        ]
    }


def _usefulness(prompt: str) -> Reply:
    given = _input(prompt)
    useful = any(sentence in given["context"] for sentence in _sentences(given["answer"]))
    return {"reason": "by its words", "verdict": int(useful)}


def _question(prompt: str) -> Reply:
    answer = _input(prompt)["response"]
    return {"question": f"{answer}?", "noncommittal": int(EVASIVE in answer)}


def _between(prompt: str, start: str, end: str) -> str:
    return prompt.rpartition(start)[2].partition(end)[0].strip()


def _truths(prompt: str) -> Reply:
    return {"truths": _sentences(_between(prompt, "\nText:\n", "\nJSON:"))}


def _claims(prompt: str) -> Reply:
    return {"claims": _sentences(_between(prompt, "\nAI Output:\n", "\nJSON:"))}


def _claim_verdicts(prompt: str) -> Reply:
    truths = _between(prompt, "\nRetrieval Contexts:\n", "\nClaims:")
    claims = ast.literal_eval(_between(prompt, "\nClaims:\n", "\nJSON:"))
    return {"verdicts": [{"verdict": "yes" if claim in truths else "no", "reason": "words"} for claim in claims]}


def _steps(prompt: str) -> Reply:
    return {"steps": ["Read the answer.", f"Look for {WELCOME!r}."]}


def _marks(prompt: str) -> Reply:
    return {"reason": "by its words", "score": 8 if WELCOME in _between(prompt, "Actual Output:\n", "\n\n") else 3}


_RULES: tuple[tuple[str, Callable[[str], Reply]], ...] = (
    ("Break down each sentence into one or more fully understandable statements", _statements),
    ("judge the faithfulness of a series of statements", _verdicts),
    ("verify if the context was useful in arriving at the given answer", _usefulness),
    ("Generate a question for the given answer", _question),
    ('with the "truths" key as a list of strings', _truths),
    ('with the "claims" key as a list of strings', _claims),
    ("whether EACH claim contradicts any facts in the retrieval context", _claim_verdicts),
    ("generate 3-4 concise evaluation steps", _steps),
    ("You are an evaluator. Given the following evaluation steps", _marks),
)


async def _serve_for_ever(latency_s: float, share: float, lasting: float) -> None:
    script = with_faults(share, FAULTS, with_lasting_faults(lasting, FAULTS))
    sys.stdout.write(f"{await PlayedGateway(script, latency_s).listen()}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--faults", type=float, default=0.0, help="share of the requests")
    parser.add_argument("--lasting-faults", type=float, default=0.0, help="share of the prompts")
    given = parser.parse_args()
    asyncio.run(_serve_for_ever(given.latency_ms / 1000, given.faults, given.lasting_faults))
