"""The twelve stages in their order, made from settings and from what is outside."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from millrace.answering.compression import compress_drafts
from millrace.answering.config import AnsweringConfig, AnsweringTables
from millrace.answering.deduplication import deduplicate_drafts
from millrace.answering.draft import Draft, Stage, StageFunction, Step
from millrace.answering.expansion import expand_drafts
from millrace.answering.extractive import extract_drafts
from millrace.answering.generation import generate_drafts
from millrace.answering.hallucination import check_hallucination
from millrace.answering.output_schema import check_output
from millrace.answering.rerank import rerank_drafts
from millrace.answering.retrieval import retrieve_drafts
from millrace.answering.routing import route_drafts, routing_bounds
from millrace.answering.screening import check_injection, check_pii, screen_passages
from millrace.answering.token_budget import budget_drafts
from millrace.datasets.canonical import sha256_json
from millrace.methods.consistency import ConsistencyScorer
from millrace.methods.injection import DetectorChain, InjectionScreen
from millrace.ports import ChatModel, Embedder, InjectionDetector, PairScorer, Tokenizer, VectorIndex

SWITCHED_OFF = "switched off"
NOTHING_TO_CHECK = "no answer is written"


@dataclass(frozen=True)
class Tools:
    """What the stages use of the outside, opened. Without a chat model answers are extracts."""

    index: VectorIndex
    embedder: Embedder
    tokenizer: Tokenizer
    consistency: ConsistencyScorer
    chat: ChatModel | None = None
    reranker: PairScorer | None = None
    second_level: InjectionDetector | None = None

    @property
    def identities(self) -> list[str | None]:
        """What decides answers beside documents and settings."""
        used = (self.embedder, self.tokenizer, self.consistency, self.chat, self.reranker, self.second_level)
        return [None if each is None else each.identity for each in used]


def answering_stages(tools: Tools, tables: AnsweringTables, config: AnsweringConfig) -> list[Stage]:
    """The stages, some of them switched off.

    Raises:
        BadInputError: routes are on, and there is no threshold for the embedder.
    """
    if config.routing is not None:
        routing_bounds(tables.routes, tools.embedder.identity, config.routing)
    chat = None if config.answerer == "extractive" else tools.chat
    return [
        Stage("injection_check", partial(check_injection, second_level=tools.second_level)),
        Stage("pii_check", check_pii),
        _stage("routing", config.routing, route_drafts, table=tables.routes, embedder=tools.embedder),
        _stage("query_expansion", config.expansion, expand_drafts, model=chat),
        Stage("retrieval", _retrieval(tools, tables, config)),
        _stage("deduplication", config.deduplication, deduplicate_drafts),
        _stage("rerank", config.rerank, rerank_drafts, scorer=tools.reranker),
        _compression(chat, config),
        _stage("token_budget", config.token_budget, budget_drafts, tokenizer=tools.tokenizer),
        _generation(tools, chat, tables, config),
        *_checks(tools, chat, tables, config),
    ]


def config_hash(tools: Tools, tables: AnsweringTables, config: AnsweringConfig) -> str:
    """sha256 of everything but the documents that decides an answer."""
    return sha256_json([config, tables, tools.identities])


def _stage(name: str, settings: object | None, function: Callable[..., Sequence[Step]], **given: object) -> Stage:
    if settings is None:
        return Stage(name, None, SWITCHED_OFF)
    return Stage(name, partial(function, config=settings, **given))


def _retrieval(tools: Tools, tables: AnsweringTables, config: AnsweringConfig) -> StageFunction:
    levels = [InjectionScreen(tables.injection, "passage"), tools.second_level]
    screen = DetectorChain([level for level in levels if level is not None])

    def retrieve(drafts: Sequence[Draft]) -> list[Step]:
        found = retrieve_drafts(drafts, tools.index, tools.embedder, config.retrieval)
        return found if config.screening is None else screen_passages(found, screen, config.screening)

    return retrieve


def _compression(chat: ChatModel | None, config: AnsweringConfig) -> Stage:
    if config.compression is not None and chat is None:
        return Stage("compression", None, "extracts are chosen from whole passages")
    return _stage("compression", config.compression, compress_drafts)


def _generation(tools: Tools, chat: ChatModel | None, tables: AnsweringTables, config: AnsweringConfig) -> Stage:
    if config.answerer == "none":
        return Stage("generation", None, SWITCHED_OFF)
    if chat is None:
        return Stage("generation", partial(extract_drafts, embedder=tools.embedder, config=config.extraction))
    return Stage("generation", partial(generate_drafts, model=chat, config=config.generation, schemas=tables.schemas))


def _checks(
    tools: Tools, chat: ChatModel | None, tables: AnsweringTables, config: AnsweringConfig
) -> tuple[Stage, Stage]:
    if config.answerer == "none":
        return Stage("hallucination_check", None, NOTHING_TO_CHECK), Stage("output_schema", None, NOTHING_TO_CHECK)
    return (
        _stage("hallucination_check", config.hallucination, check_hallucination, scorer=tools.consistency),
        _stage("output_schema", config.output_check, check_output, schemas=tables.schemas, model=chat),
    )
