"""Points on two axes as SVG, written by hand: matplotlib would take 100 KB for 600 of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

Point = tuple[float, float]

_WIDTH, _LOWEST, _HIGHEST = 720, 260, 460  # units of the drawing, which the page scales
_TOP, _LEFT, _BOTTOM, _MARGIN = 34, 30, 30, 10
_INSIDE = _WIDTH - _LEFT
_RADIUS = 3


def draw_cloud(names: tuple[str, str], first: Sequence[Point], second: Sequence[Point], alt: str) -> Markup:
    """Two kinds of points, the first behind, with one scale for both axes; about 30 bytes for each.

    Args:
        names: of the two kinds.
        first, second: finite coordinates in any unit, one of them at least.
        alt: what the picture shows, for those who cannot see it.
    """
    scale = _scale([*first, *second])
    height = scale.height
    legend = _legend("then", names[0], _LEFT) + _legend("now", names[1], _LEFT + _WIDTH / 2)
    frame = f"M{_LEFT} {_TOP}V{height - _BOTTOM}H{_WIDTH}"
    axes = (
        f'<text x="{_WIDTH}" y="{height - 8}" text-anchor="end">first main axis</text>'
        f'<text transform="translate(14 {_TOP}) rotate(-90)" text-anchor="end">second main axis</text>'
    )
    dots = "".join(
        f'<g class="{kind}">' + "".join(_dot(*scale.place(point)) for point in points) + "</g>"
        for kind, points in (("then", first), ("now", second))
    )
    return Markup(  # noqa: S704, numbers and escaped texts
        f'<svg class="cloud" role="img" aria-label="{escape(alt)}" viewBox="0 0 {_WIDTH} {height}">'
        f'<path class="frame" d="{frame}"/>{dots}{legend}{axes}</svg>'
    )


@dataclass(frozen=True)
class _Scale:
    """From the points' unit to the drawing's: equal on both axes, the points in the middle."""

    unit: float
    x: float
    y: float
    height: int

    def place(self, point: Point) -> Point:
        return _LEFT + _INSIDE / 2 + self.unit * (point[0] - self.x), self._middle - self.unit * (point[1] - self.y)

    @property
    def _middle(self) -> float:
        return (_TOP + self.height - _BOTTOM) / 2


def _scale(points: Sequence[Point]) -> _Scale:
    (left, right), (low, high) = ((min(values), max(values)) for values in zip(*points, strict=True))
    wide, tall = max(right - left, 1e-9), max(high - low, 1e-9)
    room = _HIGHEST - _TOP - _BOTTOM - 2 * _MARGIN
    unit = min((_INSIDE - 2 * _MARGIN) / wide, room / tall)
    height = max(_LOWEST, round(unit * tall) + _TOP + _BOTTOM + 2 * _MARGIN)
    return _Scale(unit, (left + right) / 2, (low + high) / 2, height)


def _dot(x: float, y: float, radius: float = _RADIUS) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}"/>'


def _legend(kind: str, name: str, x: float) -> str:
    dot = _dot(x + 6, 12, 5)
    return f'<g class="{kind} known">{dot}</g><text x="{x + 17}" y="16.5">{escape(name)}</text>'
