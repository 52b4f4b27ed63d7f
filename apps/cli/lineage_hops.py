"""What a walk from an exported row to its source looked at, step by step."""

from typing import Literal

from millrace.records.base import Record

HopStatus = Literal["same", "different", "missing", "erased"]


class Hop(Record):
    """One thing looked at on the way: what it was compared with, and how that came out.

    ``expected`` and ``found`` are hashes, or words where no hash tells the difference.
    """

    subject: str
    check: str
    status: HopStatus
    expected: str | None = None
    found: str | None = None


class Lineage(Record):
    """A row's way back; it holds when every hop is the same."""

    row: str
    run_id: str
    exported: list[str]
    hops: list[Hop]

    @property
    def holds(self) -> bool:
        return all(hop.status == "same" for hop in self.hops)


def compared(subject: str, check: str, expected: object, found: object) -> Hop:
    """A hop over two values that should be equal."""
    status: HopStatus = "same" if expected == found else "different"
    return Hop(subject=subject, check=check, status=status, expected=str(expected), found=str(found))


def missing(subject: str, check: str, found: str, expected: str | None = None) -> Hop:
    """A hop to what is not there."""
    return Hop(subject=subject, check=check, status="missing", expected=expected, found=found)


def differing(expected: dict[str, object], found: dict[str, object]) -> list[str]:
    """Names of the fields in which two rows differ, sorted."""
    names = sorted({*expected, *found})
    return [name for name in names if name not in expected or name not in found or expected[name] != found[name]]
