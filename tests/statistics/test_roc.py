"""Area under the ROC curve."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from millrace.errors import BadInputError
from millrace.statistics.roc import roc_auc

items = st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=30)


def test_pairs_counted_by_hand() -> None:
    # positives 3, 2; negatives 2, 1: wins 3>2, 3>1, 2>1, tie 2=2 -> 3.5 of 4
    assert roc_auc([3, 2, 2, 1], [True, True, False, False]).value == 0.875


@given(items)
def test_equals_scikit_learn(rows: list[tuple[int, bool]]) -> None:
    scores, labels = zip(*rows, strict=True)
    found = roc_auc(scores, labels)
    if len(set(labels)) == 1:
        assert (found.value, found.reason) == (None, "one_class")
    else:
        assert found.value == pytest.approx(roc_auc_score(labels, scores))
    assert (found.n_positive, found.n_negative) == (sum(labels), len(labels) - sum(labels))


@given(items)
def test_turning_the_score_round_turns_the_area_round(rows: list[tuple[int, bool]]) -> None:
    scores, labels = zip(*rows, strict=True)
    area, turned = roc_auc(scores, labels).value, roc_auc([-s for s in scores], labels).value
    assert (area is None and turned is None) or area == pytest.approx(1 - turned)


@pytest.mark.parametrize(("scores", "labels"), [([1], [True, False]), ([float("nan")], [True]), ([1, 2], [0, 2])])
def test_bad_input_is_refused(scores: list[float], labels: list[int]) -> None:
    with pytest.raises(BadInputError):
        roc_auc(scores, labels)
