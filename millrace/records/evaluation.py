"""What the daily evaluation says of each trace, and what it is held against (A26)."""

from typing import Annotated, Literal

from pydantic import Field

from millrace.records.annotation import ExpectedBehaviour
from millrace.records.base import Identifier, Measured, Record, Sha256

MetricTier = Literal["model_free", "ragas", "deepeval"]
MetricStatus = Literal["scored", "undefined", "skipped", "failed"]


class Reference(Record):
    """What is known beforehand of the right answer to a question."""

    question_key: Sha256 = Field(description="Of tenant, question and history, as methods.question_identity makes it")
    tenant_id: Identifier
    expected_behaviour: ExpectedBehaviour | None = None
    reference_answer: str | None = None
    reference_context_ids: list[Identifier] = Field([], description="Passages or documents that hold the answer")
    source: Identifier = Field(description="Where it is from, as 'golden main 1.2.0'")


class SampledTrace(Record):
    """A trace that is evaluated, and how many traces of the window it stands for."""

    trace_id: Identifier
    stratum: Identifier
    weight: float = Field(gt=0, description="1 / probability of having been drawn")


class MetricScore(Record):
    """One metric of one trace: scored with a value and no reason, or any other status with a reason and no value."""

    trace_id: Identifier
    question_key: Sha256 = Field(
        description="Equal where two runs asked the same, so that they can be compared in pairs"
    )
    metric: Identifier
    tier: MetricTier
    status: MetricStatus = Field(
        description="scored; undefined: the trace has nothing that the metric could be of; skipped: not tried; failed: "
        "tried, and no value came of it"
    )
    value: float | None = Field(None, ge=0, le=1, description="0 (worst) to 1 (best)")
    reason: Identifier | None = Field(None, description="Why there is no value, a word of ours; None when scored")
    message: str | None = Field(
        None, description="More about the reason, or what is wrong where a value is low; of a failure what was answered"
    )
    source: Identifier = Field(description="Scorer or judge, and version")
    n_calls: Annotated[int, Measured()] = Field(0, ge=0, description="Calls of models, tries included")
    input_tokens: Annotated[int | None, Measured()] = Field(None, ge=0)
    output_tokens: Annotated[int | None, Measured()] = Field(None, ge=0)
    cost_usd: Annotated[float | None, Measured()] = Field(None, ge=0, description="None: nothing was paid, or unknown")


class PersonLabel(Record):
    """What people say of one trace, for one metric: 1 as good as the metric wants it, 0 not."""

    trace_id: Identifier
    metric: Identifier
    good: bool
    n_people: int = Field(ge=1, description="People whose judgements were put together")
    weight: float = Field(1.0, gt=0, description="1 / probability of having been chosen for labelling, up to a factor")
