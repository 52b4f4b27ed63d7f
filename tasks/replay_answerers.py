"""Who answers replayed tasks: extracts of the accepted pieces, or the models behind a gateway."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from blocks import chat_model
from blocks.names import ChatModelName
from millrace.answering.citations import cited_answer
from millrace.answering.extractive import ABSTENTION, ANSWERER, ExtractiveConfig, candidates_of, extract
from millrace.errors import BadInputError
from millrace.ports import ChatModel, ChatOutcome, Embedder, RequestJournal, Vectors
from millrace.records.replay import ReplayTier, ValidationStep
from millrace.records.replay_report import EscalationPolicy
from millrace.records.trace import RetrievedContext
from millrace.replay.attempts import Answerer
from millrace.replay.bundle import Bundled
from millrace.replay.gate import Attempt, GateConfig
from millrace.replay.prompts import PromptConfig, replay_request
from millrace.replay.retrieval import query_of
from millrace.replay.steps import wants_json


def extractive_answerer(embedder: Embedder, config: ExtractiveConfig) -> Answerer:
    """Sentences of the accepted pieces, cited; the abstention where none is near enough, or nothing was retrieved."""

    def answer(bundles: Sequence[Bundled]) -> list[Attempt]:
        contexts = [_contexts(each) for each in bundles]
        candidates = [candidates_of(own) for own in contexts]
        queries = [query_of(each.task) for each in bundles]
        texts = list(dict.fromkeys([*queries, *(candidate.text for own in candidates for candidate in own)]))
        vectors: Mapping[str, Vectors] = dict(zip(texts, embedder.embed(texts), strict=True))
        attempts = []
        for query, own, sentences in zip(queries, contexts, candidates, strict=True):
            if not sentences:
                attempts.append(Attempt(ANSWERER, ABSTENTION))
                continue
            rows = np.stack([vectors[sentence.text] for sentence in sentences])
            found = extract(query, vectors[query], own, sentences, rows, config)
            attempts.append(Attempt(ANSWERER, found.answer, tuple(each.context_id for each in found.citations)))
        return attempts

    return answer


def model_answerer(model: ChatModel, tier: ReplayTier, prompting: PromptConfig, gate: GateConfig) -> Answerer:
    """A model of the gateway, all tasks of a part in one call; a call that fails is an attempt with its error."""

    def answer(bundles: Sequence[Bundled]) -> list[Attempt]:
        steps = [gate.steps_of(each) for each in bundles]
        requests = [replay_request(each, own, tier, prompting) for each, own in zip(bundles, steps, strict=True)]
        outcomes = model.complete(requests)
        return [_attempt(*each) for each in zip(bundles, steps, outcomes, strict=True)]

    return answer


def open_model(name: ChatModelName, journal: RequestJournal, redact: Callable[[str], str]) -> ChatModel:
    """The gateway, opened once for all threads of a step."""
    return chat_model.open_chat_model(name.name, journal=journal, redact=redact)


def check_models(name: ChatModelName, escalation: EscalationPolicy) -> None:
    """That the gateway tells a local model from the stronger one, before anything is asked.

    Raises:
        BadInputError: it has no cheap model, the same for both where escalation is allowed, or a fallback that would
            be asked instead of the local model, past gate and budget.
    """
    models = chat_model.gateway_models(name.name)
    if models.cheap is None:
        raise BadInputError(
            f"gateway {name.name}: no cheap model, which is the local one of a replay; set its models.cheap or "
            f"{chat_model.CHEAP_MODEL_VARIABLE}",
            gateway=name.name,
        )
    if escalation == "allowed" and models.cheap == models.main:
        raise BadInputError(
            f"gateway {name.name}: escalation is allowed, but the local and the stronger model are both {models.main}",
            gateway=name.name,
        )
    if models.fallback not in (None, models.cheap):
        raise BadInputError(
            f"gateway {name.name}: its fallback {models.fallback} would be asked instead of the local model without "
            "the gate's leave; a replay needs a gateway without one",
            gateway=name.name,
        )


def _contexts(bundled: Bundled) -> list[RetrievedContext]:
    return [
        RetrievedContext(context_id=item.evidence_id, text=item.text, score=item.score)
        for item in bundled.of("accepted")
    ]


def _attempt(bundled: Bundled, steps: Sequence[ValidationStep], outcome: ChatOutcome) -> Attempt:
    model = outcome.usage.model
    if outcome.failure is not None:
        return Attempt(model, error=f"{outcome.failure.reason}: {outcome.failure.message}")
    text = (outcome.text or "").strip()
    if wants_json(steps):
        return Attempt(model, text)
    cited = cited_answer(text, (), _contexts(bundled))
    return Attempt(model, cited.answer, tuple(each.context_id for each in cited.citations), cited.n_invalid)
