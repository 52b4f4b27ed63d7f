"""DeepEval's metrics as judges: its faithfulness, and G-Eval of criteria in the user's own words."""

import millrace.adapters.quiet_judges  # noqa: F401, I001 - before deepeval, which reads the environment once

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from types import MappingProxyType
from typing import Any, Literal

from deepeval.metrics import FaithfulnessMetric, GEval
from deepeval.metrics.g_eval.schema import Steps
from deepeval.models import DeepEvalBaseLLM
from deepeval.templates.resolver import MetricTemplateMethod, get_raw_template
from deepeval.test_case import LLMTestCase, SingleTurnParams

from millrace.adapters.judge_model import CallFailedError, Calls, CaseModel, LibraryJudge, Need, Verdict
from millrace.datasets.canonical import sha256_json
from millrace.ports import AwaitableChatModel, ChatFailure, Judge, JudgeCase

CaseField = Literal["question", "answer", "contexts", "reference"]

_PARAMS: Mapping[CaseField, SingleTurnParams] = MappingProxyType(
    {
        "question": SingleTurnParams.INPUT,
        "answer": SingleTurnParams.ACTUAL_OUTPUT,
        "contexts": SingleTurnParams.RETRIEVAL_CONTEXT,
        "reference": SingleTurnParams.EXPECTED_OUTPUT,
    }
)
_NEEDS: tuple[Need, ...] = ("contexts", "reference")
_SCORE_BOUNDS = (("score", "minimum", 0), ("score", "maximum", 10))  # what the prompt asks for
_STEPS_TRIES = 3


@dataclass(frozen=True)
class Criteria:
    """What answers are to be judged by, in the user's words.

    Attributes:
        fields: what of a case the judge is shown.
        steps: how to judge; without any the model derives them from the text, once.
    """

    name: str
    text: str
    fields: tuple[CaseField, ...] = ("question", "answer")
    steps: tuple[str, ...] = ()


class _Llm(DeepEvalBaseLLM):  # type: ignore[no-untyped-call]
    """What DeepEval takes for its model, for one case."""

    def __init__(self, model: CaseModel) -> None:
        self._model = model
        super().__init__("millrace-gateway")

    def load_model(self, *_: Any, **__: Any) -> Any:
        return self

    def get_model_name(self, *_: Any, **__: Any) -> str:
        return "millrace-gateway"

    async def a_generate_with_schema(self, *args: Any, schema: Any = None, **_: Any) -> Any:
        """The model's reply. DeepEval's own would ask again without a schema when a TypeError comes up."""
        return await self._model.ask(args[0], schema)

    async def a_generate(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError("Millrace asks with a schema only")

    def generate(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError("Millrace asks in coroutines only")


def deepeval_faithfulness(chat: AwaitableChatModel, *, max_output_tokens: int = 4096) -> Judge:
    """DeepEval's judge of faithfulness: the share of the answer's claims that no context contradicts.

    Args:
        chat: asked for everything; its identity is part of the judge's.
        max_output_tokens: of each reply; a reply that is cut counts as invalid JSON.
    """
    words = _templates_hash("FaithfulnessMetric", ["generate_truths", "generate_claims", "generate_verdicts"])
    identity = f"deepeval/{version('deepeval')} faithfulness prompts:{words} {chat.identity}"
    calls = Calls("deepeval_faithfulness", max_output_tokens)
    return LibraryJudge(identity, chat, calls, _faithfulness, ("contexts",))


def criteria_judge(chat: AwaitableChatModel, criteria: Criteria, *, max_output_tokens: int = 4096) -> Judge:
    """DeepEval's G-Eval of the user's criteria: the model's marks from 0 to 10, divided by 10.

    Source:
        Liu et al. (2023), G-Eval, EMNLP, section 2; without the weighting by token probabilities, which few gateways
        give.
    """
    words = _templates_hash("GEval", ["generate_evaluation_steps", "generate_evaluation_results"])
    own = sha256_json({"text": criteria.text, "fields": list(criteria.fields), "steps": list(criteria.steps)})[:12]
    identity = f"deepeval/{version('deepeval')} geval {criteria.name}:{own} prompts:{words} {chat.identity}"
    calls = Calls(f"criteria_{criteria.name}", max_output_tokens, _SCORE_BOUNDS)
    needs = tuple(need for need in _NEEDS if need in criteria.fields)
    return LibraryJudge(identity, chat, calls, _CriteriaScorer(criteria), needs)


async def _faithfulness(case: JudgeCase, model: CaseModel) -> Verdict:
    metric = FaithfulnessMetric(model=_Llm(model), eval_mode="llm", include_reason=False)
    value = await metric.a_measure(_test_case(case), _show_indicator=False)
    if not metric.claims:  # DeepEval calls that 1
        return Verdict(None, "no_statements")
    if not metric.verdicts:
        return Verdict(None, "no_verdicts")
    return Verdict(float(value))


class _CriteriaScorer:
    """Judges by criteria; the steps that the model derives from them are asked for once, by the first case."""

    def __init__(self, criteria: Criteria) -> None:
        self._criteria = criteria
        self._params = [_PARAMS[name] for name in criteria.fields]
        self._steps = list(criteria.steps)
        self._deriving = asyncio.Lock()
        self._failures: list[ChatFailure] = []

    async def __call__(self, case: JudgeCase, model: CaseModel) -> Verdict:
        if not self._steps:
            async with self._deriving:
                if not self._steps:
                    self._steps = await self._derived(model)
        metric = self._metric(model, self._steps)
        return Verdict(float(await metric.a_measure(_test_case(case), _show_indicator=False)))

    async def _derived(self, model: CaseModel) -> list[str]:
        if len(self._failures) >= _STEPS_TRIES:
            raise CallFailedError(self._failures[-1])
        try:
            reply = await model.ask(self._metric(model, None)._steps_prompt(multimodal=False), Steps)
            if reply.steps:
                return list(reply.steps)
            raise CallFailedError(ChatFailure("wrong_schema", "the model gave no steps for the criteria", False))
        except CallFailedError as error:
            self._failures.append(error.failure)
            raise

    def _metric(self, model: CaseModel, steps: Sequence[str] | None) -> GEval:
        return GEval(
            name=self._criteria.name,
            criteria=self._criteria.text,
            evaluation_steps=None if steps is None else list(steps),
            evaluation_params=self._params,
            model=_Llm(model),
        )


def _test_case(case: JudgeCase) -> LLMTestCase:
    built = LLMTestCase(
        input=case.question,
        actual_output=case.answer,
        expected_output=case.reference,
        retrieval_context=list(case.contexts),
    )
    built.multimodal = False  # a text that looks like DeepEval's mark of an image is still a text
    return built


def _templates_hash(metric: str, names: Sequence[MetricTemplateMethod]) -> str:
    """12 hex digits that change with the words of the prompts."""
    return sha256_json([get_raw_template("metrics", metric, name) for name in names])[:12]
