"""Ragas' metrics as judges: its collections API, asked through Millrace's gateway, with Millrace's embedder."""

import millrace.adapters.quiet_judges  # noqa: F401, I001 - before ragas, which reads the environment once

import copy
import math
from collections.abc import Awaitable, Callable
from functools import partial
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from ragas.embeddings.base import BaseRagasEmbedding
from ragas.llms.base import InstructorBaseRagasLLM
from ragas.metrics.collections import (
    AnswerRelevancy,
    ContextPrecisionWithoutReference,
    ContextPrecisionWithReference,
    Faithfulness,
)
from ragas.prompt.metrics.base_prompt import BasePrompt

from millrace.adapters.embedding_queue import EmbeddingQueue
from millrace.adapters.judge_model import Calls, CaseModel, LibraryJudge, Verdict
from millrace.datasets.canonical import sha256_json
from millrace.ports import AwaitableChatModel, Embedder, Judge, JudgeCase

_BOUNDS = (("verdict", "enum", (0, 1)), ("noncommittal", "enum", (0, 1)), ("question", "minLength", 1))
_ROUNDING = 1e-6  # how far a cosine of equal float32 vectors may be from 1
_DIGITS = 9  # Ragas divides average precision by n + 1e-10

Score = Callable[[JudgeCase, CaseModel], Awaitable[Verdict]]


class _Llm(InstructorBaseRagasLLM):
    """What Ragas takes for its model, for one case."""

    def __init__(self, model: CaseModel, *, several: bool = False) -> None:
        self._model = model
        self._several = several
        self._n_asked = 0

    async def agenerate(self, prompt: str, response_model: type[Any]) -> Any:
        """The model's reply; with ``several`` each is a sample of its own, or the journal would give one for all."""
        sample = self._n_asked if self._several else 0
        self._n_asked += 1
        return await self._model.ask(prompt, response_model, sample)

    def generate(self, prompt: str, response_model: type[Any]) -> Any:
        raise NotImplementedError("Millrace asks in coroutines only")


class _Embedding(BaseRagasEmbedding):
    """What Ragas takes for its embedder."""

    def __init__(self, queue: EmbeddingQueue) -> None:
        super().__init__()
        self._queue = queue

    async def aembed_text(self, text: str, **_: Any) -> list[float]:
        vector: list[float] = (await self._queue.embed(text)).tolist()
        return vector

    def embed_text(self, text: str, **_: Any) -> list[float]:
        raise NotImplementedError("Millrace embeds in coroutines only")


class _Prompt:
    """A prompt whose unchanging text is written once: Ragas derives a JSON Schema anew for every call."""

    def __init__(self, prompt: Any) -> None:
        known = prompt.examples[0][0]
        self._before, self._after = prompt.to_string(known).rsplit(_as_json(known), 1)
        self.content = {
            "instruction": prompt.instruction,
            "examples": [[_as_json(given), _as_json(said)] for given, said in prompt.examples],
            "form": prompt.output_model.model_json_schema(),
        }

    def to_string(self, data: BaseModel) -> str:
        """What Ragas' own prompt gives for it."""
        return f"{self._before}{_as_json(data)}{self._after}"


def _as_json(data: BaseModel) -> str:
    return data.model_dump_json(indent=4, exclude_none=True)


