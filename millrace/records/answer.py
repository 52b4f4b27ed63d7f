"""Questions to the application, as they are stored: redacted and screened."""

from pydantic import Field

from millrace.records.base import Identifier, Record
from millrace.records.trace import RedactionCount, Turn, UtcTime


class Question(Record):
    """A question before it is answered: without personal data, and a pseudonym where an id was some."""

    question_id: Identifier
    tenant_id: Identifier
    user_id: str | None = None
    session_id: str | None = None
    time: UtcTime
    question: str
    history: list[Turn] = []
    redactions: list[RedactionCount] = []
    reported_pii: list[RedactionCount] = Field([], description="Personal data that was counted and left as it is")
    blocked_by: str | None = Field(None, description="Injection rule that forbids answering; None when none does")
    pii_blocked_by: str | None = Field(None, description="PII type that forbids answering; None when none does")
