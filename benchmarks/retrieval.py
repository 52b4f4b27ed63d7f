"""Retrieval on CACM: by terms, by vector and fused, through the embedded index, beside bm25s and Anserini; its speed.

Run: ``python -m benchmarks.retrieval [quality] [speed]``. Nothing was tuned on these queries.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np

from benchmarks.cacm import SHARED, Collection, read_collection, read_run
from benchmarks.tables import table
from blocks.embedder import open_embedder
from blocks.vector_index import open_index_store
from millrace.methods.fusion import reciprocal_rank_fusion
from millrace.methods.sparse import document_terms, query_terms
from millrace.ports import Embedder, IndexPoint, Search, VectorIndex, Vectors
from millrace.statistics.intervals import Estimate, bootstrap_interval
from millrace.statistics.ranking import average_precision, ndcg_at, precision_at, recall_at

TENANT = "bench"
DEPTH = 1000  # of a ranking, as trec_eval takes it
SHIPPED_CANDIDATES = 50
N_POINTS = 10_000
_SEED = 20261101
Rankings = dict[str, list[str]]
Rank = Callable[[str], list[str]]
_PUBLISHED = ["Anserini BM25, published", "k1 .9, b .4, Porter", ".3123", ".1942", "-", "-", "-"]


class Measured(NamedTuple):
    """A system's rankings of the judged queries, and the median time of one query; None where it was not run here."""

    name: str
    settings: str
    rankings: Rankings
    query_ms: float | None


def run(parts: Sequence[str] = ("quality", "speed")) -> str:
    """Markdown tables.

    Raises:
        FileNotFoundError: the collection does not lie beside the checkout.
    """
    measures = {"quality": quality, "speed": speed}
    return "\n\n".join(measures[part](read_collection()) for part in parts)


def quality(collection: Collection) -> str:
    """MAP, P@30, nDCG@10 and recall@100 of each system, with intervals over queries, and paired differences."""
    embedder = open_embedder()
    with _opened(_points(collection, embedder)) as index:
        ours = [
            _measured(collection, "Millrace, terms alone", "mode sparse", partial(_ranked, index, embedder, "sparse")),
            _measured(collection, "Millrace, vectors alone", "mode dense", partial(_ranked, index, embedder, "dense")),
            _measured(collection, "Millrace, fused", "mode hybrid", partial(_ranked, index, embedder, "hybrid")),
            _measured(
                collection,
                "Millrace, fused, as shipped",
                f"{SHIPPED_CANDIDATES} candidates a search",
                partial(_ranked, index, embedder, "hybrid", depth=SHIPPED_CANDIDATES),
            ),
        ]
    peers = [
        _bm25s(collection),
        Measured("Anserini BM25, its run", "30 deep", read_run(SHARED / "run.anserini-bm25.txt"), None),
    ]
    header = ["system", "settings", "MAP", "P@30", "nDCG@10", "recall@100", "ms a query (p50)"]
    rows = [_row(system, collection) for system in [*ours, *peers]]
    fused = ours[2]
    differences = [_difference(fused, other, collection) for other in (*ours[:2], peers[0])]
    return "\n\n".join(
        [table(header, [*rows, _PUBLISHED]), table(["difference in MAP, paired", "estimate"], differences), _NOTES]
    )


_NOTES = """CACM: 3 204 abstracts as one passage each, 52 judged queries. 95 % intervals by 2 000 resamples of queries.
Rankings 1 000 deep unless said. Time: one query at a time, embedding included; peers in their own way of calling."""


def speed(collection: Collection, n_points: int = N_POINTS) -> str:
    """Time of one search in an index of ``n_points`` passages of one tenant, texts of two abstracts each."""
    random = np.random.default_rng(_SEED)
    texts = list(collection.documents.values())
    pairs = random.integers(len(texts), size=(n_points, 2))
    vectors = _random_vectors(random, n_points)
    began = time.perf_counter()
    weights = document_terms([f"{texts[first]}\n{texts[second]}" for first, second in pairs])
    weighing_s = time.perf_counter() - began
    payloads = [{"text": texts[first], "doc_id": str(first)} for first, _ in pairs]
    points = [
        IndexPoint(f"p{place}", vectors[place], TENANT, payloads[place], weights[place]) for place in range(n_points)
    ]
    began = time.perf_counter()
    with _opened(points) as index:
        building_s = time.perf_counter() - began
        queries = list(collection.queries.values())
        by_vector = [Search(TENANT, vector, SHIPPED_CANDIDATES) for vector in _random_vectors(random, len(queries))]
        by_terms = [
            Search(TENANT, search.vector, SHIPPED_CANDIDATES, terms)
            for search, terms in zip(by_vector, query_terms(queries), strict=True)
        ]
        rows = [_timed(name, index, calls) for name, calls in _ways_of_calling(by_vector, by_terms).items()]
    header = ["search, 50 hits with text and vector", "calls", "ms a query, p50", "p95"]
    took = f"{n_points} points: terms weighed in {weighing_s:.1f} s, built and opened in {building_s:.1f} s."
    return f"{table(header, rows)}\n\n{took}"


