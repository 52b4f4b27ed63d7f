"""What the domain needs from outside, as small protocols; adapters implement them, blocks open them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


class Embedder(Protocol):
    """Texts to unit vectors; a text's vector does not depend on what it is batched with."""

    @property
    def identity(self) -> str:
        """Model, revision and whatever else decides the values; never an address or a secret."""

    @property
    def dimension(self) -> int: ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Shape (n_texts, dimension), rows of norm 1; an empty text gives a zero row."""


class WordVectors(Protocol):
    """Texts to unit vectors by their words alone: coarser than an embedder's, and many times as fast."""

    @property
    def identity(self) -> str:
        """Table, weights and whatever else decides the values."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Shape (n_texts, n_components), rows of norm 1; a text without known words gives a zero row.

        A text's vector does not depend on the others.
        """


@dataclass(frozen=True, eq=False)
class SparseVector:
    """Weights of terms: ``indices`` ascending without repeats, ``values`` finite, both of shape (n_terms,)."""

    indices: npt.NDArray[np.uint32]
    values: npt.NDArray[np.float32]


NO_TERMS = SparseVector(np.zeros(0, dtype=np.uint32), np.zeros(0, dtype=np.float32))


@dataclass(frozen=True, eq=False)
class IndexPoint:
    """A vector of any norm and a text's term weights, with what is needed to show and to filter them."""

    point_id: str
    vector: Vectors
    tenant_id: str
    payload: dict[str, str]
    terms: SparseVector = NO_TERMS


@dataclass(frozen=True, eq=False)
class Search:
    """A look-up among one tenant's points: by terms where they are given, by vector otherwise.

    Attributes:
        tenant_id: whose points; never empty.
        vector: what each hit's ``score`` is measured against, shape (dimension,), of any norm.
        limit: most hits, at least 1.
        terms: the points with the largest dot product with it are found.
        where: payload fields that a hit has with exactly these values.
    """

    tenant_id: str
    vector: Vectors
    limit: int
    terms: SparseVector | None = None
    where: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class SearchHit:
    """One found point.

    Attributes:
        score: cosine similarity to the search's vector in [-1, 1], also where terms found it; 0 for a zero vector.
        vector: the point's unit vector, shape (dimension,); zero where it was built from a zero vector.
        terms_score: dot product with the search's terms; None where it was searched by vector.
    """

    point_id: str
    score: float
    payload: dict[str, str]
    vector: Vectors
    terms_score: float | None = None


class VectorIndex(Protocol):
    """An opened index snapshot; every read names its tenant."""

    @property
    def snapshot(self) -> str:
        """The name it was opened by."""

    def search(self, searches: Sequence[Search]) -> list[list[SearchHit]]:
        """For each search its hits, best first, ties by point id.

        Exact: no point that belongs among the hits is missed. A zero vector finds nothing, and terms find only points
        that have one of them.
        """

    def close(self) -> None: ...


class VectorIndexStore(Protocol):
    """Where index snapshots live, named by the content they were built from."""

    def exists(self, snapshot: str) -> bool:
        """Whether it can be opened."""

    def build(self, snapshot: str, points: Sequence[IndexPoint], *, dimension: int) -> None:
        """Write a snapshot atomically; one that exists already is left as it is."""

    def open(self, snapshot: str) -> VectorIndex:
        """A private copy, closed by the caller; NotFoundError when the snapshot does not exist."""

    def path(self, snapshot: str) -> Path | None:
        """Where the snapshot lies, when it lies in files."""


class PairScorer(Protocol):
    """A cross-encoder: one number for two texts read together, such as (query, passage) or (passage, answer)."""

    @property
    def identity(self) -> str:
        """Model, revision and whatever else decides the values; never an address or a secret."""

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """One finite number per pair, in order; a pair's number does not depend on what it is batched with."""


class Tokenizer(Protocol):
    """Counts a model's tokens."""

    @property
    def identity(self) -> str: ...

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text by itself, without those a model adds around it."""


class InjectionDetector(Protocol):
    """Tells which texts try to instruct the model."""

    @property
    def identity(self) -> str: ...

    def detect(self, texts: Sequence[str]) -> list[str | None]:
        """For each text what was found in it, such as a rule's id; None where nothing was."""


