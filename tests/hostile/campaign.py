"""Runs readers on inputs by their numbers, keeps those that fail, and says what it measured.

``python -m tests.hostile.campaign --inputs 10000`` prints the table; ``--reader NAME --number N`` runs one input again.
"""

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import monotonic

from tests.hostile import child, mutation
from tests.hostile.cases import Reader
from tests.hostile.child import Input, Outcome
from tests.hostile.document_readers import CANARY
from tests.hostile.mutation import Files
from tests.hostile.registry import readers

KEPT = Path(tempfile.gettempdir()) / "millrace-hostile"


@dataclass
class Tally:
    """What became of a reader's inputs; ``number`` of the slowest is there to run it again."""

    reader: str
    endings: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    slowest: int = -1
    peak_bytes: int = 0

    @property
    def n_inputs(self) -> int:
        return sum(self.endings.values())


def run_readers(numbers: Mapping[str, Sequence[int]], folder: Path) -> list[Tally]:
    """A tally for each reader named; inputs that fail are kept under ``KEPT``.

    Args:
        folder: made for the inputs, and removed.
    """
    outside = folder / "outside"
    outside.mkdir(parents=True)
    (outside / "secret.md").write_text(CANARY)
    chosen = [each for each in readers() if each.name in numbers]
    tallies = {each.name: Tally(each.name) for each in chosen}
    makers = [(each, list(each.seeds()), number) for each in chosen for number in numbers[each.name]]
    inputs = [Input(partial(make, *maker), maker[0].read) for maker in makers]
    for outcome in child.run(inputs, folder):
        reader, seeds, number = makers[outcome.place]
        failure = _count(tallies[reader.name], number, outcome)
        if failure is not None:
            kept = _keep(reader, make(reader, seeds, number), number, failure, outside)
            tallies[reader.name].failures.append(f"{reader.name} number {number}, kept in {kept}:\n{failure}")
    shutil.rmtree(folder, ignore_errors=True)
    return list(tallies.values())


def make(reader: Reader, seeds: Sequence[Files], number: int) -> Files:
    """The input of a number; 0 is a sound one."""
    if number == 0:
        return dict(seeds[0])
    return mutation.mutant(seeds, number, reader.name, dictionary=reader.words, is_folder=reader.is_folder)


def numbers_of(reader: Reader, total: int, all_readers: Sequence[Reader]) -> range:
    """The reader's share of a total, from 1."""
    weight = total / sum(each.share for each in all_readers)
    return range(1, max(1, round(reader.share * weight)) + 1)


def table(tallies: Sequence[Tally]) -> str:
    """What was measured, as Markdown."""
    rows = [
        f"| {each.reader} | {each.n_inputs} | {each.endings['result']} | {len(each.failures)} "
        f"| {each.slowest_s:.2f} (#{each.slowest}) | {each.peak_bytes / 2**20:.0f} |"
        for each in tallies
    ]
    head = "| reader | inputs | results | failures | slowest, CPU s | peak, MiB |\n|---|---:|---:|---:|---:|---:|\n"
    return head + "\n".join(rows)


def _count(tally: Tally, number: int, outcome: Outcome) -> str | None:
    """Note the outcome; what is wrong with it."""
    tally.endings[outcome.ending] += 1
    tally.peak_bytes = max(tally.peak_bytes, outcome.peak_bytes)
    if outcome.cpu_seconds > tally.slowest_s:
        tally.slowest_s, tally.slowest = outcome.cpu_seconds, number
    if number == 0 and outcome.failure is None and outcome.ending != "result":
        return f"a sound input was refused with {outcome.ending}"
    return outcome.failure


def _keep(reader: Reader, files: Files, number: int, failure: str, outside: Path) -> Path:
    place = KEPT / f"{reader.name.replace(':', '-')}-{number}"
    shutil.rmtree(place, ignore_errors=True)
    child.write(files, place / "input", outside)
    (place / "failure.txt").write_text(failure, errors="replace")
    return place


def main() -> int:
    """Run what the arguments say; 1 when something failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--reader", default="", help="only readers whose name begins so")
    parser.add_argument("--number", type=int)
    given = parser.parse_args()
    chosen = [each for each in readers() if each.name.startswith(given.reader)]
    tallies = []
    for reader in chosen:
        numbers = (
            range(given.number, given.number + 1)
            if given.number is not None
            else numbers_of(reader, given.inputs, chosen)
        )
        begun = monotonic()
        with tempfile.TemporaryDirectory() as folder:
            (tally,) = run_readers({reader.name: numbers}, Path(folder) / "run")
        tallies.append(tally)
        sys.stderr.write(f"{monotonic() - begun:6.1f} s  {reader.name}  {len(tally.failures)}  {dict(tally.endings)}\n")
    sys.stdout.write(table(tallies) + "\n\n" + "\n\n".join(text for each in tallies for text in each.failures) + "\n")
    return 1 if any(each.failures for each in tallies) else 0


if __name__ == "__main__":
    sys.exit(main())