def ragas_judges(
    chat: AwaitableChatModel, embedder: Embedder, *, n_questions: int = 3, max_output_tokens: int = 4096
) -> dict[str, Judge]:
    """Ragas' judges by the name of the metric: faithfulness, context precision, answer relevancy.

    Args:
        chat: asked for everything; its identity is part of the judges'.
        embedder: compares questions for answer relevancy.
        n_questions: made from each answer for answer relevancy; Ragas' own default is 3.
        max_output_tokens: of each reply; a reply that is cut counts as invalid JSON.
    """
    no_model = _Llm(CaseModel(chat, Calls("none", 1)))
    queue = EmbeddingQueue(embedder)
    faithfulness = Faithfulness(llm=no_model)
    with_reference = ContextPrecisionWithReference(llm=no_model)
    without_reference = ContextPrecisionWithoutReference(llm=no_model)
    relevancy = AnswerRelevancy(llm=no_model, embeddings=_Embedding(queue), strictness=n_questions)

    def judge(name: str, score: Score, metrics: list[Any], needs_contexts: bool, settings: str = "") -> Judge:
        words = sha256_json([prompt.content for metric in metrics for prompt in _prompts_of(metric)])[:12]
        identity = f"ragas/{version('ragas')} {name} prompts:{words}{settings} {chat.identity}"
        calls = Calls(f"ragas_{name}", max_output_tokens, _BOUNDS)
        return LibraryJudge(identity, chat, calls, score, ("contexts",) if needs_contexts else ())

    return {
        "ragas_faithfulness": judge(
            "faithfulness",
            partial(_faithfulness, faithfulness),
            [faithfulness],
            needs_contexts=True,
        ),
        "ragas_context_precision": judge(
            "context_precision",
            partial(_context_precision, with_reference, without_reference),
            [with_reference, without_reference],
            needs_contexts=True,
        ),
        "ragas_answer_relevancy": judge(
            "answer_relevancy",
            partial(_answer_relevancy, relevancy),
            [relevancy],
            needs_contexts=False,
            settings=f" questions:{n_questions} {embedder.identity}",
        ),
    }


async def _faithfulness(metric: Faithfulness, case: JudgeCase, model: CaseModel) -> Verdict:
    """The share of the answer's statements that follow from the contexts."""
    result = await _with(metric, model).ascore(
        user_input=case.question, response=case.answer, retrieved_contexts=list(case.contexts)
    )
    return _defined(result.value, "no_statements")


async def _context_precision(
    with_reference: ContextPrecisionWithReference,
    without_reference: ContextPrecisionWithoutReference,
    case: JudgeCase,
    model: CaseModel,
) -> Verdict:
    """Average precision of the contexts, judged useful for the reference where there is one, else for the answer."""
    asked = {"user_input": case.question, "retrieved_contexts": list(case.contexts)}
    if case.reference and case.reference.strip():
        result = await _with(with_reference, model).ascore(**asked, reference=case.reference)
        return Verdict(round(result.value, _DIGITS), variant="with_reference")
    result = await _with(without_reference, model).ascore(**asked, response=case.answer)
    return Verdict(round(result.value, _DIGITS), variant="without_reference")


async def _answer_relevancy(metric: AnswerRelevancy, case: JudgeCase, model: CaseModel) -> Verdict:
    """Mean cosine similarity of the question to questions made from the answer; 0 for an answer that evades."""
    result = await _with(metric, model, several=True).ascore(user_input=case.question, response=case.answer)
    verdict = _defined(result.value, "no_vector")
    if verdict.value is None:
        return verdict
    inside = min(1.0, max(0.0, verdict.value))
    told = abs(inside - verdict.value) > _ROUNDING
    return Verdict(inside, message=f"cosine {verdict.value:.6f}, given as {inside:g}" if told else None)


def _with(metric: Any, model: CaseModel, *, several: bool = False) -> Any:
    """The metric, whose prompts are shared, with a model of its own."""
    own = copy.copy(metric)
    own.llm = _Llm(model, several=several)
    return own


def _defined(value: float, reason: str) -> Verdict:
    """Ragas says NaN for what there is no number for, and -0 for some zeros."""
    return Verdict(None, reason) if math.isnan(value) else Verdict(float(value) + 0.0)


def _prompts_of(metric: Any) -> list[_Prompt]:
    """The metric's prompts, each put in the place of Ragas' own."""
    prompts = {name: _Prompt(value) for name, value in vars(metric).items() if isinstance(value, BasePrompt)}
    vars(metric).update(prompts)
    return list(prompts.values())
