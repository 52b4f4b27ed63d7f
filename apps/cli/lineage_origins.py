"""Where a dataset came from: the receipts of the runs that made it, back to the files that were imported."""

from collections.abc import Iterator
from functools import cached_property

from apps.cli.lineage_hops import Hop, HopStatus, missing
from apps.cli.source_files import hash_again, sources_of
from millrace.datasets.manifest import DatasetRef, Origin
from millrace.errors import BadInputError, MillraceError, NotFoundError
from millrace.ledger.catalogue import is_buried
from millrace.ledger.runs import list_runs
from millrace.records.receipt import Receipt
from millrace.records.source import SourceRef
from tasks.home import Home
from tasks.receipts import read_receipts

_ALL_RUNS = 1_000_000


class Origins:
    """Walks datasets and files of one home; each is looked at once."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._seen: set[str] = set()

    def of(self, ref: DatasetRef) -> Iterator[Hop]:
        """The dataset, the receipt of the step that made it, the files it was made from, and so on upwards."""
        if ref.name in self._seen:
            return
        self._seen.add(ref.name)
        status, found = self._hashed(ref)
        yield Hop(
            subject=ref.name, check="content hash, all parts", status=status, expected=ref.content_hash, found=found
        )
        if status == "same":
            yield from self._made(ref)

    def file(self, source: SourceRef, named_by: str) -> Iterator[Hop]:
        """A file of the user's against the hash that a receipt has of it."""
        name = f"{source.path} {source.sha256}"
        if name not in self._seen:
            self._seen.add(name)
            status, found = hash_again(source)
            subject, check = f"source file {source.path}", f"sha256 in {named_by}"
            yield Hop(subject=subject, check=check, status=status, expected=source.sha256, found=found)

    def _made(self, ref: DatasetRef) -> Iterator[Hop]:
        receipt = self._receipt(ref, self._home.datasets.open(ref).manifest.origin)
        if receipt is None:
            yield missing(ref.name, "receipt of the step that made it", "no run of this home has one")
            return
        named = f"the receipt of {receipt.step}, run {receipt.run_id}"
        yield Hop(subject=ref.name, check=f"stage, settings and inputs in {named}", status="same")
        for source in sources_of([receipt]):
            yield from self.file(source, named)
        for name in receipt.inputs:
            kind, _, content_hash = name.partition(":")
            yield from self.of(DatasetRef(kind=kind, content_hash=content_hash, rows=0))

    def _hashed(self, ref: DatasetRef) -> tuple[HopStatus, str]:
        if is_buried(self._home.ledger, ref.content_hash):
            return "erased", "a tombstone"
        try:
            self._home.datasets.open(ref).verify()
        except NotFoundError as error:
            return "missing", str(error)
        except MillraceError as error:
            return "different", str(error)
        return "same", ref.content_hash

    def _receipt(self, ref: DatasetRef, origin: Origin) -> Receipt | None:
        """The receipt that the dataset's origin describes: the earliest, where a cache answered later."""
        return next((each for each in self._receipts.get(ref.name, []) if _describes(each, origin)), None)

    @cached_property
    def _receipts(self) -> dict[str, list[Receipt]]:
        """Receipts of all runs by the datasets they put out, the earliest first."""
        found: dict[str, list[Receipt]] = {}
        for receipt in sorted(_all_receipts(self._home), key=lambda each: (each.started_at, each.run_id)):
            for name in receipt.outputs:
                found.setdefault(name, []).append(receipt)
        return found


def _describes(receipt: Receipt, origin: Origin) -> bool:
    said = (receipt.function, receipt.settings_hash, receipt.inputs)
    return said == (origin.stage, origin.settings_hash, origin.inputs)


def _all_receipts(home: Home) -> Iterator[Receipt]:
    """Of every run; one that cannot be read proves nothing and is left out."""
    for run in list_runs(home.ledger, limit=_ALL_RUNS):
        try:
            yield from read_receipts(home.run_folder(run.run_id))
        except BadInputError:
            continue
