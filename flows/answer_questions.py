"""Answers a table of questions in batch."""

from prefect import flow
from pydantic import Field

from millrace.answering.config import AnsweringConfig
from millrace.datasets.manifest import DatasetRef
from millrace.records.base import Identifier, Record
from tasks.answering import ReadQuestions, read_active_index, read_questions
from tasks.answering import answer_questions as answer
from tasks.run import FlowConfig, recorded
from tasks.sources import source_ref
from tasks.tables import injection_rules, redaction_rules


class AnswerQuestionsConfig(FlowConfig):
    """Which questions, and what answers them."""

    file: str = Field(description="JSONL, JSON or Parquet with question_id, tenant_id, time and question")
    index: Identifier = Field("main", description="Name of the index to search")
    answering: AnsweringConfig = AnsweringConfig()
    redaction_rules: str = Field("pii", description="Bundled rule table, or path of one's own")
    injection_rules: str = Field("injection", description="Bundled rule table, or path of one's own")


class AnswerQuestionsResult(Record):
    """The questions as read, and one trace for each."""

    read: ReadQuestions
    traces: DatasetRef


@flow(name="answer-questions", persist_result=True, result_serializer="json")
@recorded("answer-questions")
def answer_questions(config: AnswerQuestionsConfig, run_id: str | None = None) -> AnswerQuestionsResult:
    """Redact and screen the questions, then answer each from the index, or say that nothing was found."""
    read = read_questions(
        source_ref(config.file), redaction_rules(config.redaction_rules), injection_rules(config.injection_rules)
    )
    return AnswerQuestionsResult(
        read=read, traces=answer(read.questions, read_active_index(config.index), config.answering)
    )
