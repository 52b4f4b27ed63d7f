"""A version as files, for people and for tools outside (A32)."""

import pyarrow as pa

from millrace.datasets.canonical import canonical_json
from millrace.records.golden import GoldenVersion

ROWS_FILE = "rows.jsonl"
ABOUT_FILE = "version.json"


def version_files(about: GoldenVersion, rows: pa.Table) -> dict[str, bytes]:
    """Rows as JSON lines, then what the version is: the last file tells that the others are there."""
    lines = b"".join(canonical_json(row) + b"\n" for row in rows.to_pylist())
    return {ROWS_FILE: lines, ABOUT_FILE: canonical_json(about)}
