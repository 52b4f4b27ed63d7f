"""Golden datasets: questions with what is expected of the application, by version (A32)."""

from typing import Annotated, Literal

from pydantic import Field

from millrace.records.annotation import AnswerVerdict, ExpectedBehaviour
from millrace.records.base import FileName, Identifier, Record, Sha256
from millrace.records.trace import RetrievedContext, Turn, UtcTime

Semver = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$")]
Split = Literal["eval", "train"]


class GoldenRow(Record):
    """A question and what is expected; its near-duplicate group belongs to one split for good."""

    golden_id: Identifier
    tenant_id: Identifier
    question: str
    history: list[Turn] = []
    contexts: list[RetrievedContext] = Field([], description="What the application was shown when it was asked")
    expected_behaviour: ExpectedBehaviour
    expected_answer: str | None = Field(None, description="None unless the expected behaviour is to answer")
    category: AnswerVerdict = Field(description="What was wrong with the answer given, or ok")
    near_duplicate_group: Identifier
    split: Split
    source_trace_id: Identifier
    annotation_id: Identifier
    added_in: Semver
    group_id: Identifier | None = Field(None, description="Group of failures the trace stood for; None for none")
    group_label: str | None = None


class GoldenVersion(Record):
    """One immutable version of a golden dataset."""

    name: FileName
    version: Semver
    parent: Semver | None = Field(None, description="The version this one was built on; None for the first")
    content_hash: Sha256 = Field(description="Content hash of the dataset of GoldenRow")
    added: int = Field(ge=0)
    removed: int = Field(ge=0)
    created_at: UtcTime
    note: str | None = None
