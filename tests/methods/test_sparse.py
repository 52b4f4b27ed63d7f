"""BM25 as a dot product: weights by the formula, sums exact, each collection by its own statistics."""

from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.methods import sparse
from millrace.methods.sparse import K1, B, document_terms, query_terms, term_index
from millrace.ports import SparseVector

TEXTS = [
    "The worker retries a failed task.",
    "Retry policies: retries, delays, jitter.",
    "Results are stored on disk; the worker reads results.",
    "",
]
SENTENCES = st.lists(st.text(alphabet="abc \u00e9-", max_size=30), max_size=8)


def weights(vector: SparseVector) -> dict[int, float]:
    return dict(zip(vector.indices.tolist(), vector.values.tolist(), strict=True))


def dot(query: SparseVector, document: SparseVector) -> float:
    own = weights(document)
    return sum(count * own.get(index, 0.0) for index, count in weights(query).items())


def bm25(query: list[str], document: list[str], collection: list[list[str]]) -> float:
    """By the formula, on lists of terms."""
    mean_length = sum(map(len, collection)) / len(collection)
    total = 0.0
    for term in set(query):
        n_with = sum(term in each for each in collection)
        idf = log(1 + (len(collection) - n_with + 0.5) / (n_with + 0.5))
        count = document.count(term)
        total += (
            query.count(term) * idf * count / (count + K1 * (1 - B + B * len(document) / mean_length)) if count else 0.0
        )
    return total


def test_the_weights_are_those_of_a_table_worked_by_hand() -> None:
    # lengths 1, 2 and 3, mean 2; "disk" in 1 text of 3: ln(1 + 2.5/1.5); "jitter" in all: ln(1 + 0.5/3.5)
    one, two, three = document_terms(["jitter", "jitter jitter", "jitter disk disk"])
    rare, common = log(1 + 2.5 / 1.5), log(1 + 0.5 / 3.5)
    jitter, disk = term_index("jitter"), term_index("disk")
    step = pytest.approx
    assert weights(one)[jitter] == step(common * 1 / (1 + 1.2 * (0.25 + 0.75 * 1 / 2)), abs=0.0005)
    assert weights(two)[jitter] == step(common * 2 / (2 + 1.2 * (0.25 + 0.75 * 2 / 2)), abs=0.0005)
    assert weights(three)[disk] == step(rare * 2 / (2 + 1.2 * (0.25 + 0.75 * 3 / 2)), abs=0.0005)


def test_a_score_is_bm25_up_to_half_a_step_a_term() -> None:
    stems = [["worker", "retri", "fail", "task"], ["retri", "polici", "retri", "delay", "jitter"]]
    stems += [["result", "store", "disk", "worker", "read", "result"], []]
    for asked, asked_stems in {"retries by the worker": ["retri", "worker"], "RESULTS result": ["result"] * 2}.items():
        (query,) = query_terms([asked])
        for vector, document in zip(document_terms(TEXTS), stems, strict=True):
            assert dot(query, vector) == pytest.approx(
                bm25(asked_stems, document, stems), abs=0.0005 * len(asked_stems)
            )


def test_ranks_as_bm25s_does() -> None:
    bm25s = pytest.importorskip("bm25s")
    random = np.random.default_rng(11)
    vocabulary = [f"{first}{second}" for first in "bdfgklmnprt" for second in ("ame", "ike", "olo", "uta")]
    texts = [" ".join(random.choice(vocabulary, size=random.integers(1, 40))) for _ in range(200)]
    peer = bm25s.BM25(method="lucene", k1=K1, b=B)
    stems = [[str(index) for index in sparse._TermIndices().of(text).tolist()] for text in texts]
    peer.index(stems, show_progress=False)
    documents = document_terms(texts)
    for asked in texts[:20]:
        (query,) = query_terms([asked])
        theirs = peer.get_scores([str(index) for index in sparse._TermIndices().of(asked).tolist()])
        ours = [dot(query, document) for document in documents]
        assert ours == pytest.approx(theirs.tolist(), abs=0.0006 * float(query.values.sum()))


def test_another_collection_changes_nothing_and_ones_own_does() -> None:
    alone = document_terms(TEXTS)
    assert [weights(each) for each in document_terms(TEXTS)] == [weights(each) for each in alone]
    assert weights(document_terms([*TEXTS, "Workers retry."])[0]) != weights(alone[0])


def test_words_of_one_stem_are_one_term_and_stop_words_are_none() -> None:
    first, second = query_terms(["retrying the workers", "Worker's retries?"])
    assert weights(first) == weights(second) == {term_index("retri"): 1.0, term_index("worker"): 1.0}


def test_a_term_that_a_query_repeats_counts_as_often() -> None:
    (query,) = query_terms(["Worker or task? Which worker, and which workers?"])
    assert weights(query) == {term_index("worker"): 3.0, term_index("task"): 1.0}


@pytest.mark.parametrize("empty", ["", " \n", "the of and", "?!", "\ud800"])
def test_a_text_without_terms_is_empty(empty: str) -> None:
    assert [len(each.indices) for each in (*query_terms([empty]), *document_terms([empty]))] == [0, 0]


def test_no_texts_are_no_vectors() -> None:
    assert (document_terms([]), query_terms([])) == ([], [])


def test_two_terms_of_one_place_count_as_one_term(monkeypatch: pytest.MonkeyPatch) -> None:
    apart = document_terms(["jitter disk", "queue"])
    monkeypatch.setattr(sparse, "term_index", lambda term: 5 if term in ("jitter", "disk") else 6)
    together = document_terms(["jitter disk", "queue"])
    assert [len(each.indices) for each in apart] == [2, 1]
    assert weights(together[0]) == weights(document_terms(["jitter jitter", "queue"])[0])


@given(texts=SENTENCES)
def test_sums_are_exact_in_single_precision_in_any_order(texts: list[str]) -> None:
    for vector in document_terms(texts):
        values = vector.values
        forwards, backwards = np.float32(0), np.float32(0)
        for value, other in zip(values, values[::-1], strict=True):
            forwards, backwards = np.float32(forwards + value), np.float32(backwards + other)
        assert forwards == backwards == np.float32(values.astype(np.float64).sum())
        assert (values * 1024 == np.rint(values * 1024)).all()


@given(texts=SENTENCES)
def test_vectors_are_ascending_positive_and_follow_their_texts(texts: list[str]) -> None:
    vectors = document_terms(texts)
    assert len(vectors) == len(texts)
    for vector in vectors:
        assert (np.diff(vector.indices.astype(np.int64)) > 0).all()
        assert (vector.values > 0).all()
    assert [weights(each) for each in document_terms(texts[::-1])] == [weights(each) for each in vectors[::-1]]
