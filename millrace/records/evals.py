"""What regression evals cover, and what they leave uncovered (A33)."""

from typing import Literal

from pydantic import Field

from millrace.records.annotation import AnswerVerdict
from millrace.records.base import Identifier, Record
from millrace.records.triage import FailureType


class CategoryCoverage(Record):
    """Golden rows of one category, by split."""

    category: AnswerVerdict
    n_eval: int = Field(ge=0)
    n_train: int = Field(ge=0)


class GroupCoverage(Record):
    """A group of this week's failures, and the golden rows that stand for it."""

    group_id: Identifier
    label: str
    failure_type: FailureType
    n_failures: int = Field(ge=0, description="Failures of the week in the group")
    n_eval: int = Field(ge=0)
    n_train: int = Field(ge=0)


class CoverageGap(Record):
    """Failures of the week that no eval row stands for."""

    kind: Literal["failure_type", "group"]
    name: Identifier = Field(description="The failure type, or the group's id")
    label: str = Field(description="The failure type, or the words typical of the group")
    n_failures: int = Field(ge=1, description="Failures of the week of that type or in that group")


class EvalCoverage(Record):
    """Golden rows against the failures of one week."""

    categories: list[CategoryCoverage] = Field(description="Every category, in the order of the verdicts")
    groups: list[GroupCoverage] = Field(description="Groups that are clusters, largest first, ties by id")
    gaps: list[CoverageGap] = Field(description="Largest first; at equal size types before groups, then by name")
    n_eval: int = Field(ge=0, description="Golden rows of the split eval")
    n_cases_deepeval: int = Field(ge=0)
    n_cases_promptfoo: int = Field(ge=0)
