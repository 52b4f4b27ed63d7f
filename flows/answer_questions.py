"""Answers a table of questions in batch."""

from prefect import flow
from pydantic import Field

from millrace.annotation.choice import ProposalConfig
from millrace.answering.config import AnsweringConfig, AnsweringTables
from millrace.datasets.manifest import DatasetRef
from millrace.records.base import Identifier, Record
from tasks.annotation import Queued
from tasks.answering import (
    Outcomes,
    ReadQuestions,
    Services,
    count_outcomes,
    read_active_index,
    read_questions,
)
from tasks.answering import answer_questions as answer
from tasks.escalation import enqueue_escalated
from tasks.run import FlowConfig, recorded
from tasks.sources import source_ref
from tasks.tables import groundedness_model, injection_rules, output_schemas, redaction_rules, routing_table


class AnsweringSettings(FlowConfig):
    """What answers, and how; shared by the flow and `millrace ask`."""

    index: Identifier = Field("main", description="Name of the index to search")
    answering: AnsweringConfig = AnsweringConfig()
    services: Services = Services()
    routes: str = Field("routes", description="Bundled route table, or path of one's own")
    output_schemas: str = Field("output_schemas", description="Bundled table of output schemas, or path of one's own")
    redaction_rules: str = Field("pii", description="Bundled rule table, or path of one's own")
    injection_rules: str = Field("injection", description="Bundled rule table, or path of one's own")
    groundedness: str = Field("groundedness", description="Bundled groundedness scorer, or path of one's own")

    def tables(self) -> AnsweringTables:
        """The tables that the settings name, read."""
        return AnsweringTables(
            routes=routing_table(self.routes),
            schemas=output_schemas(self.output_schemas),
            injection=injection_rules(self.injection_rules),
            redaction=redaction_rules(self.redaction_rules),
            groundedness=groundedness_model(self.groundedness),
        )


class AnswerQuestionsConfig(AnsweringSettings):
    """Which questions, and what answers them."""

    file: str = Field(description="JSONL, JSON or Parquet with question_id, tenant_id, time and question")
    attempt: int = Field(1, ge=1, description="Raise it to ask again what failed; paid replies are not paid again")
    escalation: ProposalConfig = Field(ProposalConfig(), description="How escalated questions are queued for people")


class AnswerQuestionsResult(Record):
    """The questions as read, one trace for each, how they ended, and what went to a person."""

    read: ReadQuestions
    traces: DatasetRef
    outcomes: Outcomes
    escalated: Queued


@flow(name="answer-questions", persist_result=True, result_serializer="json")
@recorded("answer-questions")
def answer_questions(config: AnswerQuestionsConfig, run_id: str | None = None) -> AnswerQuestionsResult:
    """Redact and screen the questions, answer each from the index, and hand to a person what asks for one."""
    tables = config.tables()
    read = read_questions(source_ref(config.file), tables.redaction, tables.injection)
    index = read_active_index(config.index)
    traces = answer(read.questions, index, config.answering, tables, config.services, config.attempt)
    return AnswerQuestionsResult(
        read=read,
        traces=traces,
        outcomes=count_outcomes(traces),
        escalated=enqueue_escalated(traces, config.escalation),
    )
