"""Settings of answering: one for each stage; a stage whose setting is null is switched off."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from millrace.answering.compression import CompressionConfig
from millrace.answering.deduplication import DeduplicationConfig
from millrace.answering.expansion import ExpansionConfig
from millrace.answering.extractive import ExtractiveConfig
from millrace.answering.generation import GenerationConfig
from millrace.answering.hallucination import HallucinationConfig
from millrace.answering.output_schema import OutputCheckConfig, OutputSchemas
from millrace.answering.rerank import RerankConfig
from millrace.answering.retrieval import RetrievalConfig
from millrace.answering.routes import RoutingTable
from millrace.answering.routing import RoutingConfig
from millrace.answering.screening import ScreeningConfig
from millrace.answering.token_budget import TokenBudgetConfig
from millrace.methods.groundedness import GroundednessModel
from millrace.methods.injection import InjectionRule
from millrace.methods.redaction import RedactionRule


class AnsweringConfig(BaseModel):
    """How questions are answered. What a stage is switched off for, its span says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    screening: ScreeningConfig | None = Field(
        ScreeningConfig(), description="What becomes of passages that give orders; null shows them as they are"
    )
    routing: RoutingConfig | None = Field(RoutingConfig(), description="null sends every question to the fallback")
    expansion: ExpansionConfig | None = Field(
        ExpansionConfig(), description="Standing alone and further phrasings; null searches for the question as asked"
    )
    retrieval: RetrievalConfig = RetrievalConfig()
    deduplication: DeduplicationConfig | None = DeduplicationConfig()
    rerank: RerankConfig | None = RerankConfig()
    compression: CompressionConfig | None = Field(
        CompressionConfig(), description="For a model's prompt; extracts are chosen from whole passages"
    )
    token_budget: TokenBudgetConfig | None = TokenBudgetConfig()
    answerer: Literal["auto", "extractive", "none"] = Field(
        "auto",
        description="auto: the model behind the gateway, or extracts where there is none; extractive: always "
        "extracts; none: passages only, no answer",
    )
    extraction: ExtractiveConfig = ExtractiveConfig()
    generation: GenerationConfig = GenerationConfig()
    hallucination: HallucinationConfig | None = HallucinationConfig()
    output_check: OutputCheckConfig | None = OutputCheckConfig()


class AnsweringTables(BaseModel):
    """What is read from tables: their content decides, not their path."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    routes: RoutingTable
    schemas: OutputSchemas = OutputSchemas()
    injection: list[InjectionRule]
    redaction: list[RedactionRule] = Field(description="What a model's replies are redacted by")
    groundedness: GroundednessModel
