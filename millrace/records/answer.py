"""Questions to the application, as they are stored: redacted and screened."""

from pydantic import Field

from millrace.records.base import Identifier, Record
from millrace.records.trace import RedactionCount, Turn, UtcTime


class Question(Record):
    """A question before it is answered; the text is already without personal data."""

    question_id: Identifier
    tenant_id: Identifier
    user_id: str | None = None
    session_id: str | None = None
    time: UtcTime
    question: str
    history: list[Turn] = []
    redactions: list[RedactionCount] = []
    blocked_by: str | None = Field(None, description="Rule that forbids answering; None when it may be answered")
