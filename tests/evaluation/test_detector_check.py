"""A detector's accuracy, with its interval, is that of its scores against the labels."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.errors import BadInputError
from millrace.evaluation.calibration_case import CalibrationCase
from millrace.evaluation.detector_check import DetectorCheck, best_threshold, check_detector
from millrace.methods.consistency import AnsweredCase, Consistency
from millrace.records.trace import Turn


class Told:
    """Scores an answer by the number that it is."""

    identity = "told"

    def __init__(self) -> None:
        self.cases: list[AnsweredCase] = []

    def score(self, cases: Sequence[AnsweredCase]) -> list[Consistency]:
        self.cases.extend(cases)
        return [Consistency(None, "no_claim") if c.answer == "none" else Consistency(float(c.answer)) for c in cases]


def case(number: int, answer: object, *, supported: bool, origin: str = "annotation") -> CalibrationCase:
    return CalibrationCase(
        case_id=f"case-{number}",
        contexts=["passage"],
        answer=str(answer),
        label="supported" if supported else "unsupported",
        labelled_by="people",
        origin=origin,  # type: ignore[arg-type]
        source=f"task-{number}",
    )


def checked(supported: list[object], unsupported: list[object], **settings: float) -> DetectorCheck:
    labelled = [*((score, True) for score in supported), *((score, False) for score in unsupported)]
    cases = [case(number, score, supported=label) for number, (score, label) in enumerate(labelled)]
    return check_detector(cases, Told(), **settings)


def test_accuracy_is_the_share_judged_rightly_with_wilsons_interval() -> None:
    # 3 of 4 supported reach .5, 2 of 4 unsupported stay below: 5 of 8; Wilson at z = 1.96: .3057 to .8632
    found = checked([0.9, 0.5, 0.7, 0.4], [0.6, 0.5, 0.1, 0.2])
    assert found.accuracy.mean == 5 / 8
    assert (found.accuracy.low, found.accuracy.high) == (
        pytest.approx(0.3057, abs=1e-4),
        pytest.approx(0.8632, abs=1e-4),
    )
    assert not found.reaches_goal


def test_auc_counts_the_pairs_in_order() -> None:
    # .9 and .7 above both, .4 above .1 only, of 3 x 2 pairs: 5 of 6
    assert checked([0.9, 0.7, 0.4], [0.6, 0.1]).auc.mean == pytest.approx(5 / 6)


def test_a_case_without_a_score_counts_as_wrong_whatever_its_label() -> None:
    found = checked([0.9, "none"], [0.1, "none"])
    assert (found.n_unscored, found.accuracy.mean, found.auc.n) == (2, 0.5, 2)


def test_the_goal_is_reached_by_the_lower_end_not_by_the_estimate() -> None:
    # Wilson's lower end for n of n is n / (n + z^2): 45 of 45 give .921, 44 of 44 give .9197
    for n, reached in ((44, False), (45, True)):
        found = checked([1.0] * (n // 2), [0.0] * (n - n // 2))
        assert found.accuracy.mean == 1
        assert found.reaches_goal is reached


def test_a_detector_on_another_scale_is_judged_fairly_by_its_best_threshold() -> None:
    found = checked([0.2] * 10, [0.1] * 10)
    assert found.accuracy.mean == 0.5
    assert found.best_threshold == pytest.approx(0.15)
    assert found.best_accuracy.mean == 1


def test_the_best_threshold_of_a_half_is_not_judged_on_that_half() -> None:
    # Even places rank rightly, odd ones in reverse. The even half's threshold judges the odd half wrongly throughout;
    # the odd half does best to call all supported, which is right of half of the even ones: 5 of 20.
    cases = [case(n, (n // 2 % 2) ^ (n % 2), supported=bool(n // 2 % 2)) for n in range(20)]
    assert check_detector(cases, Told()).best_accuracy.mean == 0.25


def test_accuracy_is_told_by_origin_and_label() -> None:
    cases = [
        case(1, 0.9, supported=True, origin="own_passage"),
        case(2, 0.9, supported=False, origin="other_name"),
        case(3, 0.1, supported=False, origin="other_name"),
    ]
    told = [
        (each.origin, each.label, each.accuracy.n, each.accuracy.mean)
        for each in check_detector(cases, Told()).by_origin
    ]
    assert told == [("other_name", "unsupported", 2, 0.5), ("own_passage", "supported", 1, 1.0)]


def test_the_detector_is_given_the_whole_case() -> None:
    scorer = Told()
    asked = case(1, 0.5, supported=True).model_copy(
        update={"question": "q", "history": [Turn(speaker="user", text="h")], "contexts": ["a", "b"]}
    )
    check_detector([asked], scorer)
    assert scorer.cases == [AnsweredCase("0.5", ("a", "b"), "q", (Turn(speaker="user", text="h"),))]


def test_an_empty_set_is_refused() -> None:
    with pytest.raises(BadInputError, match="empty"):
        check_detector([], Told())


def test_where_nothing_is_scored_the_figures_are_none_with_a_reason() -> None:
    found = checked(["none"], ["none"])
    assert (found.accuracy.mean, found.best_threshold, found.auc.mean, found.auc.reason) == (0, None, None, "no_items")


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.2, 0.5, 1.0]), st.booleans()), min_size=1, max_size=12))
def test_no_threshold_judges_more_rightly_than_the_best(scored: list[tuple[float, bool]]) -> None:
    labels = np.array([label for _, label in scored])
    best = best_threshold([Consistency(value) for value, _ in scored], labels)
    assert best is not None

    def n_right(threshold: float) -> int:
        return sum((value >= threshold) is label for value, label in scored)

    assert all(n_right(best) >= n_right(other) for other in np.linspace(0, 1.1, 34))
