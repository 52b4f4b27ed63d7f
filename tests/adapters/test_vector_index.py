"""Every adapter of the vector index finds the same hits with the same scores, exactly, and within one tenant."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.errors import BadInputError, NotFoundError
from millrace.ports import IndexPoint, Search, SearchHit, SparseVector, VectorIndex, VectorIndexStore, Vectors
from tests.support.index_points import by_terms, by_vector, point, terms, vector
from tests.support.vector_indexes import ADAPTERS, opened_store

OPENED: list[VectorIndex] = []
COMPASS = [
    point("east", [1, 0], weights={7: 0.5, 9: 1.0}, payload={"doc_id": "a.md"}),
    point("north", [0, 1], weights={7: 2.0}, payload={"doc_id": "a.md", "team": "ops"}),
    point("west", [-3, 0], payload={"doc_id": "b.md", "team": "ops"}),
]
ODD_TENANTS = [
    *["acme", "acme ", " acme", "ACME", "acme\n", "acme\x00", "acme\u200b", "\uff41cme", "\u00e9", "e\u0301"],
    *["*", "%", "_", "?", ".*", "null", "true", "0", "1.0", "[]", "{}", "tenant_id", "payload.tenant_id", "\\"],
    *['"', "'", '["acme"]', 'acme"]}},"must":[]', "acme' OR '1'='1", "../acme", "\U0001f680", "a" * 512, "A" * 512],
]


@pytest.fixture(params=ADAPTERS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VectorIndexStore]:
    with opened_store(request.param, tmp_path) as opened:
        yield opened
        for index in OPENED:
            index.close()
        OPENED.clear()


@pytest.fixture(scope="module", params=ADAPTERS)
def compass(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VectorIndex]:
    """Read only, by many tests."""
    with opened_store(request.param, tmp_path_factory.mktemp("compass")) as opened:
        opened.build("compass", COMPASS, dimension=2)
        index = opened.open("compass")
        yield index
        index.close()


def opened(
    store: VectorIndexStore, points: Sequence[IndexPoint], *, dimension: int = 2, name: str = "one"
) -> VectorIndex:
    store.build(name, points, dimension=dimension)
    OPENED.append(store.open(name))
    return OPENED[-1]


def found(index: VectorIndex, search: Search) -> list[tuple[str, float]]:
    (hits,) = index.search([search])
    return [(hit.point_id, hit.score) for hit in hits]


def ids(index: VectorIndex, search: Search) -> list[str]:
    return [point_id for point_id, _ in found(index, search)]


def test_by_vector_the_nearest_by_cosine_come_with_payload_and_unit_vector(compass: VectorIndex) -> None:
    # cos of (2, 0) with (1, 0) is 1, with (0, 1) is 0, with (-3, 0) is -1
    assert found(compass, by_vector(2, 0)) == [("east", 1.0), ("north", 0.0), ("west", -1.0)]
    (hits,) = compass.search([by_vector(-5, 0, limit=1)])
    assert [(hit.point_id, hit.vector.tolist(), hit.terms_score) for hit in hits] == [("west", [-1.0, 0.0], None)]
    assert hits[0].payload == {"text": "text of west", "doc_id": "b.md", "team": "ops"}


def test_by_terms_the_largest_dot_products_come_first_with_their_cosine(compass: VectorIndex) -> None:
    # north 7: 2.0; east 7 and 9: 0.5 + 1.0; west has no terms
    (hits,) = compass.search([by_terms({7: 1, 9: 1, 11: 1}, 1, 0)])
    assert [(hit.point_id, hit.terms_score, hit.score) for hit in hits] == [("north", 2.0, 0.0), ("east", 1.5, 1.0)]
    assert ids(compass, by_terms({11: 1})) == []


def test_a_filter_leaves_the_points_that_have_all_its_fields(compass: VectorIndex) -> None:
    assert ids(compass, by_vector(1, 0, where={"doc_id": "a.md"})) == ["east", "north"]
    assert ids(compass, by_vector(1, 0, where={"doc_id": "a.md", "team": "ops"})) == ["north"]
    assert ids(compass, by_terms({7: 1}, where={"team": "ops"})) == ["north"]
    assert ids(compass, by_terms({9: 1}, where={"team": "ops"})) == []
    assert ids(compass, by_vector(1, 0, where={"team": "sales"})) == []
    assert ids(compass, by_vector(1, 0, where={"team": "op"})) == []
    assert ids(compass, by_vector(1, 0, where={"text": "text of west"})) == ["west"]


def test_a_filtered_fields_name_is_no_path_into_the_payload(store: VectorIndexStore) -> None:
    odd = {"a.b": "dotted", "c[]": "bracketed", 'd"': "quoted", "": "nameless", "e=f": "g"}
    index = opened(store, [point("odd", [1, 0], payload=odd), point("nested", [1, 0], payload={"a": "b", "e": "f=g"})])
    for name, value in odd.items():
        assert ids(index, by_vector(1, 0, where={name: value})) == ["odd"]
    for name, value in {"point_id": "odd", "payload.a": "b", "fields": "a", "tenant_id": "acme"}.items():
        assert ids(index, by_vector(1, 0, where={name: value})) == []


@pytest.mark.parametrize("victim", ["acme", "tenant_id"])
def test_no_search_reads_across_tenants(store: VectorIndexStore, victim: str) -> None:
    payloads = {name: {"secret": name, "tenant_id": victim, "payload": victim} for name in ODD_TENANTS}
    index = opened(store, [point("shared", [1, 0], name, {7: 1.0}, payloads[name]) for name in ODD_TENANTS])
    widening = [{}, {"tenant_id": victim}, {"secret": victim}, {"point_id": "shared"}, {"": ""}]
    searches = [
        search
        for tenant_id in ODD_TENANTS
        for where in widening
        for search in (
            by_vector(1, 0, tenant_id=tenant_id, limit=100, where=where),
            by_terms({7: 1}, tenant_id=tenant_id, limit=100, where=where),
        )
    ]
    for search, hits in zip(searches, index.search(searches), strict=True):
        secrets = [hit.payload["secret"] for hit in hits]
        assert secrets in ([search.tenant_id], []), f"{search.tenant_id!r} with {search.where} reads {secrets}"
        assert secrets or search.where
    for nobody in ("acm", "acmee", "nobody", "acme,ACME", " "):
        assert index.search([by_vector(1, 0, tenant_id=nobody), by_terms({7: 1}, tenant_id=nobody)]) == [[], []]


def test_the_searches_of_one_call_keep_to_their_own_tenants(store: VectorIndexStore) -> None:
    index = opened(store, [point(f"of {name}", [1, 0], name, {7: 1.0}) for name in ("a", "b", "c")])
    names = ["b", "a", "c", "a"] * 10  # more than are asked for at once
    searches = [by_vector(1, 0, tenant_id=name) for name in names] + [
        by_terms({7: 1}, tenant_id=name) for name in names
    ]
    assert [[hit.point_id for hit in hits] for hits in index.search(searches)] == [[f"of {name}"] for name in names * 2]


@pytest.mark.parametrize(
    "bad",
    [
        by_vector(1, 0, tenant_id=""),
        by_terms({7: 1}, tenant_id=""),
        by_vector(1, 0, tenant_id="\ud800"),
        by_vector(1, 0, limit=0),
        by_vector(1, 0, 0),
        by_vector(float("nan"), 0),
        by_terms({7: float("inf")}),
        Search("acme", vector(1, 0), 1, terms=SparseVector(np.array([2, 1], np.uint32), np.ones(2, np.float32))),
    ],
    ids=["no tenant", "no tenant, terms", "no text", "limit", "dimension", "not finite", "infinite term", "disorder"],
)
def test_a_bad_search_is_refused(compass: VectorIndex, bad: Search) -> None:
    with pytest.raises(BadInputError):
        compass.search([by_vector(1, 0), bad])


def test_nothing_to_compare_with_finds_nothing(store: VectorIndexStore) -> None:
    index = opened(store, COMPASS)
    assert index.search([by_vector(0, 0), by_terms({}), by_terms({7: 1}, 0, 0, limit=1)])[:2] == [[], []]
    assert found(index, by_terms({7: 1}, 0, 0, limit=1)) == [("north", 0.0)]
    assert index.search([]) == []
    empty = opened(store, [], name="empty")
    assert empty.search([by_vector(1, 0), by_terms({7: 1})]) == [[], []]


def test_equal_scores_at_the_cut_are_ordered_by_id_whatever_order_they_were_built_in(store: VectorIndexStore) -> None:
    # 60 points tie, more than an engine is asked for at first
    names = [f"p{number:02}" for number in range(60)]
    for name, order in (("up", names), ("down", names[::-1])):
        index = opened(store, [point(each, [1, 1], weights={7: 1.0}) for each in order], name=name)
        assert ids(index, by_vector(1, 0, limit=3)) == names[:3]
        assert ids(index, by_terms({7: 1}, limit=3)) == names[:3]


def test_an_existing_snapshot_is_left_as_it_is(store: VectorIndexStore) -> None:
    assert not store.exists("one")
    store.build("one", [point("a", [1, 0])], dimension=2)
    store.build("one", [point("b", [1, 0])], dimension=2)
    assert store.exists("one")
    index = store.open("one")
    assert (index.snapshot, ids(index, by_vector(1, 0))) == ("one", ["a"])


def test_snapshots_are_apart(store: VectorIndexStore) -> None:
    first, second = opened(store, [point("a", [1, 0])]), opened(store, [point("b", [1, 0])], name="two")
    assert (ids(first, by_vector(1, 0)), ids(second, by_vector(1, 0))) == (["a"], ["b"])


@pytest.mark.parametrize(
    "bad",
    [
        [point("a", [1, 0, 0])],
        [point("a", [float("nan"), 0])],
        [point("a", [1, 0], weights={7: float("nan")})],
        [point("a", [1, 0], tenant_id="")],
        [point("", [1, 0])],
        [point("a", [1, 0], tenant_id="\ud800")],
        [point("a", [1, 0], payload={"title": "\udfff"})],
        [point("a", [1, 0]), point("a", [0, 1])],
    ],
    ids=["dimension", "not finite", "terms", "no tenant", "no id", "no text", "no text in payload", "twice"],
)
def test_bad_points_are_refused_and_leave_nothing(store: VectorIndexStore, bad: list[IndexPoint]) -> None:
    with pytest.raises(BadInputError):
        store.build("one", bad, dimension=2)
    assert not store.exists("one")


def test_a_missing_snapshot_is_not_found(store: VectorIndexStore) -> None:
    with pytest.raises(NotFoundError, match="no index snapshot"):
        store.open("absent")


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a\n", "a?b"])
def test_a_name_cannot_lead_elsewhere(store: VectorIndexStore, name: str) -> None:
    for use in (store.exists, store.open):
        with pytest.raises(BadInputError, match="cannot name a snapshot"):
            use(name)


def test_a_closed_index_says_so(store: VectorIndexStore) -> None:
    index = opened(store, COMPASS)
    index.close()
    index.close()
    with pytest.raises(BadInputError, match="closed"):
        index.search([by_vector(1, 0)])


def some_points(seed: int, n_points: int, dimension: int) -> list[IndexPoint]:
    """Two tenants; some vectors and terms are repeated, so that there are ties."""
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(n_points, dimension)).astype(np.float32)
    vectors[random.random(n_points) < 0.2] = 1
    points = []
    for place, row in enumerate(vectors):
        own = {int(index): float(random.integers(1, 9)) / 8 for index in random.choice(12, size=3, replace=False)}
        points.append(IndexPoint(f"p{place}", row, f"t{place % 2}", {"parity": str(place // 2 % 2)}, terms(own)))
    return points


def some_searches(seed: int, n_searches: int, dimension: int, limit: int) -> list[Search]:
    random = np.random.default_rng(seed)
    searches = []
    for number in range(n_searches):
        query = random.normal(size=dimension).astype(np.float32)
        asked = terms({int(index): 1.0 for index in random.choice(14, size=4, replace=False)})
        where = {"parity": "1"} if number % 3 == 0 else {}
        searches.append(Search("t0", query, limit, asked if number % 2 else None, where))
    return searches


def exhaustive(points: Sequence[IndexPoint], search: Search) -> list[tuple[str, float]]:
    """What a search finds, by its definition."""
    scores = {}
    for each in points:
        if each.tenant_id != search.tenant_id or not search.where.items() <= each.payload.items():
            continue
        if search.terms is None:
            scores[each.point_id] = cosine(each.vector, search.vector)
        else:
            weights = dict(zip(each.terms.indices.tolist(), each.terms.values.tolist(), strict=True))
            shared = weights.keys() & search.terms.indices.tolist()
            scores |= {each.point_id: sum(weights[index] for index in shared)} if shared else {}
    return sorted(scores.items(), key=lambda item: (-round(item[1], 9), item[0]))[: search.limit]


def cosine(first: Vectors, second: Vectors) -> float:
    a, b = first.astype(np.float64), second.astype(np.float64)
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.mark.parametrize("adapter", ADAPTERS)
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_points=st.integers(0, 80), limit=st.integers(1, 12))
def test_search_equals_an_exhaustive_one(
    tmp_path_factory: pytest.TempPathFactory, adapter: str, seed: int, n_points: int, limit: int
) -> None:
    points, searches = some_points(seed, n_points, 8), some_searches(seed + 1, 6, 8, limit)
    with opened_store(adapter, tmp_path_factory.mktemp("index")) as store:
        index = opened(store, points, dimension=8)
        answers = index.search(searches)
        index.close()
    for search, hits in zip(searches, answers, strict=True):
        expected = exhaustive(points, search)
        assert [hit.point_id for hit in hits] == [point_id for point_id, _ in expected]
        scores = [hit.score if hit.terms_score is None else hit.terms_score for hit in hits]
        assert scores == pytest.approx([score for _, score in expected], abs=1e-6)


def as_values(answers: Sequence[Sequence[SearchHit]]) -> list[list[tuple[object, ...]]]:
    return [
        [(hit.point_id, hit.score, hit.terms_score, hit.payload, hit.vector.tobytes()) for hit in hits]
        for hits in answers
    ]


def test_adapters_agree_to_the_last_bit_in_one_call_or_in_many(tmp_path: Path) -> None:
    points, searches = some_points(5, 300, 48), some_searches(6, 40, 48, 20)
    answers = []
    for adapter in ADAPTERS:
        with opened_store(adapter, tmp_path) as store:
            index = opened(store, points, dimension=48)
            answers.append(as_values(index.search(searches)))
            answers.append(as_values([hits for search in searches for hits in index.search([search])]))
            index.close()
    assert answers[1:] == answers[:1] * 5
    assert all(len(hits) == 20 for hits in answers[0])
