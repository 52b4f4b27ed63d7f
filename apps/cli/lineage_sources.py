"""From a record of the evidence to the bytes, or the row of a dataset, that it was made from, and on to its origin."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from apps.cli.lineage_hops import Hop, compared, differing, missing
from apps.cli.lineage_origins import Origins
from apps.cli.lineage_run import DistillRun
from millrace.datasets.manifest import DatasetRef
from millrace.distillation.collect import records_at
from millrace.distillation.collect_lines import line_at
from millrace.distillation.dataset_rows import dataset_row_hash, unmeasured_row
from millrace.errors import MillraceError, NotFoundError
from millrace.ledger.catalogue import is_buried
from millrace.methods.redaction import Redactor
from millrace.records.kinds import KINDS
from tasks.evidence import FileStream

Row = dict[str, Any]
_ALL_RUNS = 1_000_000


class Sources:
    """Walks from records to their sources; what two records share is looked at once."""

    def __init__(self, run: DistillRun) -> None:
        self._run = run
        self._origins = Origins(run.home)

    def of(self, record: Row) -> Iterator[Hop]:
        """Every hop from a record of the evidence on."""
        kind, _, content_hash = record["source_file"].partition(":")
        if content_hash and kind in KINDS:
            yield from self._dataset_row(DatasetRef(kind=kind, content_hash=content_hash, rows=0), record)
        else:
            yield from self._file_row(record)

    def _file_row(self, record: Row) -> Iterator[Hop]:
        stream = self._file_stream(record)
        if stream is None:
            given = f"run {self._run.run_id} read no file of that name for stream {record['stream']}"
            yield missing(f"source file {record['source_file']}", "sources in the collect-evidence receipt", given)
            return
        path = Path(stream.source.path)
        yield from self._origins.file(stream.source, "the collect-evidence receipt")
        if path.is_file():
            yield _bytes(path, record)
            yield _mapped_again(path, stream, record)

    def _file_stream(self, record: Row) -> FileStream | None:
        wanted = (record["stream"], record["source_file"])
        return next(
            (each for each in self._run.file_streams if (each.mapping.stream, each.source.name) == wanted), None
        )

    def _dataset_row(self, ref: DatasetRef, record: Row) -> Iterator[Hop]:
        number = record["source_offset"]
        subject = f"row {number} of {ref.name}"
        if is_buried(self._run.home.ledger, ref.content_hash):
            yield Hop(subject=subject, check="row_hash of the evidence", status="erased", found="a tombstone")
            return
        try:
            dataset = self._run.home.datasets.open(ref)
            rows = dataset.read_rows(number, number + 1).to_pylist()
        except NotFoundError as error:
            yield missing(subject, "content hash", str(error), ref.content_hash)
            return
        except MillraceError as error:
            yield Hop(
                subject=subject, check="content hash", status="different", expected=ref.content_hash, found=str(error)
            )
            return
        if not rows:
            yield missing(subject, "row_hash of the evidence", f"it has {dataset.ref.rows} rows", record["row_hash"])
            return
        found = dataset_row_hash(unmeasured_row(dataset.model, rows[0]))
        yield compared(subject, "row_hash of the evidence", record["row_hash"], found)
        yield from self._origins.of(ref)


def _bytes(path: Path, record: Row) -> Hop:
    """The line that begins at the record's offset, hashed again."""
    subject = f"bytes of {path} from {record['source_offset']} on"
    try:
        line = line_at(path, record["source_offset"])
    except (MillraceError, OSError) as error:
        return missing(subject, "row_hash of the evidence", str(error), record["row_hash"])
    if line is None or not len(line):
        return Hop(
            subject=subject,
            check="row_hash of the evidence",
            status="different",
            expected=record["row_hash"],
            found="no row begins there",
        )
    return compared(subject, "row_hash of the evidence", record["row_hash"], line.row_hash(0))


def _mapped_again(path: Path, stream: FileStream, record: Row) -> Hop:
    """The record made from the line once more, by the mapping that the receipt holds."""
    subject = f"record {record['evidence_id']}"
    check = f"the line of {path.name} at byte {record['source_offset']}, mapped again"
    try:
        made = records_at(
            path,
            stream.source.name,
            record["source_offset"],
            stream.mapping,
            Redactor(stream.redaction) if stream.redaction else None,
            stream.default_time,
            stream.tenant_id,
        ).to_pylist()
    except (MillraceError, OSError) as error:
        return Hop(subject=subject, check=check, status="different", found=str(error))
    if record in made:
        return Hop(subject=subject, check=check, status="same")
    like = [each for each in made if each["evidence_id"] == record["evidence_id"]]
    fields = differing(record, like[0]) if like else []
    found = f"fields that differ: {', '.join(fields)}" if fields else "the line gives no such record"
    return Hop(subject=subject, check=check, status="different", found=found)
