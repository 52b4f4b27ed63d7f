"""The stage: all parts in order, the same by any cut, and no model without need."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pyarrow as pa
import pytest

from blocks.names import EmbedderName
from millrace.datasets import store
from millrace.datasets.manifest import DatasetRef
from millrace.datasets.parts import cut
from millrace.distillation.config import DecontaminationConfig
from tasks import decontamination
from tasks.decontamination import find_contamination
from tasks.home import Home
from tasks.parts import write_tables
from tasks.stage import stage
from tests.support.contamination import examples, records
from tests.support.embedder import HashedWords
from tests.tasks.turns import Turn

QUESTION = "How do I set the retries of a nightly flow?"
EVALS = examples({"question": QUESTION, "eval_id": "golden main 1"})
EMBEDDER = EmbedderName(name="embedded")


TABLES: dict[str, pa.Table] = {}


@stage
def store_tables(run_id: str) -> list[DatasetRef]:
    """The tables as datasets."""
    return write_tables(**TABLES)


@pytest.fixture
def compare(home: Home, plain: Turn) -> Callable[..., DatasetRef]:
    """Run the stage over tables."""

    def run(evidence: pa.Table, evals: pa.Table, run_id: str = "run", **settings: Any) -> DatasetRef:
        def body() -> DatasetRef:
            TABLES.update(evidence=evidence, eval_examples=evals)
            written = store_tables(run_id)
            return find_contamination(written[0], written[1], EMBEDDER, DecontaminationConfig(**settings))

        found: DatasetRef = plain(body, run_id)
        return found

    return run


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening any model fails."""

    def refuse(_name: str) -> None:
        raise AssertionError("a model was opened")

    monkeypatch.setattr(decontamination, "open_embedder", refuse)
    monkeypatch.setattr(decontamination, "open_word_vectors", refuse)


def rows(home: Home, ref: DatasetRef) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = home.datasets.open(ref).to_arrow().to_pylist()
    return found


SOME = [
    {"prompt": QUESTION},
    {"prompt": "Where are the logs?", "split": "eval"},
    {"prompt": "Where are the logs?"},
    {"prompt": "Set the retries of a nightly flow: how do I?"},
    {"prompt": "x", "text": f"Ask: {QUESTION}"},
]


@pytest.mark.usefixtures("no_model")
@pytest.mark.parametrize(
    ("evidence", "evals", "near"), [(SOME, EVALS, False), (SOME, examples(), True), ([], EVALS, True)]
)
def test_no_model_is_opened_without_need(
    compare: Callable[..., DatasetRef], home: Home, evidence: list[dict[str, Any]], evals: pa.Table, near: bool
) -> None:
    found = rows(home, compare(records(*evidence), evals, near_match=near))
    exact = ["r0", "r4"] if evals.num_rows else []
    assert [each["evidence_id"] for each in found] == (sorted([*exact, "r1"]) if evidence else [])


def test_all_parts_are_compared_and_the_cut_changes_nothing(
    compare: Callable[..., DatasetRef], home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decontamination, "open_embedder", lambda _name: HashedWords())
    monkeypatch.setattr(decontamination, "open_word_vectors", lambda _name: None)
    evidence = records(*(SOME * 9))
    whole = compare(evidence, EVALS)
    found = rows(home, whole)
    assert len(found) == 36
    assert {each["match"] for each in found} == {"split", "exact", "embedding"}
    assert found[0]["eval_id"] == "golden main 1"
    monkeypatch.setattr(store, "cut", partial(cut, max_rows=4))
    again = compare(evidence, EVALS, "again", ngram_words=14)  # another setting, or it would be remembered
    assert rows(home, again) == found


def test_a_part_of_many_tells_how_far_it_is(
    compare: Callable[..., DatasetRef], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    monkeypatch.setattr(decontamination.Progress, "advance", lambda _self, n: told.append(n))
    monkeypatch.setattr(store, "cut", partial(cut, max_rows=2))
    compare(records(*(SOME * 3)), EVALS, near_match=False)
    assert sorted(told) == [5, 10]
