"""Which faults a flow is put through: at the bounds of every step, inside every effect, at every kind of operation."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.support.disturbances import BAD_DISK_FAILS, FULL_DISK_FAILS, HALF_WRITTEN, Disturbance
from tests.support.kills import Event

EVENTS_OF_A_RECEIPT = ("open", "torn", "rename", "renamed")
HOUR_BACK_S, TEN_DAYS_ON_S = -3600.0, 864_000.0
UNDISTURBED = Disturbance()

KILLED, HALF_A_WRITE, FULL, BAD = "killed", "half a write, then EIO", "ENOSPC from there on", "EIO once"
TWICE, TWICE_SLOW, TWO_RUNS = "two processes, one run", "the same on a slow disk", "two runs at once"
BACK, ON, KILLED_BACK, KILLED_ON = "clock -1 h", "clock +10 d", "killed, clock -1 h", "killed, clock +10 d"
DISK = (HALF_A_WRITE, FULL, BAD)
AT_ONCE = (TWICE, TWICE_SLOW, TWO_RUNS)

N_IN_TORTURE = {
    KILLED: 36,
    HALF_A_WRITE: 6,
    FULL: 6,
    BAD: 6,
    TWICE: 3,
    TWICE_SLOW: 2,
    TWO_RUNS: 2,
    BACK: 2,
    ON: 2,
    KILLED_BACK: 2,
    KILLED_ON: 2,
}


@dataclass(frozen=True)
class Fault:
    """What happens to each process, and to the one that goes on afterwards."""

    kind: str
    processes: list[Disturbance]
    again: Disturbance = field(default_factory=Disturbance)

    @property
    def at(self) -> int:
        """The operation at which it happens; 0 for none in particular."""
        return self.processes[0].at


def torture(events: Sequence[Event]) -> list[Fault]:
    """Every kind of fault, spread over a whole play of a flow."""
    return [fault for kind, n_faults in N_IN_TORTURE.items() for fault in faults_of(kind, events, n_faults)]


def sample(events: Sequence[Event], turn: int) -> list[Fault]:
    """A few: kills, a fault of the disk, one of processes or clocks; which of them depends on whose turn it is."""
    others = (*AT_ONCE, BACK, ON, KILLED_BACK, KILLED_ON)
    kills = faults_of(KILLED, events, 24)
    chosen = [faults_of(kind, events, 5) for kind in (DISK[turn % len(DISK)], others[turn % len(others)])]
    return [kills[turn % 12], kills[-1 - turn % 12], *(found[turn % len(found)] for found in chosen)]


def faults_of(kind: str, events: Sequence[Event], n_faults: int) -> list[Fault]:
    """As many faults of one kind, at different operations where the kind has them."""
    match kind:
        case "killed":
            return [Fault(kind, [Disturbance("kill", at)]) for at in kill_points(events, n_faults)]
        case "half a write, then EIO":
            return [Fault(kind, [Disturbance("partial", at)]) for at in _of(events, HALF_WRITTEN, n_faults)]
        case "ENOSPC from there on":
            return [Fault(kind, [Disturbance("enospc", at)]) for at in _of(events, FULL_DISK_FAILS, n_faults)]
        case "EIO once":
            return [Fault(kind, [Disturbance("eio", at)]) for at in _of(events, BAD_DISK_FAILS, n_faults)]
        case "two processes, one run":
            return [Fault(kind, [UNDISTURBED, UNDISTURBED])] * n_faults
        case "the same on a slow disk":
            return [Fault(kind, [Disturbance("slow"), Disturbance("slow")])] * n_faults
        case "two runs at once":
            return [Fault(kind, [UNDISTURBED, Disturbance(run="-too")])] * n_faults
    shift_s = HOUR_BACK_S if kind in (BACK, KILLED_BACK) else TEN_DAYS_ON_S
    points = _spread(range(1, len(events) + 1), n_faults)
    if kind in (BACK, ON):
        return [Fault(kind, [Disturbance("clock", at, shift_s)]) for at in points]
    return [Fault(kind, [Disturbance("kill", at)], Disturbance(shift_s=shift_s)) for at in points]


def kill_points(events: Sequence[Event], n_points: int) -> list[int]:
    """Numbers of events, from 1, each once, in order of the flow; at least a share of each of what follows.

    A step's receipt is its last operation, so dying around the receipts is dying at the bounds of all steps; which of
    the receipt's operations it is takes turns. An effect commits its intention, what it does, and that it is done: so
    steps with three commits also die inside the third. The rest goes to the kinds of operations in equal shares.
    """
    bounds = sorted({*_around_receipts(events), *_in_third_commits(events)})
    points = set(_spread(bounds, (n_points + 1) // 2))
    numbers: dict[str, list[int]] = defaultdict(list)
    for number, event in enumerate(events, start=1):
        numbers[event.kind].append(number)
    share = 1
    while len(points) < min(n_points, len(events)):
        for kind in sorted(numbers):
            for point in _spread(numbers[kind], share):
                if len(points) < n_points:
                    points.add(point)
        share += 1
    return sorted(points)


def is_receipt(path: str) -> bool:
    return "receipts/" in path and path.endswith(".json")


def _around_receipts(events: Sequence[Event]) -> list[int]:
    steps = list(dict.fromkeys(path for _, path in events if is_receipt(path)))
    turn_of = {path: EVENTS_OF_A_RECEIPT[index % len(EVENTS_OF_A_RECEIPT)] for index, path in enumerate(steps)}
    first: dict[str, int] = {}
    for number, (kind, path) in enumerate(events, start=1):
        name = path.replace("/.", "/").removesuffix(".tmp")
        if turn_of.get(name) == kind:
            first.setdefault(name, number)
    return sorted(first.values())


def _in_third_commits(events: Sequence[Event]) -> list[int]:
    found, n_commits = [], 0
    for number, (kind, path) in enumerate(events, start=1):
        n_commits += kind == "torn-commit"
        if kind == "torn-commit" and n_commits == 3:
            found.append(number)
        if kind == "renamed" and is_receipt(path):
            n_commits = 0
    return found


def _of(events: Sequence[Event], kinds: frozenset[str], n_wanted: int) -> list[int]:
    """Operations of these kinds, each kind in its turn, spread over the flow."""
    numbers = [[n for n, event in enumerate(events, 1) if event.kind == kind] for kind in sorted(kinds)]
    present = [each for each in numbers if each]
    share = -(-n_wanted // len(present))
    by_kind = [_spread(each, share) for each in present]
    wanted = [each[place] for place in range(share) for each in by_kind if place < len(each)]
    return sorted(wanted[:n_wanted])


def _spread(numbers: Sequence[int], n_wanted: int) -> list[int]:
    """The middles of as many equal stretches."""
    n_wanted = min(n_wanted, len(numbers))
    return [numbers[(2 * index + 1) * len(numbers) // (2 * n_wanted)] for index in range(n_wanted)]
