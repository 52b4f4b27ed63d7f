"""What users of the application say of its answers (A19)."""

from pydantic import Field

from millrace.records.base import Identifier, Record
from millrace.records.trace import UtcTime


class Feedback(Record):
    """One user's last word on one trace; what said the same before it is dropped."""

    feedback_id: Identifier = Field(description="Given, or made from trace, user and time")
    trace_id: Identifier
    tenant_id: Identifier
    user_id: str | None = Field(None, description="Who said it; a pseudonym where the id was personal data")
    time: UtcTime
    rating: float | None = Field(None, ge=0, le=1, description="0 bad to 1 good: thumbs are 0 and 1, 4 of 5 stars .75")
    correction: str | None = Field(None, description="The answer the user would have wanted, redacted")
    comment: str | None = Field(None, description="In the user's words, redacted")
