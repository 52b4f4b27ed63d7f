"""Ratings of each scale as numbers, and what is refused rather than guessed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.errors import BadInputError
from millrace.ingestion.rating_scales import RatingScale, rating_of


@pytest.mark.parametrize(
    ("value", "scale", "expected"),
    [
        (True, None, 1.0),
        (False, None, 0.0),
        ("thumbs_up", None, 1.0),
        ("Thumbs-Down", "thumbs", 0.0),
        ("\N{THUMBS UP SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-4}", None, 1.0),
        ("\N{THUMBS DOWN SIGN}", None, 0.0),
        (1, "thumbs", 1.0),
        (0, "thumbs", 0.0),
        (-1, "thumbs", 0.0),
        (1, "stars", 0.0),
        (4, "stars", 0.75),
        ("5", "stars", 1.0),
        (2.5, "stars", 0.375),
        (1, "unit", 1.0),
        ("0.25", "unit", 0.25),
        (None, "stars", None),
    ],
)
def test_each_scale_has_its_best_at_1_and_its_worst_at_0(
    value: object, scale: RatingScale | None, expected: float | None
) -> None:
    assert rating_of(value, scale) == expected


@pytest.mark.parametrize(
    ("value", "scale", "reason"),
    [
        (1, None, "no_scale"),
        (5, None, "no_scale"),
        ("1", None, "no_scale"),
        (True, "stars", "wrong_type"),
        ("up", "unit", "wrong_type"),
        (2, "thumbs", "out_of_range"),
        (0.5, "thumbs", "out_of_range"),
        (0, "stars", "out_of_range"),
        (6, "stars", "out_of_range"),
        (5, "unit", "out_of_range"),
        (float("nan"), "unit", "out_of_range"),
        ("nan", "stars", "out_of_range"),
        (float("inf"), "stars", "out_of_range"),
        ("secret words", "stars", "wrong_type"),
        ([5], "stars", "wrong_type"),
        (10**400, "stars", "wrong_type"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_reason_and_not_shown(
    value: object, scale: RatingScale | None, reason: str
) -> None:
    with pytest.raises(BadInputError) as caught:
        rating_of(value, scale)
    assert caught.value.details["reason"] == reason
    assert "secret" not in str(caught.value)


@given(st.booleans() | st.integers() | st.floats() | st.text(max_size=5), st.sampled_from(["thumbs", "stars", "unit"]))
def test_whatever_is_taken_lies_between_0_and_1(value: Any, scale: RatingScale) -> None:
    try:
        rating = rating_of(value, scale)
    except BadInputError:
        return
    assert rating is not None
    assert 0 <= rating <= 1
