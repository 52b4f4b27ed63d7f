"""A reranker behind HTTP, in the form that Cohere, Jina, vLLM, Infinity and others share.

``POST {"model", "query", "documents"}`` is answered by ``{"results": [{"index", "relevance_score"}]}``.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from millrace.adapters.gateway_headers import read_rate_limits
from millrace.adapters.gateway_settings import BaseUrl, ModelName
from millrace.errors import BadInputError, MillraceError, UnavailableError

_MAY_HEAL = frozenset({408, 425, 429, *range(500, 600)})
_KEY_REFUSED = frozenset({401, 403})
_LONGEST_BACKOFF_S = 8.0

Pair = tuple[str, str]
Request = tuple[str, tuple[str, ...]]  # a query and its documents


class RerankApiSettings(BaseModel):
    """Which reranker is asked, and how patiently. The key is not among the settings."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    url: BaseUrl = Field(description="Address that is posted to, such as https://api.example/v1/rerank")
    model: ModelName = Field(description="The model's name, as the service knows it")
    timeout_s: float = Field(30, gt=0, le=600, description="Longest wait for a connection, and then for the reply")
    max_tries: int = Field(4, ge=1, le=20, description="Tries of one request that may heal")
    backoff_s: float = Field(0.5, ge=0, le=60, description="Wait before the second try; doubled each time, up to 8 s")
    max_wait_s: float = Field(60, ge=0, le=3600, description="A service that asks for a longer wait counts as down")
    n_at_once: int = Field(4, ge=1, le=64, description="Requests under way at the same time")
    max_documents: int = Field(100, ge=1, le=1000, description="Most documents in one request")

    @property
    def identity(self) -> str:
        """The model; neither the address nor how patient the caller is."""
        return f"rerank-api/1 {self.model}"


class _Result(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)

    index: int
    relevance_score: float


class _Reply(BaseModel):
    results: list[_Result]


class RerankApi:
    """Implements ``PairScorer``; safe to share between threads.

    Args:
        settings: what is asked, and how.
        key: sent as a bearer token; in no message, representation or identity.
        sleep: waits that many seconds.
    """

    def __init__(
        self, settings: RerankApiSettings, key: str | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._settings = settings
        self._client = httpx.Client(headers=headers, timeout=settings.timeout_s)
        self._sleep = sleep

    @property
    def identity(self) -> str:
        """The model; never the address or the key."""
        return self._settings.identity

    def score(self, pairs: Sequence[Pair]) -> list[float]:
        """One number per pair, in order: the service's relevance. One request for each query; equal pairs once.

        Raises:
            UnavailableError: the service did not answer a request, refused the key, or was in trouble at every try.
            BadInputError: it refused a request, or answers in another form.
        """
        problems: list[MillraceError] = []
        scores: dict[Pair, float] = {}
        with ThreadPoolExecutor(max_workers=self._settings.n_at_once) as pool:
            for found in pool.map(lambda request: self._ask(request, problems), self._requests(pairs)):
                scores.update(found)
        if problems:
            raise problems[0]  # out here: an error of the client's, which has the request and the key, is no context
        return [scores[pair] for pair in pairs]

    def _requests(self, pairs: Sequence[Pair]) -> list[Request]:
        documents: defaultdict[str, list[str]] = defaultdict(list)
        for query, text in dict.fromkeys(pairs):
            documents[query].append(text)
        size = self._settings.max_documents
        return [
            (query, tuple(texts[start : start + size]))
            for query, texts in documents.items()
            for start in range(0, len(texts), size)
        ]

    def _ask(self, request: Request, problems: list[MillraceError]) -> dict[Pair, float]:
        """The scores of a request; nothing, and a problem more, when it failed. Once one failed the others give up."""
        query, documents = request
        for number in range(self._settings.max_tries):
            if problems:
                return {}
            outcome = self._try(query, documents)
            if isinstance(outcome, list):
                return {(query, text): score for text, score in zip(documents, outcome, strict=True)}
            problem, asked_s = outcome
            wait_s = min(_LONGEST_BACKOFF_S, self._settings.backoff_s * 2**number) if asked_s is None else asked_s
            last = number == self._settings.max_tries - 1 or wait_s > self._settings.max_wait_s
            refused = isinstance(problem, BadInputError) or problem.details.get("status") in _KEY_REFUSED
            if last or refused:
                problems.append(problem)
            else:
                self._sleep(wait_s)
        return {}

    def _try(self, query: str, documents: Sequence[str]) -> list[float] | tuple[MillraceError, float | None]:
        """The scores, or what went wrong and how long the service asks to wait."""
        body = {"model": self._settings.model, "query": query, "documents": documents}
        try:
            response = self._client.post(self._settings.url, json=body)
        except httpx.InvalidURL:
            return BadInputError(f"the url of the reranker {self._name} cannot be used; check host and port"), None
        except httpx.HTTPError as error:
            return UnavailableError(f"the reranker {self._name} could not be reached: {type(error).__name__}"), None
        if response.is_success:
            return self._scores(response, len(documents))
        return self._refusal(response.status_code), read_rate_limits(response.headers).retry_after_s

    def _scores(self, response: httpx.Response, n_documents: int) -> list[float] | tuple[MillraceError, None]:
        try:
            results = _Reply.model_validate_json(response.content).results
        except ValidationError as error:
            broken = any(problem["type"] == "json_invalid" for problem in error.errors(include_url=False))
            kind = UnavailableError if broken else BadInputError
            return kind(f"the reranker {self._name} answers in a form that is not a reranker's; check the url"), None
        scores = {result.index: result.relevance_score for result in results}
        if len(results) != n_documents or sorted(scores) != list(range(n_documents)):
            return BadInputError(f"the reranker {self._name} did not score each of {n_documents} documents once"), None
        return [scores[place] for place in range(n_documents)]

    def _refusal(self, status: int) -> MillraceError:
        if status in _MAY_HEAL:
            return UnavailableError(f"the reranker {self._name} answered {status}", status=status)
        if status in _KEY_REFUSED:
            # No request of this key can be answered, so that trying others alone would only cost calls.
            return UnavailableError(
                f"the reranker {self._name} refused the key ({status}); check the key", status=status
            )
        hint = "check url, model and the length of the passages"
        return BadInputError(f"the reranker {self._name} refused the request ({status}); {hint}", status=status)

    @property
    def _name(self) -> str:
        return repr(self._settings.model)
