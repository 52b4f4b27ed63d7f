"""Evidence from a JSONL file through a mapping, range by range, and one row of it again (D1)."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

import pyarrow as pa

from millrace.datasets.schema import arrow_schema, table_of
from millrace.distillation.collect_blocks import BlockReader, Reading, skip_row
from millrace.distillation.collect_lines import (
    RANGE_BYTES,
    LineRange,
    LongLine,
    line_at,
    line_ranges,
    open_stream,
    read_blocks,
)
from millrace.distillation.collect_redaction import redact_evidence
from millrace.distillation.collect_trees import TreeReader
from millrace.distillation.evidence import EvidenceBatch, EvidenceJobs
from millrace.distillation.stream_mapping import StreamMapping
from millrace.distillation.stream_rows import RowReader, object_of, too_long
from millrace.errors import BadInputError
from millrace.methods.redaction import Redactor
from millrace.records.evidence import Evidence
from millrace.records.trace import SkipRow


def file_jobs(
    path: Path,
    source_name: str,
    mapping: StreamMapping,
    redactor: Redactor | None,
    default_time: datetime | None,
    tenant_id: str | None,
) -> EvidenceJobs:
    """The evidence of a file, one job for each range of about 32 MiB, and one for its tree-split texts.

    A row gives all its records or one skip; a job's evidence is in the file's order. The values of a row do not depend
    on the rows around it.

    Args:
        source_name: what evidence and skips call the file.
        redactor: takes personal data out; None when the file was redacted before.
        default_time, tenant_id: for rows that say neither.

    Raises:
        NotFoundError: no such file. Bad rows never raise.
    """
    reading = Reading(mapping, source_name, default_time, tenant_id)
    redact = _redaction(redactor)
    for lines in line_ranges(path, RANGE_BYTES):
        yield partial(read_range, path, lines, reading, redact)
    if mapping.tree is not None:
        yield partial(_read_trees, TreeReader(path, reading, mapping.tree), redact)


def records_at(
    path: Path,
    source_name: str,
    offset: int,
    mapping: StreamMapping,
    redactor: Redactor | None,
    default_time: datetime | None,
    tenant_id: str | None,
) -> pa.Table:
    """The evidence of the one line that begins at a byte of the file; of a tree's root, the assembled record.

    Returns:
        A table of ``Evidence``: empty where the line is skipped, or is a shard that is no root.

    Raises:
        NotFoundError: no such file.
        BadInputError: no line begins at that byte.
    """
    reading = Reading(mapping, source_name, default_time, tenant_id)
    redact = _redaction(redactor)
    block = line_at(path, offset)
    if block is None or not len(block):
        raise BadInputError(f"{source_name}: no row begins at byte {offset}", file=source_name, offset=offset)
    if mapping.tree is not None and _is_shard(block.line(0), reading):
        return redact(TreeReader(path, reading, mapping.tree).read(only_offset=offset)[0])
    return redact(BlockReader(reading).read(block)[0])


def read_range(path: Path, lines: LineRange, reading: Reading, redact: Callable[[pa.Table], pa.Table]) -> EvidenceBatch:
    """Evidence and skips of the lines of a range, in their order; shards of trees are left out."""
    tables, skips = [arrow_schema(Evidence).empty_table()], []
    reader = BlockReader(reading)
    with open_stream(path) as file:
        for block in read_blocks(file, lines):
            if isinstance(block, LongLine):
                error = too_long(block.n_bytes)
                skips.append(skip_row(reading.source_name, block.number, block.row_hash, error))
            elif len(block):
                evidence, skipped = reader.read(block)
                tables.append(evidence)
                skips += skipped
    return _batch(pa.concat_tables(tables), skips, redact)


def _read_trees(trees: TreeReader, redact: Callable[[pa.Table], pa.Table]) -> EvidenceBatch:
    return _batch(*trees.read(), redact)


def _batch(evidence: pa.Table, skips: list[SkipRow], redact: Callable[[pa.Table], pa.Table]) -> EvidenceBatch:
    return EvidenceBatch(redact(evidence), table_of(SkipRow, skips))


def _redaction(redactor: Redactor | None) -> Callable[[pa.Table], pa.Table]:
    return (lambda table: table) if redactor is None else partial(redact_evidence, redactor=redactor)


def _is_shard(line: bytes, reading: Reading) -> bool:
    try:
        return RowReader(reading.mapping, None, None).shard(object_of(line)) is not None
    except BadInputError:
        return False
