"""How to open judges: Ragas' and DeepEval's metrics, asked through a chat model that is open already."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from millrace.errors import BadInputError
from millrace.ports import AwaitableChatModel, Embedder, Judge

RagasMetric = Literal["faithfulness", "context_precision", "answer_relevancy"]
CaseField = Literal["question", "answer", "contexts", "reference"]

_EVERY_RAGAS_METRIC: tuple[RagasMetric, ...] = ("faithfulness", "context_precision", "answer_relevancy")


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CriteriaConfig(_Settings):
    """What answers are to be judged by, in the user's own words."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$", description="The metric is called criteria_<name>")
    text: str = Field(min_length=1, max_length=4000, description="When an answer is good and when it is not")
    fields: tuple[CaseField, ...] = Field(
        ("question", "answer"),
        min_length=1,
        description="What the judge is shown: question, answer, contexts, reference",
    )
    steps: tuple[Annotated[str, Field(min_length=1, max_length=1000)], ...] = Field(
        (), max_length=20, description="How to judge, step by step; default: the model derives steps from the text once"
    )

    @model_validator(mode="after")
    def _answer_is_shown(self) -> Self:
        if "answer" not in self.fields or len(set(self.fields)) < len(self.fields):
            raise ValueError(f"criteria {self.name!r}: fields must name each at most once, and answer among them")
        return self


class JudgesConfig(_Settings):
    """Which metrics judges decide. Calls per trace: faithfulness 2, context precision 1 a context, relevancy 3."""

    ragas: tuple[RagasMetric, ...] = Field(_EVERY_RAGAS_METRIC, description="Metrics of Ragas; none: leave it out")
    deepeval_faithfulness: bool = Field(True, description="DeepEval's faithfulness, 3 calls a trace")
    criteria: tuple[CriteriaConfig, ...] = Field((), max_length=20, description="Criteria of your own, 1 call a trace")
    n_questions: int = Field(3, ge=1, le=10, description="Questions made from an answer for relevancy, 1 call each")
    max_output_tokens: int = Field(
        4096, ge=256, le=65536, description="Longest reply of a judge; one that is cut is asked for again"
    )

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [each.name for each in self.criteria]
        if len(set(names)) < len(names) or len(set(self.ragas)) < len(self.ragas):
            raise ValueError("no metric and no criteria may be named twice")
        return self

    @property
    def ragas_metrics(self) -> list[str]:
        """Names of the metrics of the second tier."""
        return [f"ragas_{name}" for name in self.ragas]

    @property
    def deepeval_metrics(self) -> list[str]:
        """Names of the metrics of the third tier."""
        faithfulness = ["deepeval_faithfulness"] if self.deepeval_faithfulness else []
        return faithfulness + [f"criteria_{each.name}" for each in self.criteria]


def open_ragas_judges(chat: AwaitableChatModel, embedder: Embedder, config: JudgesConfig) -> Mapping[str, Judge]:
    """Judges by the name of the metric, in the order of the settings; Ragas is imported when one is wanted.

    Args:
        chat: asked for everything.
        embedder: compares questions for answer relevancy.

    Raises:
        BadInputError: the optional packages are not installed.
    """
    if not config.ragas_metrics:
        return {}
    with _optional_packages():
        from millrace.adapters.ragas_judge import ragas_judges

    judges = ragas_judges(chat, embedder, n_questions=config.n_questions, max_output_tokens=config.max_output_tokens)
    return {name: judges[name] for name in config.ragas_metrics}


def open_deepeval_judges(chat: AwaitableChatModel, config: JudgesConfig) -> Mapping[str, Judge]:
    """Judges by the name of the metric: faithfulness first, then the criteria in their order.

    Raises:
        BadInputError: the optional packages are not installed.
    """
    if not config.deepeval_metrics:
        return {}
    with _optional_packages():
        from millrace.adapters.deepeval_judge import Criteria, criteria_judge, deepeval_faithfulness

    judges: dict[str, Judge] = {}
    longest = config.max_output_tokens
    if config.deepeval_faithfulness:
        judges["deepeval_faithfulness"] = deepeval_faithfulness(chat, max_output_tokens=longest)
    for each in config.criteria:
        criteria = Criteria(each.name, each.text, each.fields, each.steps)
        judges[f"criteria_{each.name}"] = criteria_judge(chat, criteria, max_output_tokens=longest)
    return judges


@contextmanager
def _optional_packages() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise BadInputError(
            f"judged metrics need packages that are not installed ({error}): pip install 'millrace[eval]'",
            package=error.name,
        ) from error
