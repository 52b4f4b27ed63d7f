"""The checks of ``millrace verify``."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from pydantic import ValidationError

from apps.cli.export_verification import check_published, publications
from apps.cli.source_files import hash_again, sources_of
from millrace.datasets.manifest import DatasetRef
from millrace.errors import BadInputError, MillraceError, NotFoundError
from millrace.ledger.catalogue import is_buried
from millrace.ledger.runs import Run
from millrace.records.base import Record
from millrace.records.receipt import Receipt
from tasks.erasure_files import NOTE_FILE
from tasks.home import Home
from tasks.receipts import read_receipts, read_summary, run_hash


class Check(Record):
    """One thing looked at.

    What is ``erased`` has a tombstone or a note, and is not missed. A source that is ``missing`` is no finding: users
    move and delete what they imported, and what the run put out of it is still here. A published file that is, is one.
    """

    subject: str
    what: Literal["receipts", "run hash", "dataset", "source", "export", "recomputed"]
    status: Literal["same", "different", "missing", "erased"]
    expected: str
    found: str

    @property
    def is_finding(self) -> bool:
        return self.status == "different" or (self.status == "missing" and self.what == "export")


def check_receipts(home: Home, run: Run) -> tuple[list[Receipt], list[Check]]:
    """The receipts, whether they can be read, and whether they make the summary's run hash.

    Raises:
        NotFoundError: the run left none.
    """
    folder = home.run_folder(run.run_id)
    try:
        receipts = read_receipts(folder)
        summary = read_summary(folder)
    except NotFoundError:
        raise
    except BadInputError as error:
        unreadable = Check(
            subject=str(folder), what="receipts", status="different", expected="valid receipts", found=str(error)
        )
        return [], [unreadable]
    if summary is None:
        return receipts, []
    return receipts, [_compared(run.run_id, "run hash", summary.run_hash, run_hash(receipts))]


def check_datasets(home: Home, receipts: list[Receipt]) -> list[Check]:
    """Every dataset that went in or came out, each once, read and hashed again."""
    names = dict.fromkeys(name for receipt in receipts for name in (*receipt.inputs, *receipt.outputs))
    return [_check_dataset(home, name) for name in names]


def check_sources(receipts: list[Receipt]) -> list[Check]:
    """Every file and folder that the run was given, hashed again."""
    checks = []
    for source in sources_of(receipts):
        status, found = hash_again(source)
        checks.append(Check(subject=source.path, what="source", status=status, expected=source.sha256, found=found))
    return checks


def check_exports(home: Home, receipts: list[Receipt]) -> list[Check]:
    """Every file that the run published as training data, hashed again; what differs says from which line on."""
    return [check for receipt in publications(receipts) for check in _published(home, receipt)]


def _published(home: Home, receipt: Receipt) -> list[Check]:
    try:
        found = list(check_published(home, receipt))
    except (ValidationError, KeyError, TypeError) as error:
        unreadable = Check(
            subject=receipt.step, what="export", status="different", expected="a list of files", found=str(error)
        )
        return [unreadable]
    gone = _how_gone(home, receipt)
    return [
        Check(
            subject=file.name,
            what="export",
            status="same" if wrong is None else "different" if wrong else gone,
            expected=file.sha256,
            found=file.sha256 if wrong is None else wrong or "it is not there any more",
        )
        for file, wrong in found
    ]


def _how_gone(home: Home, receipt: Receipt) -> Literal["missing", "erased"]:
    """Whether an erasure, which leaves a note in the folder, took the run's exports."""
    return "erased" if (home.root / "exports" / receipt.run_id / NOTE_FILE).is_file() else "missing"


def check_recomputed(home: Home, receipts: list[Receipt]) -> list[Check]:
    """Every stage computed again in a scratch folder."""
    from tasks.recompute import recompute

    with TemporaryDirectory(prefix="millrace-recompute-") as scratch:
        results = list(recompute(home, receipts, Path(scratch)))
    return [
        Check(
            subject=each.step,
            what="recomputed",
            status="same" if each.status == "same" else "different",
            expected="\n".join(each.expected),
            found="\n".join([*each.found, *([each.reason] if each.reason else [])]),
        )
        for each in results
    ]


def _check_dataset(home: Home, name: str) -> Check:
    kind, _, content_hash = name.partition(":")
    ref = DatasetRef(kind=kind, content_hash=content_hash, rows=0)  # only kind and hash find it
    if is_buried(home.ledger, content_hash):
        return Check(subject=name, what="dataset", status="erased", expected=content_hash, found="a tombstone")
    try:
        home.datasets.open(ref).verify()
    except MillraceError as error:
        return Check(subject=name, what="dataset", status="different", expected=content_hash, found=str(error))
    return Check(subject=name, what="dataset", status="same", expected=content_hash, found=content_hash)


def _compared(subject: str, what: Literal["run hash"], expected: str, found: str) -> Check:
    return Check(
        subject=subject,
        what=what,
        status="same" if expected == found else "different",
        expected=expected,
        found=found,
    )
