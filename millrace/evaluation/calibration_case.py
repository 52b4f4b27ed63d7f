"""One case of a calibration set."""

from typing import Literal

from pydantic import Field

from millrace.datasets.canonical import sha256_json
from millrace.records.base import Identifier, Record
from millrace.records.trace import Turn

CaseOrigin = Literal["own_passage", "other_passage", "other_number", "other_name", "annotation"]
SupportedLabel = Literal["supported", "unsupported"]


class CalibrationCase(Record):
    """An answer with its passages, and whether they support it."""

    case_id: Identifier
    contexts: list[str] = Field(min_length=1, description="Each is the first of a pair that a cross-encoder reads")
    answer: str = Field(min_length=1, description="The second of each pair")
    question: str = ""
    history: list[Turn] = Field(default=[])
    label: SupportedLabel
    labelled_by: Literal["construction", "people"]
    origin: CaseOrigin
    source: Identifier = Field(description="Document or annotation task; cases of one source are not independent")


def case_id(origin: CaseOrigin, contexts: list[str], answer: str) -> str:
    """Equal for equal cases."""
    return f"case-{sha256_json([origin, contexts, answer])[:24]}"
