"""Samples of texts, and how far those of now lie from those of the reference."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from millrace.datasets.schema import table_of
from millrace.errors import BadInputError
from millrace.methods.text import words
from millrace.monitoring.drift import DriftConfig, embedding_samples, watch_drift
from millrace.monitoring.embedding_samples import bounded_sample
from millrace.records.monitoring import EmbeddingSample
from tests.support.embedder import HashedWords

COOKING = words("pan oven butter flour sugar knife boil fry bake salt pepper soup bread cake spoon dough roast grill")
TRAVEL = words("flight hotel visa airport luggage passport train ticket beach tour map hostel ferry border cruise")
TIME = datetime(2026, 11, 20, tzinfo=UTC)


def items(n: int, vocabulary: list[str], seed: int, prefix: str) -> pa.Table:
    random = np.random.default_rng(seed)
    texts = [" ".join(random.choice(vocabulary, 4, replace=False)) for _ in range(n)]
    return pa.table({"item_id": [f"{prefix}{row:04d}" for row in range(n)], "time": [TIME] * n, "text": texts})


def sampled(n: int, vocabulary: list[str], seed: int, prefix: str, **changed: Any) -> pa.Table:
    return embedding_samples(items(n, vocabulary, seed, prefix), HashedWords(), DriftConfig(**changed))


REFERENCE = sampled(150, COOKING, 0, "r")
SAME = sampled(100, COOKING, 1, "s")
OTHER = sampled(100, TRAVEL, 2, "o")


def test_the_sample_depends_on_seed_and_ids_alone() -> None:
    table = items(200, COOKING, 0, "i")
    config = DriftConfig(max_samples=50)
    whole = embedding_samples(table, HashedWords(), config)
    turned = embedding_samples(table.slice(100).take(list(range(99, -1, -1))), HashedWords(), config)
    parts = [embedding_samples(table.slice(start, 100), HashedWords(), config) for start in (0, 100)]
    assert whole.num_rows == 50
    assert turned.equals(parts[1])
    assert bounded_sample(pa.concat_tables(parts[::-1]), 50, config.seed).equals(whole)
    other = embedding_samples(table, HashedWords(), DriftConfig(max_samples=50, seed=1))
    assert set(other.column("item_id").to_pylist()) != set(whole.column("item_id").to_pylist())


def test_a_sample_has_the_vectors_of_its_texts() -> None:
    table = items(20, COOKING, 0, "i").set_column(1, "time", pa.nulls(20, pa.timestamp("us", "UTC")))
    text_of = dict(zip(table.column("item_id").to_pylist(), table.column("text").to_pylist(), strict=True))
    for row in embedding_samples(table, HashedWords(), DriftConfig()).to_pylist():
        assert row["vector"] == HashedWords().embed([text_of[row["item_id"]]])[0].tolist()
        assert row["time"] is None


def test_an_id_that_occurs_twice_is_refused() -> None:
    with pytest.raises(BadInputError, match="r0000"):
        watch_drift(pa.concat_tables([REFERENCE, REFERENCE]), SAME, DriftConfig())


def test_texts_of_the_same_kind_have_not_drifted() -> None:
    found = watch_drift(REFERENCE, SAME, DriftConfig())
    assert (found.status, found.reasons, found.n_reference, found.n_current) == ("ok", [], 150, 100)
    assert found.mmd_p_value > 0.05
    assert found.domain_auc.low < 0.55


def test_other_texts_have() -> None:
    found = watch_drift(REFERENCE, OTHER, DriftConfig())
    assert found.status == "critical"
    assert found.mmd_p_value == 1 / 1000
    assert found.domain_auc.mean > 0.95
    assert found.centroid_shift > 0.5


def test_a_share_of_other_texts_is_a_warning_and_they_are_the_most_typical() -> None:
    mixed = pa.concat_tables([SAME.slice(0, 65), OTHER.slice(0, 35)])
    found = watch_drift(REFERENCE, mixed, DriftConfig())
    assert found.status == "warning"
    assert len(found.most_typical_now) == 5
    assert {item_id[0] for item_id in found.most_typical_now} == {"o"}


def test_a_text_is_listed_once_as_typical() -> None:
    vector = OTHER.column("vector")[0].as_py()
    copies = table_of(EmbeddingSample, [EmbeddingSample(item_id=f"c{n}", vector=vector) for n in range(20)])
    found = watch_drift(REFERENCE, pa.concat_tables([OTHER.slice(1), copies]), DriftConfig(n_typical=50))
    assert sum(item_id.startswith("c") for item_id in found.most_typical_now) <= 1


def test_centroid_and_spread_worked_by_hand() -> None:
    # then: (1, 0) and (0, 1), mean direction (1, 1) / sqrt 2, each at cosine .7071 from it; now: all (1, 0)
    then = [[1.0, 0.0], [0.0, 1.0]] * 5
    now = [[1.0, 0.0]] * 10
    tables = [
        table_of(EmbeddingSample, [EmbeddingSample(item_id=f"{n}", vector=v) for n, v in enumerate(rows)])
        for rows in (then, now)
    ]
    found = watch_drift(tables[0], tables[1], DriftConfig())
    assert found.centroid_shift == pytest.approx(1 - 0.5**0.5, abs=1e-6)
    assert found.spread_reference == pytest.approx(1 - 0.5**0.5, abs=1e-6)
    assert (found.spread_current, found.spread_change) == (0.0, -1.0)
    assert (found.domain_auc.mean, found.domain_auc.reason) == (None, "too_few_different_rows")


def test_the_picture_shows_a_bounded_sample_of_both() -> None:
    found = watch_drift(REFERENCE, OTHER, DriftConfig(max_points=30))
    assert [sum(point.current is now for point in found.points) for now in (False, True)] == [30, 30]
    sides = [np.mean([point.x for point in found.points if point.current is now]) for now in (False, True)]
    assert abs(sides[0] - sides[1]) > 0.3  # the first axis parts the two
    assert 0 < found.explained < 1


def test_the_order_of_rows_changes_no_number() -> None:
    turned = OTHER.take(list(range(OTHER.num_rows - 1, -1, -1)))
    assert watch_drift(REFERENCE, turned, DriftConfig()) == watch_drift(REFERENCE, OTHER, DriftConfig())


def test_too_few_texts_are_not_compared() -> None:
    found = watch_drift(REFERENCE, SAME.slice(0, 9), DriftConfig())
    assert (found.status, found.n_current, found.centroid_shift, found.domain_auc) == ("not_enough", 9, None, None)
    assert "9 texts of now" in found.reasons[0]
    assert watch_drift(REFERENCE, SAME.slice(0, 10), DriftConfig()).status == "ok"
    assert watch_drift(REFERENCE.slice(0, 0), SAME, DriftConfig()).status == "not_enough"


def test_empty_texts_count_for_nothing() -> None:
    rows = [EmbeddingSample(item_id=f"e{n}", vector=[0.0] * 384) for n in range(30)]
    found = watch_drift(REFERENCE, pa.concat_tables([SAME, table_of(EmbeddingSample, rows)]), DriftConfig())
    assert found.n_current == 100
    assert found == watch_drift(REFERENCE, SAME, DriftConfig())


def test_a_reference_of_another_embedder_is_refused() -> None:
    short = table_of(EmbeddingSample, [EmbeddingSample(item_id=f"{n}", vector=[1.0, float(n)]) for n in range(20)])
    with pytest.raises(BadInputError, match="another embedder"):
        watch_drift(short, SAME, DriftConfig())
    with pytest.raises(BadInputError, match="several embedders"):
        watch_drift(pa.concat_tables([short, SAME]), SAME, DriftConfig())
