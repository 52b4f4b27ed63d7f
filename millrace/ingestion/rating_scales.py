"""Ratings of the usual scales as numbers from 0 (bad) to 1 (good); which scale it is must be said."""

from typing import Literal

from millrace.errors import BadInputError

RatingScale = Literal["thumbs", "stars", "unit"]

_GOOD = frozenset({"up", "thumbs up", "thumbsup", "like", "liked", "positive", "good", "true", "yes"})
_BAD = frozenset({"down", "thumbs down", "thumbsdown", "dislike", "disliked", "negative", "bad", "false", "no"})
_THUMB_UP, _THUMB_DOWN = "\N{THUMBS UP SIGN}", "\N{THUMBS DOWN SIGN}"
_FEWEST_STARS, _MOST_STARS = 1, 5


def rating_of(value: object, scale: RatingScale | None) -> float | None:
    """A rating between 0 and 1; None for none.

    Args:
        value: true, false or a word for a thumb, whose meaning is plain; or a number, or a text of one.
        scale: ``thumbs``: 1 is up, 0 and -1 are down. ``stars``: 1 to 5, so 4 is .75. ``unit``: 0 to 1 as it is. None:
            numbers are refused, because a 1 can be the best and the worst there is.

    Raises:
        BadInputError: with a ``reason``: ``no_scale``, ``out_of_range`` or ``wrong_type``; never with the value.
    """
    if value is None:
        return None
    thumb = _thumb(value)
    if thumb is not None:
        if scale in (None, "thumbs"):
            return float(thumb)
        raise BadInputError(f"rating: a thumb, where the scale is {scale}", reason="wrong_type")
    number = _number(value)
    if scale is None:
        raise BadInputError("rating: a number, and nothing says of which scale: give one", reason="no_scale")
    return _on_scale(number, scale)


def _thumb(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str):
        return None
    word = value.strip().casefold().replace("_", " ").replace("-", " ")
    if word in _GOOD or word.startswith(_THUMB_UP):
        return True
    return False if word in _BAD or word.startswith(_THUMB_DOWN) else None


def _number(value: object) -> float:
    try:
        if isinstance(value, int | float | str):
            return float(value)
    except (ValueError, OverflowError):
        pass
    raise BadInputError("rating: neither a number nor a thumb", reason="wrong_type")


def _on_scale(number: float, scale: RatingScale) -> float:
    if scale == "thumbs" and number in (1, 0, -1):
        return max(0.0, number)
    if scale == "stars" and _FEWEST_STARS <= number <= _MOST_STARS:
        return (number - _FEWEST_STARS) / (_MOST_STARS - _FEWEST_STARS)
    if scale == "unit" and 0 <= number <= 1:
        return number
    raise BadInputError(f"rating: a number outside the scale {scale}", reason="out_of_range")