@dataclass(frozen=True)
class ChatMessage:
    """One message of a request to a chat model."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class ChatRequest:
    """One call of a chat model.

    With ``schema``, a JSON Schema of an object, the reply is validated against it and asked for again with the
    validation error when it does not fit. ``tier`` chooses among the models that a gateway is set up with.
    """

    messages: tuple[ChatMessage, ...]
    purpose: str
    max_output_tokens: int = 512
    schema: Mapping[str, Any] | None = field(default=None, hash=False)
    tier: Literal["main", "cheap"] = "main"
    sample: int = 0  # requests that differ only in it are asked apart, for a method that wants several replies


ChatFailureReason = Literal[
    "timeout", "rate_limited", "server_error", "connection", "refused", "empty_choice", "invalid_json", "wrong_schema"
]


@dataclass(frozen=True)
class ChatFailure:
    """Why a call gave nothing usable, after all its tries; ``transient`` ones may succeed later."""

    reason: ChatFailureReason
    message: str
    transient: bool


@dataclass(frozen=True)
class ChatUsage:
    """What all tries of one call took; ``cost_usd`` is None with a reason when the model's price is not known.

    ``duration_ms`` is their time at the gateway; waiting for a turn, a rate limit or the next try is left out.
    """

    model: str
    tries: int
    duration_ms: float
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    cost_reason: str | None = None
    remembered: bool = False  # answered from the journal: nothing was paid now
    retried_for: tuple[ChatFailureReason, ...] = ()


@dataclass(frozen=True)
class ChatOutcome:
    """A reply or a failure, and what it took. ``value`` is the parsed object where a schema was asked for."""

    usage: ChatUsage
    text: str | None = None
    value: Mapping[str, Any] | None = field(default=None, hash=False)
    failure: ChatFailure | None = None
    truncated: bool = False  # the reply was cut at ``max_output_tokens``


class ChatModel(Protocol):
    """A chat model behind a gateway."""

    @property
    def identity(self) -> str:
        """Models by tier and the settings that decide replies; never an address or a secret."""

    def complete(self, requests: Sequence[ChatRequest]) -> list[ChatOutcome]:
        """One outcome per request, in order; many are under way at once. A request that fails raises nothing."""


@dataclass(frozen=True)
class ChatReply:
    """One paid reply as the request journal keeps it: redacted, and with what it took.

    ``text`` is None when nothing was said; ``fault`` tells why a reply was not what had been asked for.
    """

    model: str
    text: str | None
    fault: ChatFailureReason | None
    truncated: bool
    retried_for: tuple[ChatFailureReason, ...]
    duration_ms: float
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    cost_reason: str | None


class RequestJournal(Protocol):
    """Remembers paid replies by what was asked, so that a run after a crash does not pay for them again.

    Replies of no use are remembered within their run only: another run asks again.
    """

    def get(self, keys: Sequence[str]) -> Mapping[str, ChatReply]:
        """The replies that are known under these keys."""

    def put(self, replies: Mapping[str, ChatReply]) -> Mapping[str, ChatReply]:
        """Make replies durable before returning; a key that has one keeps it. Returns what is kept."""


@dataclass(frozen=True)
class JudgeCase:
    """One answer to be judged."""

    question: str
    answer: str
    contexts: tuple[str, ...]  # in the order in which the answerer was shown them
    reference: str | None = None  # the answer that was expected, where it is known


@dataclass(frozen=True)
class JudgeOutcome:
    """What a judge says of one case; ``value`` in [0, 1], or a reason why there is none, and what it took.

    ``reason`` is a word of ours such as ``timeout`` or ``no_statements``; ``failed`` tells trouble from an undefined
    value.
    """

    value: float | None
    reason: str | None = None
    message: str | None = None
    failed: bool = False
    n_calls: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    variant: str | None = None  # which form of the metric it is, where a case decides between several


class Judge(Protocol):
    """Judges answers by one metric with the help of a model."""

    @property
    def identity(self) -> str:
        """Library and version, metric, model, prompt or criteria; never an address or a secret."""

    def judge(self, cases: Sequence[JudgeCase]) -> list[JudgeOutcome]:
        """One outcome per case, in order; many are under way at once. A case that fails raises nothing."""


class AwaitableChatModel(ChatModel, Protocol):
    """A chat model for libraries that are made of coroutines: what they ask obeys the limits of all other calls."""

    def run_each(self, items: Sequence[ItemT], work: Callable[[ItemT], Awaitable[ResultT]]) -> list[ResultT]:
        """``work`` done for each item, results in order; as many items at once as keep the model busy.

        Items are taken one by one as room gets free. The first error that ``work`` raises ends it all, and is raised.
        """

    async def ask(self, request: ChatRequest) -> ChatOutcome:
        """As ``complete`` does one request; for ``work`` under ``run_each`` only."""


class Signer(Protocol):
    """Signs with a private key that it does not give away."""

    @property
    def key_id(self) -> str:
        """sha256 of the public key's SubjectPublicKeyInfo in DER, 64 hex digits."""

    def sign(self, data: bytes) -> bytes:
        """The signature of these bytes; equal bytes give equal signatures."""


class Verifier(Protocol):
    """Checks signatures with a public key."""

    @property
    def key_id(self) -> str:
        """As the signer's."""

    def verify(self, data: bytes, signature: bytes) -> bool:
        """Whether the key's owner signed exactly these bytes; False for what is no signature at all."""