def _ways_of_calling(by_vector: Sequence[Search], by_terms: Sequence[Search]) -> dict[str, list[list[Search]]]:
    both = [list(pair) for pair in zip(by_vector, by_terms, strict=True)]
    return {
        "by vector": [[search] for search in by_vector] * 3,
        "by terms": [[search] for search in by_terms] * 3,
        "both": both * 3,
        "both, all queries in one call": [[search for pair in both for search in pair]] * 3,
    }


def _timed(name: str, index: VectorIndex, calls: Sequence[Sequence[Search]]) -> list[str]:
    index.search(calls[0])
    n_queries = max(1, len(calls[0]) // 2)
    times = []
    for searches in calls:
        began = time.perf_counter()
        index.search(searches)
        times.append((time.perf_counter() - began) * 1000 / n_queries)
    return [name, str(len(calls)), f"{median(times):.2f}", f"{np.quantile(times, 0.95):.2f}"]


def _points(collection: Collection, embedder: Embedder) -> list[IndexPoint]:
    texts = list(collection.documents.values())
    columns = zip(collection.documents, texts, embedder.embed(texts), document_terms(texts), strict=True)
    return [IndexPoint(name, vector, TENANT, {"text": text}, weights) for name, text, vector, weights in columns]


@contextmanager
def _opened(points: Sequence[IndexPoint]) -> Iterator[VectorIndex]:
    with tempfile.TemporaryDirectory() as folder:
        store = open_index_store(Path(folder))
        store.build("bench", points, dimension=len(points[0].vector))
        index = store.open("bench")
        try:
            yield index
        finally:
            index.close()


def _ranked(index: VectorIndex, embedder: Embedder, mode: str, text: str, *, depth: int = DEPTH) -> list[str]:
    """As retrieval does it, but deeper than a question's passages."""
    (vector,), (terms,) = embedder.embed([text]), query_terms([text])
    dense, sparse = Search(TENANT, vector, depth), Search(TENANT, vector, depth, terms)
    searches = {"dense": [dense], "sparse": [sparse], "hybrid": [dense, sparse]}[mode]
    rankings = [[hit.point_id for hit in hits] for hits in index.search(searches)]
    return [name for name, _ in reciprocal_rank_fusion(rankings)][:DEPTH]


def _measured(collection: Collection, name: str, settings: str, rank: Rank) -> Measured:
    rank("a query before the clock starts")
    rankings, times = {}, []
    for query in collection.judged:
        began = time.perf_counter()
        rankings[query] = rank(collection.queries[query])
        times.append((time.perf_counter() - began) * 1000)
    return Measured(name, settings, rankings, median(times))


def _bm25s(collection: Collection) -> Measured:
    import bm25s
    import Stemmer

    stemmer = Stemmer.Stemmer("english")
    names = list(collection.documents)
    tokenize = partial(bm25s.tokenize, stopwords="en", stemmer=stemmer, show_progress=False)
    peer = bm25s.BM25()
    peer.index(tokenize(list(collection.documents.values())), show_progress=False)

    def rank(text: str) -> list[str]:
        found, scores = peer.retrieve(tokenize([text]), k=DEPTH, show_progress=False)
        return [names[place] for place, score in zip(found[0], scores[0], strict=True) if score > 0]

    settings = f"its defaults: {peer.method}, k1 {peer.k1}, b {peer.b}, Snowball"
    return _measured(collection, f"bm25s {bm25s.__version__}", settings, rank)


def _metrics(system: Measured, collection: Collection) -> Mapping[str, list[float]]:
    values: dict[str, list[float]] = {"map": [], "p30": [], "ndcg": [], "recall": []}
    for query in collection.judged:
        ranking, relevant = system.rankings.get(query, []), collection.relevant[query]
        values["map"].append(average_precision(ranking, relevant) or 0.0)
        values["p30"].append(precision_at(30, ranking, relevant))
        values["ndcg"].append(ndcg_at(10, ranking, dict.fromkeys(relevant, 1.0)) or 0.0)
        values["recall"].append(recall_at(100, ranking, relevant) or 0.0)
    return values


def _row(system: Measured, collection: Collection) -> list[str]:
    cells = [_interval(_mean(values)) for values in _metrics(system, collection).values()]
    shown = "-" if system.query_ms is None else f"{system.query_ms:.1f}"
    return [system.name, system.settings, *cells, shown]


def _difference(first: Measured, second: Measured, collection: Collection) -> list[str]:
    pairs = zip(_metrics(first, collection)["map"], _metrics(second, collection)["map"], strict=True)
    return [f"{first.name} against {second.name}", _interval(_mean([one - other for one, other in pairs]))]


def _mean(values: Sequence[float]) -> Estimate:
    return bootstrap_interval(values, lambda drawn: float(drawn.mean()), seed=_SEED)


def _interval(estimate: Estimate) -> str:
    low, mean, high = (f"{value:.4f}" for value in (estimate.low, estimate.mean, estimate.high) if value is not None)
    return f"{mean} [{low}, {high}]"


def _random_vectors(random: np.random.Generator, n_vectors: int) -> Vectors:
    rows = random.normal(size=(n_vectors, 384))
    unit: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


if __name__ == "__main__":
    print(run(sys.argv[1:] or ("quality", "speed")))
