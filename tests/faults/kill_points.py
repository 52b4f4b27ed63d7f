"""Which operations of a turn to die at: at the bounds of every step, inside every effect, and at every kind."""

from collections import defaultdict
from collections.abc import Sequence

EVENTS_OF_A_RECEIPT = ("open", "torn", "rename", "renamed")


def kill_points(events: Sequence[tuple[str, str]], n_points: int) -> list[int]:
    """Numbers of events, from 1, each once, in order of the turn.

    A step's receipt is its last operation, so dying around the receipts is dying at the bounds of all steps; which of
    the receipt's operations it is takes turns. An effect commits its intention, what it does, and that it is done: so
    steps with three commits also die inside the third. The rest goes to the kinds of operations in equal shares.
    """
    points = {*_around_receipts(events), *_in_third_commits(events)}
    numbers: dict[str, list[int]] = defaultdict(list)
    for number, (kind, _) in enumerate(events, start=1):
        numbers[kind].append(number)
    share = 1
    while len(points) < min(n_points, len(events)):
        for kind in sorted(numbers):
            for point in _spread(numbers[kind], share):
                if len(points) < n_points:
                    points.add(point)
        share += 1
    return sorted(points)


def sample(points: Sequence[int], n_points: int) -> list[int]:
    """As many of them, spread evenly over the turn."""
    return [points[(2 * index + 1) * len(points) // (2 * n_points)] for index in range(n_points)]


def _around_receipts(events: Sequence[tuple[str, str]]) -> list[int]:
    steps = list(dict.fromkeys(path for _, path in events if is_receipt(path)))
    turn_of = {path: EVENTS_OF_A_RECEIPT[index % len(EVENTS_OF_A_RECEIPT)] for index, path in enumerate(steps)}
    first: dict[str, int] = {}
    for number, (kind, path) in enumerate(events, start=1):
        name = path.replace("/.", "/").removesuffix(".tmp")
        if turn_of.get(name) == kind:
            first.setdefault(name, number)
    return sorted(first.values())


def _in_third_commits(events: Sequence[tuple[str, str]]) -> list[int]:
    found, n_commits = [], 0
    for number, (kind, path) in enumerate(events, start=1):
        n_commits += kind == "torn-commit"
        if kind == "torn-commit" and n_commits == 3:
            found.append(number)
        if kind == "renamed" and is_receipt(path):
            n_commits = 0
    return found


def is_receipt(path: str) -> bool:
    return "/receipts/" in path and path.endswith(".json")


def _spread(numbers: Sequence[int], n_wanted: int) -> list[int]:
    """The middles of as many equal stretches."""
    n_wanted = min(n_wanted, len(numbers))
    return [numbers[(2 * index + 1) * len(numbers) // (2 * n_wanted)] for index in range(n_wanted)]
